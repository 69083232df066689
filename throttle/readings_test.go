package throttle_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/internal/readings"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
	"github.com/ductile-go/ductile/throttle"
)

func TestACallThatFindsNoFailuresReadsTheClockOnlyToBeCounted(t *testing.T) {
	clk := readings.NewClock()
	th := throttle.NewThrottle(throttle.Config{Clock: clk})
	p := throttle.New[int](th)
	for range 20 {
		require.Equal(t, 1, clk.Of(func() {
			_, err := p.Do(t.Context(), succeed)
			require.NoError(t, err)
		}))
	}
}

// In real time, two readings differ by some nanoseconds. Each of a hundred calls and its
// attempt take the same time only if both are measured by the same readings.
func TestAPolicyInsideOfAThrottleSharesTheReadingsOfThePipeline(t *testing.T) {
	th := throttle.NewThrottle(throttle.Config{})
	took := map[policy.EventKind]time.Duration{}
	hears := func(_ context.Context, e policy.Event) { took[e.Kind] = e.Elapsed }
	p := pipeline.New[int](throttle.New[int](th), retry.New[int](retry.Config{})).WithObserver(hears, policy.Attempted, policy.Finished)
	for range 100 {
		_, err := p.Do(t.Context(), succeed)
		require.NoError(t, err)
		require.Equal(t, took[policy.Finished], took[policy.Attempted])
	}
}
