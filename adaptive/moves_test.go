package adaptive_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/adaptive"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
)

// A refusal alone shows that the limit was reached: the calls in flight are of an older limit.
func TestARefusalShowsThatTheLimitWasReached(t *testing.T) {
	for name, refuse := range map[string]func(*adaptive.Limiter) error{
		"Acquire": func(l *adaptive.Limiter) error { _, err := l.Acquire(context.Background()); return err },
		"Do":      func(l *adaptive.Limiter) error { _, err := adaptive.Do(context.Background(), l, one); return err },
		"observed": func(l *adaptive.Limiter) error {
			p, _ := observed(l)
			_, err := p.Do(context.Background(), one)
			return err
		},
		"none": func(*adaptive.Limiter) error { return adaptive.ErrLimited },
	} {
		r := aimdRig(t, 10)
		for range 9 {
			r.wave(1, 60*ms)
		}
		old := r.take(10)
		r.clk.Advance(60 * ms)
		old[0].Record(policy.Success)
		require.Equal(t, 9, r.Limit())
		require.ErrorIs(t, refuse(r.Limiter), adaptive.ErrLimited)
		recordAll(old, policy.Success)
		want := 10
		if name == "none" {
			want = 9
		}
		r.wave(8, 20*ms)
		r.wave(8, 20*ms)
		assert.Equal(t, want, r.Limit(), name)
	}
}

// A window that moves no limit forgets nothing.
func TestALearnedLimitIsKeptThroughWindowsAndReconfigurationsThatLeaveIt(t *testing.T) {
	r := aimdRig(t, 10)
	r.wave(10, 60*ms)
	require.Equal(t, 9, r.Limit())
	for range 4 {
		r.wave(5, 20*ms) // it is not reached
	}
	require.Equal(t, 9, r.Limit())
	assert.False(t, r.Idle())
	cfg := r.Config()
	cfg.MinCalls++
	require.NoError(t, r.Reconfigure(cfg))
	assert.False(t, r.Idle())
}

// The window after a move begins with no call in flight, so nothing but its own calls is in
// use.
func TestAfterAMoveWithNoCallInFlightNoneIsInUse(t *testing.T) {
	r := newRig(t, adaptive.Config{Initial: 1})
	r.wave(1, 20*ms)
	require.Equal(t, 2, r.Limit())
	r.wave(2, ms)
	r.clk.Advance(time.Minute)
	r.wave(1, 0)
	assert.Equal(t, 2, r.Limit(), "a window that was idle for a minute does not count")
}

func TestARaisedLimitAdmitsACallThatWaits(t *testing.T) {
	for name, raise := range map[string]func(*testing.T, *adaptive.Limiter, *adaptive.Permit){
		"by a window": func(_ *testing.T, _ *adaptive.Limiter, held *adaptive.Permit) {
			time.Sleep(ms)
			held.Record(policy.Success)
		},
		"by a reconfiguration": func(t *testing.T, l *adaptive.Limiter, _ *adaptive.Permit) {
			cfg := l.Config()
			cfg.Min, cfg.Initial = 3, 0
			require.NoError(t, l.Reconfigure(cfg))
		},
	} {
		bubble(t, func(t *testing.T) {
			l, held := taken(t, adaptive.Config{Target: time.Second, MinCalls: 1, Window: 1, MaxQueue: 2})
			var permits [2]adaptive.Permit
			var all sync.WaitGroup
			for i := range permits {
				all.Go(func() {
					var err error
					permits[i], err = l.Acquire(t.Context())
					assert.NoError(t, err, name)
				})
			}
			synctest.Wait()
			require.Equal(t, 2, l.Snapshot().Waiting)
			raise(t, l, held)
			all.Wait()
			held.Record(policy.Ignored)
			for i := range permits {
				permits[i].Record(policy.Ignored)
			}
			assert.Zero(t, l.Snapshot().InUse)
		})
	}
}

// lone runs fn in an inner pipeline with an observer, so that times are handed on between
// the two, and returns what the outer one says the call took, and the inner one.
func lone(a *adaptive.Adaptive[int], fn policy.Func[int], listen policy.Observer, kinds ...policy.EventKind) (outer, inner time.Duration) {
	elapsed := func(to *time.Duration) policy.Observer {
		return func(_ context.Context, e policy.Event) { *to = e.Elapsed }
	}
	p := pipeline.New[int](a, pipeline.New[int]().WithObserver(elapsed(&inner), policy.Finished)).
		WithObserver(elapsed(&outer), policy.Finished)
	if listen != nil {
		p = p.WithObserver(listen, kinds...)
	}
	_, _ = p.Do(context.Background(), fn)
	return outer, inner
}

func second(context.Context) (int, error) { time.Sleep(time.Second); return 1, nil }

func TestUserFunctionsOfALimiterArePartOfTheCallAroundIt(t *testing.T) {
	const minute = time.Minute
	climb := adaptive.Config{MinCalls: 1, Window: 1, Initial: 1, Target: 1}
	classified := climb
	classified.Classify = func(error) policy.Outcome { time.Sleep(minute); return policy.Undecided }
	slow := func(c adaptive.Config) adaptive.Config {
		c.OnChange = func(adaptive.Change) { time.Sleep(minute) }
		return c
	}
	slowly := func(context.Context, policy.Event) { time.Sleep(minute) }
	for name, c := range map[string]struct {
		cfg    adaptive.Config
		change func(*adaptive.Adaptive[int]) *adaptive.Adaptive[int]
		listen policy.Observer
	}{
		"Classify": {cfg: classified},
		"Classify that came later": {cfg: climb, change: func(a *adaptive.Adaptive[int]) *adaptive.Adaptive[int] {
			_ = a.Limiter().Reconfigure(classified)
			return a
		}},
		"WithClassifier": {cfg: climb, change: func(a *adaptive.Adaptive[int]) *adaptive.Adaptive[int] {
			return a.WithClassifier(func(int, error) policy.Outcome { time.Sleep(minute); return policy.Undecided })
		}},
		"WithKeep": {cfg: climb, change: func(a *adaptive.Adaptive[int]) *adaptive.Adaptive[int] {
			return a.WithKeep(func(_ context.Context, v int, release func()) int { time.Sleep(minute); release(); return v })
		}},
		"an observer of LimitChanged": {cfg: adaptive.Config{MinCalls: 1, Window: 1, Initial: 2, Target: 1}, listen: slowly},
		"OnChange":                    {cfg: slow(adaptive.Config{MinCalls: 1, Window: 1, Initial: 2, Target: 1})},
	} {
		bubble(t, func(t *testing.T) {
			a := adaptive.New[int](adaptive.NewLimiter(c.cfg))
			if c.change != nil {
				a = c.change(a)
			}
			outer, inner := lone(a, second, c.listen, policy.LimitChanged)
			assert.Equal(t, time.Second, inner, name)
			assert.Equal(t, time.Second+minute, outer, name)
		})
	}
}

// The time in a queue is no part of what runs inside, also if the limiter got its queue after
// the policy was made.
func TestTheTimeInAQueueIsNoPartOfInnerTimes(t *testing.T) {
	for _, later := range []bool{false, true} {
		bubble(t, func(t *testing.T) {
			l, held := taken(t, adaptive.Config{MaxQueue: 1})
			queued := l.Config()
			if later {
				now := queued
				now.MaxQueue = 0
				require.NoError(t, l.Reconfigure(now))
			}
			a := adaptive.New[int](l)
			require.NoError(t, l.Reconfigure(queued))
			time.AfterFunc(time.Hour, func() { held.Record(policy.Ignored) })
			outer, inner := lone(a, second, nil)
			assert.Equal(t, time.Second, inner)
			assert.Equal(t, time.Hour+time.Second, outer)
		})
	}
}

// The clock is read as a window is closed, and the user's clock reconfigures the limiter.
func TestAWindowThatAReconfigurationReplacedMovesNoLimit(t *testing.T) {
	var l *adaptive.Limiter
	clk := &calling{Clock: fake.NewClock()}
	l = adaptive.NewLimiter(adaptive.Config{Initial: 10, Target: 50 * ms, MinCalls: 1, Window: ms, Clock: clk})
	p, err := l.Acquire(t.Context())
	require.NoError(t, err)
	clk.Advance(60 * ms)
	readings := 0
	clk.call = func() {
		if readings++; readings == 2 { // the first is that of the end of the call
			cfg := l.Config()
			cfg.MinCalls = 2
			require.NoError(t, l.Reconfigure(cfg))
		}
	}
	p.Record(policy.Success)
	require.Equal(t, 2, readings)
	assert.Equal(t, 10, l.Limit())
	clk.call = nil
	for range 2 {
		_, err = adaptive.Do(t.Context(), l, func(context.Context) (int, error) { clk.Advance(60 * ms); return 1, nil })
		require.NoError(t, err)
	}
	assert.Equal(t, 9, l.Limit(), "the new window is closed by two calls of its own")
}

// calling is a clock that runs call at each reading outside of call.
type calling struct {
	*fake.Clock
	call func()
	in   bool
}

func (c *calling) Now() time.Time {
	if c.call != nil && !c.in {
		c.in = true
		c.call()
		c.in = false
	}
	return c.Clock.Now()
}
