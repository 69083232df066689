package breaker_test

import (
	"context"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/internal/readings"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// audiences are what an observer may want of a breaker, by name.
var audiences = map[string][]policy.EventKind{
	"nothing":      {policy.GaveUp},
	"StateChanged": {policy.StateChanged},
	"Judged":       {policy.Judged},
	"both":         {policy.Judged, policy.StateChanged},
	"all":          nil,
}

// alone runs f on a goroutine of its own, and recovers the panic "boom".
func alone(t *testing.T, f func()) {
	t.Helper()
	var done sync.WaitGroup
	done.Go(func() {
		defer func() { assert.Contains(t, []any{nil, "boom"}, recover()) }()
		f()
	})
	done.Wait()
}

func TestCallsCountTheSameWhateverIsObserved(t *testing.T) {
	undecided := func(error) policy.Outcome { return policy.Undecided }
	for name, c := range map[string]struct {
		cfg  breaker.Config
		want breaker.Counts
	}{
		"row":              {breaker.Config{FailureThreshold: 3}, breaker.Counts{Failures: 3}},
		"time":             {breaker.Config{Window: time.Minute, FailureThreshold: 5}, breaker.Counts{Successes: 1, Failures: 5}},
		"calls":            {breaker.Config{WindowCalls: 9, FailureThreshold: 5}, breaker.Counts{Successes: 1, Failures: 5}},
		"row, classified":  {breaker.Config{FailureThreshold: 3, Classify: undecided}, breaker.Counts{Failures: 3}},
		"calls classified": {breaker.Config{WindowCalls: 9, FailureThreshold: 5, Classify: undecided}, breaker.Counts{Successes: 1, Failures: 5}},
	} {
		for audience, kinds := range audiences {
			c.cfg.Clock = fake.NewClock()
			circuit := breaker.NewCircuit(c.cfg)
			rec := fake.NewRecorder()
			chain := policy.NewChain[int]("", []policy.Listener{{Observe: rec.Observe, Kinds: kinds}}, breaker.New[int](circuit))
			for i, fn := range []policy.Func[int]{
				down, down, succeed, down,
				func(context.Context) (int, error) { panic("boom") },
				func(context.Context) (int, error) { runtime.Goexit(); return 0, nil },
			} {
				require.Equal(t, breaker.Closed, circuit.State(), "%s, %s: before call %d", name, audience, i)
				alone(t, func() { _, _ = chain.Call(fn).Do(context.Background()) })
			}
			s := circuit.Snapshot()
			assert.Equal(t, breaker.Open, s.State, "%s, %s", name, audience)
			assert.Equal(t, c.want, s.Counts, "%s, %s", name, audience)
			var outcomes []policy.Outcome
			moves := 0
			for _, e := range rec.Events() {
				switch e.Kind {
				case policy.Judged:
					outcomes = append(outcomes, e.Outcome)
				case policy.StateChanged:
					moves++
					assert.ErrorIs(t, e.Err, policy.ErrNoReturn)
				}
			}
			if audience == "Judged" || audience == "both" || audience == "all" {
				const bad = policy.Failure
				assert.Equal(t, []policy.Outcome{bad, bad, policy.Success, bad, bad, bad}, outcomes, "%s, %s", name, audience)
			}
			if audience == "StateChanged" || audience == "both" || audience == "all" {
				assert.Equal(t, 1, moves, "%s, %s", name, audience)
			}
		}
	}
}

// An observer panics at the event of a call that has been counted.
func TestACallWhoseObserverPanicsCountsOnce(t *testing.T) {
	for _, kind := range []policy.EventKind{policy.Judged, policy.StateChanged} {
		for name, cfg := range map[string]breaker.Config{
			"plain":      {WindowCalls: 9, FailureThreshold: 1},
			"classified": {WindowCalls: 9, FailureThreshold: 1, Classify: func(error) policy.Outcome { return policy.Undecided }},
		} {
			c := breaker.NewCircuit(cfg)
			chain := policy.NewChain[int]("", []policy.Listener{{
				Observe: func(context.Context, policy.Event) { panic("observer") }, Kinds: []policy.EventKind{kind},
			}}, breaker.New[int](c))
			assert.PanicsWithValue(t, "observer", func() { _, _ = chain.Call(down).Do(t.Context()) }, "%s, %s", kind, name)
			s := c.Snapshot()
			assert.Equal(t, errDown, s.Cause, "%s, %s", kind, name)
			assert.Equal(t, breaker.Counts{Failures: 1}, s.Counts, "%s, %s", kind, name)
		}
	}
}

func TestABreakerReadsTheClockOnlyIfItMatters(t *testing.T) {
	undecided := func(error) policy.Outcome { return policy.Undecided }
	for name, c := range map[string]struct {
		cfg   breaker.Config
		kinds []policy.EventKind
		keep  bool
		want  int
	}{
		"row":                       {breaker.Config{}, audiences["nothing"], false, 0},
		"row, moves":                {breaker.Config{}, audiences["StateChanged"], false, 0},
		"row, judged":               {breaker.Config{}, audiences["Judged"], false, 2},
		"row, kept":                 {breaker.Config{}, audiences["nothing"], true, 0},
		"row, kept and judged":      {breaker.Config{}, audiences["Judged"], true, 2},
		"classified":                {breaker.Config{Classify: undecided}, audiences["nothing"], false, 0},
		"classified, judged":        {breaker.Config{Classify: undecided}, audiences["Judged"], false, 2},
		"slow calls":                {breaker.Config{WindowCalls: 9, SlowCall: 1, SlowRate: 1}, audiences["nothing"], false, 2},
		"slow calls, judged":        {breaker.Config{WindowCalls: 9, SlowCall: 1, SlowRate: 1}, audiences["Judged"], false, 2},
		"time":                      {breaker.Config{Window: time.Minute}, audiences["nothing"], false, 1},
		"time, classified, judged":  {breaker.Config{Window: time.Minute, Classify: undecided}, audiences["Judged"], false, 2},
		"slow calls in time":        {breaker.Config{Window: time.Minute, SlowCall: 1, SlowRate: 1}, audiences["nothing"], false, 2},
		"slow calls, kept, judged":  {breaker.Config{WindowCalls: 9, SlowCall: 1, SlowRate: 1}, audiences["Judged"], true, 2},
		"slow calls, kept":          {breaker.Config{WindowCalls: 9, SlowCall: 1, SlowRate: 1}, audiences["nothing"], true, 2},
		"slow calls, only moves":    {breaker.Config{WindowCalls: 9, SlowCall: 1, SlowRate: 1}, audiences["StateChanged"], false, 2},
		"classified, only of moves": {breaker.Config{Classify: undecided}, audiences["StateChanged"], false, 0},
	} {
		clk := readings.NewClock()
		c.cfg.Clock = clk
		b := breaker.New[int](breaker.NewCircuit(c.cfg))
		if c.keep {
			b = b.WithKeep(func(_ context.Context, v int, record func(policy.Outcome)) int {
				record(policy.Success)
				return v
			})
		}
		call, _ := observed(b, succeed, c.kinds...)
		assert.Equal(t, c.want, clk.Of(func() {
			_, err := call.Do(t.Context())
			require.NoError(t, err)
		}), name)
	}
}

func TestAProbeThroughABreakerReadsTheClockAsAPermitDoes(t *testing.T) {
	reads := func(run func(c *breaker.Circuit)) int {
		clk := readings.NewClock()
		c := breaker.NewCircuit(breaker.Config{Clock: clk})
		c.Trip(1, "")
		clk.Advance(1)
		n := clk.Of(func() { run(c) })
		require.Equal(t, breaker.Closed, c.State())
		return n
	}
	assert.Equal(t,
		reads(func(c *breaker.Circuit) { record(t, c, policy.Success) }),
		reads(func(c *breaker.Circuit) { _, _ = breaker.Do(t.Context(), c, succeed) }),
	)
}

func TestRefusalsOnRealTimeAreCountedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := breaker.NewCircuit(breaker.Config{})
		c.Trip(time.Hour, "")
		for range 5 {
			_, err := breaker.Do(t.Context(), c, succeed)
			require.ErrorIs(t, err, breaker.ErrOpen)
		}
		assert.EqualValues(t, 5, c.Snapshot().Counts.Rejected)
	})
}

func TestACallThatItsCallerGivesUpLateIsJudgedSlow(t *testing.T) {
	for took, reason := range map[time.Duration]string{time.Second - 1: "", time.Second: "slow"} {
		clk := fake.NewClock()
		c := breaker.NewCircuit(breaker.Config{WindowCalls: 9, SlowCall: time.Second, SlowRate: 1, Clock: clk})
		ctx, cancel := context.WithCancel(t.Context())
		call, rec := observed(breaker.New[int](c), func(context.Context) (int, error) {
			clk.Advance(took)
			cancel()
			return 0, errDown
		}, policy.Judged)
		_, _ = call.Do(ctx)
		require.Len(t, rec.Events(), 1)
		assert.Equal(t, policy.Ignored, rec.Events()[0].Outcome)
		assert.Equal(t, reason, rec.Events()[0].Reason)
	}
}

// elapsed runs fn through a breaker around a retry, and returns how long the whole call and
// the breaker's part took. Both measure real time, and share readings where they can.
func elapsed(t *testing.T, b *breaker.Breaker[int], each map[policy.EventKind]func()) (whole, part time.Duration) {
	t.Helper()
	kinds := []policy.EventKind{policy.Attempted, policy.Judged, policy.Finished}
	_, err := pipeline.New[int](b, retry.New[int](retry.Config{})).WithObserver(func(_ context.Context, e policy.Event) {
		switch e.Kind {
		case policy.Finished:
			whole = e.Elapsed
		case policy.Judged:
			part = e.Took
		}
		if f := each[e.Kind]; f != nil {
			f()
		}
	}, kinds...).Do(t.Context(), func(context.Context) (int, error) { time.Sleep(time.Minute); return 1, nil })
	require.NoError(t, err)
	return whole, part
}

func TestTheTimesOfEventsIncludeFunctionsOfTheUserAndNotObservers(t *testing.T) {
	sleep := func() { time.Sleep(time.Second) }
	const call = time.Minute
	for name, c := range map[string]struct {
		cfg         breaker.Config
		with        func(*breaker.Breaker[int]) *breaker.Breaker[int]
		each        map[policy.EventKind]func()
		whole, part time.Duration
	}{
		"an observer of the attempt": {
			each: map[policy.EventKind]func(){policy.Attempted: sleep}, whole: call, part: call,
		},
		"an observer of the attempt, after Reconfigure": {
			with: func(b *breaker.Breaker[int]) *breaker.Breaker[int] {
				_ = b.Circuit().Reconfigure(breaker.Config{FailureThreshold: 9})
				return b
			},
			each: map[policy.EventKind]func(){policy.Attempted: sleep}, whole: call, part: call,
		},
		"an observer of the verdict": {
			each:  map[policy.EventKind]func(){policy.Judged: sleep},
			whole: call, part: call,
		},
		"an observer of a classified verdict": {
			cfg:   breaker.Config{Classify: func(error) policy.Outcome { return policy.Undecided }},
			each:  map[policy.EventKind]func(){policy.Judged: sleep},
			whole: call, part: call,
		},
		"Classify": {
			cfg:   breaker.Config{Classify: func(error) policy.Outcome { sleep(); return policy.Success }},
			whole: call + time.Second, part: call + time.Second,
		},
		"a typed classifier": {
			with: func(b *breaker.Breaker[int]) *breaker.Breaker[int] {
				return b.WithClassifier(func(int, error) policy.Outcome { sleep(); return policy.Success })
			},
			whole: call + time.Second, part: call + time.Second,
		},
		"hold": {
			with: func(b *breaker.Breaker[int]) *breaker.Breaker[int] {
				return b.WithKeep(func(_ context.Context, v int, record func(policy.Outcome)) int {
					sleep()
					record(policy.Success)
					return v
				})
			},
			whole: call + time.Second, part: call,
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := breaker.New[int](breaker.NewCircuit(c.cfg))
			if c.with != nil {
				b = c.with(b)
			}
			whole, part := elapsed(t, b, c.each)
			assert.Equal(t, c.whole, whole, "%s: the whole call", name)
			assert.Equal(t, c.part, part, "%s: the breaker's part", name)
		})
	}
}

func TestTheTimeOfACallIncludesListenersToItsMove(t *testing.T) {
	for _, kinds := range [][]policy.EventKind{{policy.Finished}, {policy.Finished, policy.Judged}, {policy.Finished, policy.Attempted}} {
		synctest.Test(t, func(t *testing.T) {
			c := breaker.NewCircuit(breaker.Config{})
			c.Trip(time.Second, "")
			time.Sleep(time.Second)
			require.Equal(t, breaker.HalfOpen, c.State())
			c.Watch(func(breaker.Transition) { time.Sleep(time.Minute) })
			var took time.Duration
			_, err := pipeline.New[int](breaker.New[int](c), retry.New[int](retry.Config{})).WithObserver(func(_ context.Context, e policy.Event) {
				if e.Kind == policy.Finished {
					took = e.Elapsed
				}
			}, kinds...).Do(t.Context(), succeed)
			require.NoError(t, err)
			require.Equal(t, breaker.Closed, c.State())
			assert.Equal(t, time.Minute, took, "%v", kinds)
		})
	}
}
