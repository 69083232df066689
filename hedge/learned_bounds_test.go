package hedge_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/hedge"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// learns asserts that the delay of h is the upper bound of the bucket of want.
func learns(t *testing.T, h *hedge.Hedge[int], want time.Duration, why string) {
	t.Helper()
	assert.InDelta(t, want, delayOf(t, h), float64(want)/10, why)
}

// each returns a function for feed.
func each(d time.Duration) func(int) time.Duration { return func(int) time.Duration { return d } }

func TestADelayIsComputedAgainIfASixteenthOfTheLatenciesIsNew(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		h := hedge.New[int](hedge.Config{MinCalls: 160, Budget: hedge.NoBudget})
		feed(t, h, 160, each(10*ms))
		feed(t, h, 9, each(time.Second))
		learns(t, h, 10*ms, "less than a sixteenth is new")
		feed(t, h, 1, each(time.Second))
		learns(t, h, time.Second, "ten of 160 are new, and six percent are slow")
	})
}

func TestEachOfTheFirstLatenciesIsLearned(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		h := hedge.New[int](hedge.Config{MinCalls: 1, Budget: hedge.NoBudget})
		for _, d := range []time.Duration{10 * ms, 20 * ms, 40 * ms} {
			feed(t, h, 1, each(d))
			learns(t, h, d, "the slowest of few")
		}
	})
}

func TestALearnedDelayIsAtLeastOneNanosecond(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		h := hedge.New[int](hedge.Config{MinCalls: 1, MinDelay: 1, Budget: hedge.NoBudget})
		feed(t, h, 3, each(0))
		assert.EqualValues(t, 1, delayOf(t, h))
		h = hedge.New[int](hedge.Config{MinCalls: 1, MaxDelay: 1, Budget: hedge.NoBudget})
		feed(t, h, 3, each(time.Second))
		assert.EqualValues(t, 1, delayOf(t, h))
	})
}

func TestADelayIsLearnedFromFirstAttemptsThatWinOrLose(t *testing.T) {
	const long = 500 * ms
	never := after(time.Hour, 0, errDown)
	for name, c := range map[string]struct {
		run  attempts
		want time.Duration
	}{
		"a first attempt that wins late": {attempts{after(long, 1, nil), never, never}, long},
		"a first attempt that loses":     {attempts{never, after(long-20*ms, 2, nil), never}, long},
		"one that failed before":         {attempts{after(30*ms, 0, errDown), after(long, 2, nil), never}, 10 * ms},
		"one that failed before others":  {attempts{after(30*ms, 0, errDown), after(30*ms, 0, errDown), after(long, 3, nil)}, 10 * ms},
		"a first attempt that panics":    {attempts{panicking(long, boom{1}), never, never}, 10 * ms},
	} {
		for _, abandon := range []bool{false, true} {
			inBubble(t, func(t *testing.T) {
				cfg := hedge.Config{MinCalls: 1, MaxExtra: 2, Abandon: abandon, Budget: hedge.NoBudget}
				h := hedge.New[int](cfg)
				feed(t, h, 1, each(10*ms))
				func() {
					defer func() { _ = recover() }()
					_, err := h.Do(t.Context(), c.run.run)
					assert.NoError(t, err)
				}()
				cfg.MaxExtra = 1
				learns(t, h.WithConfig(cfg), c.want, name)
			})
		}
	}
}

func TestACopyWithAnotherConfigLearnsFromMinCallsOn(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		cfg := hedge.Config{MinCalls: 10, Budget: hedge.NoBudget}
		h := hedge.New[int](cfg)
		feed(t, h, 9, each(10*ms))
		h = h.WithConfig(cfg)
		assert.Zero(t, delayOf(t, h), "one is missing")
		feed(t, h, 1, each(10*ms))
		learns(t, h, 10*ms, "enough")
		learns(t, h.WithConfig(cfg), 10*ms, "the copy needs no more")
	})
	inBubble(t, func(t *testing.T) {
		cfg := hedge.Config{MinCalls: 1, Budget: hedge.NoBudget}
		h := hedge.New[int](cfg)
		feed(t, h, 1, each(10*ms))
		h = h.WithConfig(cfg)
		feed(t, h, 1, each(time.Second))
		learns(t, h, time.Second, "the first latency of the copy counts at once")
	})
	inBubble(t, func(t *testing.T) {
		h := hedge.New[int](hedge.Config{Delay: ms}).WithConfig(hedge.Config{MinCalls: 1, Budget: hedge.NoBudget})
		assert.Zero(t, delayOf(t, h), "a fixed delay is not learned from")
		feed(t, h, 1, each(10*ms))
		learns(t, h, 10*ms, "its own latencies are")
	})
}

func TestALearnedLatencyLeavesOutTheTimeOfInnerObservers(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		h := hedge.New[int](hedge.Config{MinCalls: 1, Budget: hedge.NoBudget})
		slow := func(_ context.Context, e policy.Event) {
			if e.Kind == policy.Attempted {
				time.Sleep(time.Second)
			}
		}
		p := pipeline.New[int](h, retry.New[int](retry.Config{})).WithObserver(slow)
		_, err := p.Do(t.Context(), after(10*ms, 1, nil))
		require.NoError(t, err)
		learns(t, h, 10*ms, "without the observer's second")
	})
}
