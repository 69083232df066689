package policy

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// lapping is a prompt policy of this module that measures its part of the call, and then
// runs a function that takes time, as an observer may.
type lapping struct {
	promptly
	clock  Clock
	before func(next Call[int])
	after  func(next Call[int])
	again  bool
	took   *time.Duration
}

func (l lapping) Execute(ctx context.Context, next Call[int]) (int, error) {
	if l.before != nil {
		l.before(next)
	}
	watch := next.Stopwatch(l.clock)
	v, err := next.Do(ctx)
	if l.again {
		time.Sleep(time.Minute)
		v, err = next.Again(ctx)
	}
	*l.took = next.Lap(watch, err == nil)
	if l.after != nil {
		l.after(next)
	}
	return v, err
}

// waiting is a policy that takes a minute after the call.
type waiting struct{}

func (waiting) Execute(ctx context.Context, next Call[int]) (int, error) {
	defer time.Sleep(time.Minute)
	return next.Do(ctx)
}

// bubbleClock is the time of the bubble as a user's clock.
type bubbleClock struct{ Clock }

func (bubbleClock) Now() time.Time { return time.Now() }

func sleeps(Call[int]) { time.Sleep(time.Minute) }

func TestALapReusesTheReadingOfAnInnerPolicyThatJustEnded(t *testing.T) {
	errDown := errors.New("down")
	check := Check(func(_ int, err error) error { time.Sleep(time.Minute); return err })
	keep := Timeout[int](time.Hour).WithKeep(func(_ context.Context, v int, release func()) int { time.Sleep(time.Minute); release(); return v })
	for name, c := range map[string]struct {
		outer, inner lapping
		between      Policy[int] // of outer and inner, if not nil
		instant      bool        // the function takes no time
		err          error
		want         time.Duration // of outer
		finished     time.Duration
	}{
		"after an observer":                  {inner: lapping{after: sleeps}, want: time.Second, finished: time.Second},
		"of an instant call":                 {inner: lapping{after: sleeps}, instant: true},
		"after two observers":                {outer: lapping{after: sleeps}, inner: lapping{after: sleeps}, want: time.Second, finished: time.Second},
		"but not on a clock":                 {outer: lapping{clock: bubbleClock{}}, inner: lapping{after: sleeps}, want: time.Minute + time.Second, finished: time.Second},
		"nor of a policy on a clock":         {inner: lapping{clock: bubbleClock{}, after: sleeps}, want: time.Minute + time.Second, finished: time.Minute + time.Second},
		"nor of a failure":                   {inner: lapping{after: sleeps}, err: errDown, want: time.Minute + time.Second, finished: time.Minute + time.Second},
		"nor behind a policy that waits":     {inner: lapping{after: sleeps}, between: waiting{}, want: 2*time.Minute + time.Second, finished: 2*time.Minute + time.Second},
		"nor behind a check":                 {inner: lapping{}, between: check, want: time.Minute + time.Second, finished: time.Minute + time.Second},
		"nor behind a condition":             {inner: lapping{}, between: FallbackValue(7).WithCondition(func(int, error) bool { time.Sleep(time.Minute); return false }), want: time.Minute + time.Second, finished: time.Minute + time.Second},
		"nor behind a timeout that keeps":    {inner: lapping{}, between: keep, want: time.Minute + time.Second, finished: time.Minute + time.Second},
		"nor after a callback":               {inner: lapping{after: func(c Call[int]) { sleeps(c); c.Delayed() }}, want: time.Minute + time.Second, finished: time.Minute + time.Second},
		"nor after a further attempt":        {inner: lapping{again: true, after: sleeps}, want: 2*time.Minute + 2*time.Second, finished: 2*time.Minute + 2*time.Second},
		"nor after one of an outer policy":   {outer: lapping{again: true}, inner: lapping{after: sleeps}, want: 3*time.Minute + 2*time.Second, finished: 3*time.Minute + 2*time.Second},
		"and a callback before is not timed": {outer: lapping{before: func(c Call[int]) { sleeps(c); c.Delayed() }}, want: time.Second, finished: time.Minute + time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			var took, inside, elapsed time.Duration
			c.outer.took, c.inner.took = &took, &inside
			policies := []Policy[int]{c.outer}
			if c.between != nil {
				policies = append(policies, c.between)
			}
			hears := []Listener{{Observe: func(_ context.Context, e Event) { elapsed = e.Elapsed }, Kinds: []EventKind{Finished}}}
			_, err := NewChain("p", hears, append(policies, c.inner)...).Call(func(context.Context) (int, error) {
				if !c.instant {
					time.Sleep(time.Second)
				}
				return 1, c.err
			}).Do(t.Context())
			require.Equal(t, c.err, err, name)
			assert.Equal(t, c.want, took, name)
			assert.Equal(t, c.finished, elapsed, "Finished, %s", name)
		})
	}
}

func TestALapWithoutAPipelineIsTheTimeSinceTheStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var took time.Duration
		one := func(context.Context) (int, error) { time.Sleep(time.Second); return 1, nil }
		l := lapping{took: &took}
		for _, c := range []Call[int]{CallOf(one), NewChain[int]("", nil, Policy[int](l)).Call(one)} {
			took = 0
			_, err := l.Execute(t.Context(), c)
			require.NoError(t, err)
			assert.Equal(t, time.Second, took)
		}
		CallOf(one).Delayed()
	})
}

func TestAStopwatchInsideAPolicyThatRepeatsReadsTheClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var outside, inside time.Duration
		hears := []Listener{{Observe: func(context.Context, Event) {}}}
		chain := NewChain[int]("p", hears, lapping{again: true, took: &outside}, lapping{took: &inside})
		_, err := chain.Call(func(context.Context) (int, error) { time.Sleep(time.Second); return 1, nil }).Do(t.Context())
		require.NoError(t, err)
		assert.Equal(t, time.Second, inside)
		assert.Equal(t, time.Minute+2*time.Second, outside)
	})
}

func TestFinishedOfAnOuterPipelineReusesTheReadingOfAPromptInnerOne(t *testing.T) {
	for name, c := range map[string]struct {
		around Policy[int] // the policy of the outer pipeline that is around the inner one
		want   time.Duration
	}{
		"prompt": {lapping{took: new(time.Duration)}, time.Second},
		"waits":  {waiting{}, 2*time.Minute + time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			var outer time.Duration
			hears := []Listener{{Observe: func(_ context.Context, e Event) {
				if e.Kind != Finished {
					return
				}
				if e.Pipeline == "in" {
					time.Sleep(time.Minute)
				} else {
					outer = e.Elapsed
				}
			}}}
			in := NewChain("in", nil, Policy[int](lapping{took: new(time.Duration)}))
			_, err := NewChain("out", hears, c.around, in).Call(func(context.Context) (int, error) {
				time.Sleep(time.Second)
				return 1, nil
			}).Do(t.Context())
			require.NoError(t, err)
			assert.Equal(t, c.want, outer, name)
		})
	}
}

// waitingFirst is a policy that takes a minute before the call.
type waitingFirst struct{}

func (waitingFirst) Execute(ctx context.Context, next Call[int]) (int, error) {
	time.Sleep(time.Minute)
	return next.Do(ctx)
}

func TestNoPolicyBehindOneThatWaitsReusesThePipelinesReading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var first, second time.Duration
		hears := []Listener{{Observe: func(context.Context, Event) {}}}
		chain := NewChain[int]("p", hears, waitingFirst{}, lapping{took: &first}, lapping{took: &second})
		_, err := chain.Call(func(context.Context) (int, error) { time.Sleep(time.Second); return 1, nil }).Do(t.Context())
		require.NoError(t, err)
		assert.Equal(t, []time.Duration{time.Second, time.Second}, []time.Duration{first, second})
	})
}

func TestALapIsRightIfOnlyTheStartIsObserved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var took time.Duration
		hears := []Listener{{Observe: func(context.Context, Event) {}, Kinds: []EventKind{Started}}}
		chain := NewChain("p", hears, Policy[int](lapping{took: &took}))
		_, err := chain.Call(func(context.Context) (int, error) { time.Sleep(time.Second); return 1, nil }).Do(t.Context())
		require.NoError(t, err)
		assert.Equal(t, time.Second, took)
	})
}
