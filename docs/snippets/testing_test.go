package snippets_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/policytest"
)

var errDown = errors.New("down")

func down(context.Context) (int, error) { return 0, errDown }

// What docs/testing.md shows.

func TestOpenCircuitRecovers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		circuit := breaker.NewCircuit(breaker.Config{FailureThreshold: 1})
		_, err := breaker.Do(t.Context(), circuit, down)
		require.ErrorIs(t, err, errDown)
		time.Sleep(30 * time.Second) // takes no time in the bubble
		assert.Equal(t, breaker.HalfOpen, circuit.State())
	})
}

func TestAdvanceReleasesWhatWaits(t *testing.T) {
	ctx, clk, done := t.Context(), fake.NewClock(), make(chan error)
	go func() { done <- clk.Sleep(ctx, time.Second) }()
	require.NoError(t, clk.BlockUntil(ctx, 1)) // 1. wait until the goroutine waits
	clk.Advance(time.Second)                   // 2. move time
	require.NoError(t, <-done)                 // 3. wait for what that does
}

func TestARecorderKeepsTheKindsOfEvents(t *testing.T) {
	ctx, call := t.Context(), fake.NewFunc[int]().Fail(errDown)
	rec := fake.NewRecorder()
	_, _ = pipeline.New(policy.FallbackValue(7)).WithObserver(rec.Observe).Do(ctx, call.Do)
	assert.Equal(t, []policy.EventKind{policy.Started, policy.FellBack, policy.Recovered, policy.Finished}, rec.Kinds())
}

type limit[T any] struct{ places chan struct{} }

func (l *limit[T]) Execute(ctx context.Context, next policy.Call[T]) (v T, err error) {
	if ctx.Err() != nil {
		return v, policy.Ended(ctx)
	}
	select {
	case l.places <- struct{}{}:
		defer func() { <-l.places }()
		return next.Do(ctx)
	default:
		return v, fmt.Errorf("limit: %w", policy.ErrRejected)
	}
}

func TestLimitKeepsThePromises(t *testing.T) {
	policytest.Run(t, func() policy.Policy[int] {
		return &limit[int]{make(chan struct{}, 10)}
	})
}
