package throttle_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
	"github.com/ductile-go/ductile/throttle"
)

// counted is a clock that counts how often it is read.
type counted struct {
	*fake.Clock
	reads int
}

func (c *counted) Now() time.Time {
	c.reads++
	return c.Clock.Now()
}

func TestACallThatFindsNoFailuresReadsTheClockOnlyToBeCounted(t *testing.T) {
	clk := &counted{Clock: fake.NewClock()}
	th := throttle.NewThrottle(throttle.Config{Clock: clk})
	p := throttle.New[int](th)
	for range 20 {
		clk.reads = 0
		_, err := p.Do(t.Context(), succeed)
		require.NoError(t, err)
		require.Equal(t, 1, clk.reads)
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
