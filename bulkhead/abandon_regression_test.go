package bulkhead_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
)

// A function may queue at a gate of its own, for a while, and go on without a place.
func TestAFunctionThatLeftAQueueIsAbandoned(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g, place := taken(t, bulkhead.Config{MaxQueue: 1})
		abandon := policy.NewTimeout[int](policy.TimeoutConfig{After: 2 * time.Second, Abandon: true})
		begun := time.Now()
		_, err := pipeline.New[int](abandon).Do(t.Context(), func(ctx context.Context) (int, error) {
			short, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			_, err := g.Acquire(short)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			time.Sleep(time.Hour) // ignores its context
			return 1, nil
		})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, 2*time.Second, time.Since(begun))
		place.Release()
		time.Sleep(2 * time.Hour)
		require.True(t, g.Idle())
	})
}
