package breaker_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
)

// observed returns a call of fn through b, and the events of the given kinds.
func observed(b *breaker.Breaker[int], fn policy.Func[int], kinds ...policy.EventKind) (policy.Call[int], *fake.Recorder) {
	rec := fake.NewRecorder()
	return policy.NewChain[int]("", []policy.Listener{{Observe: rec.Observe, Kinds: kinds}}, b).Call(fn), rec
}

func TestOutcomesThatThereAreNotAreJudgedAsFailures(t *testing.T) {
	unknown := func(error) policy.Outcome { return policy.Ignored + 1 }
	for name, make := range map[string]func() (*breaker.Breaker[int], policy.Func[int]){
		"by Classify": func() (*breaker.Breaker[int], policy.Func[int]) {
			return breaker.New[int](breaker.NewCircuit(breaker.Config{Classify: unknown})), down
		},
		"by Classify since the call began": func() (*breaker.Breaker[int], policy.Func[int]) {
			c := breaker.NewCircuit(breaker.Config{})
			return breaker.New[int](c), func(context.Context) (int, error) {
				return 0, errors.Join(errDown, c.Reconfigure(breaker.Config{Classify: unknown}))
			}
		},
		"by record": func() (*breaker.Breaker[int], policy.Func[int]) {
			b := breaker.New[int](breaker.NewCircuit(breaker.Config{}))
			return b.WithKeep(func(_ context.Context, v int, record func(policy.Outcome)) int {
				record(policy.Undecided)
				return v
			}), succeed
		},
	} {
		b, fn := make()
		call, rec := observed(b, fn, policy.Judged)
		_, _ = call.Do(t.Context())
		require.Len(t, rec.Events(), 1, name)
		assert.Equal(t, policy.Failure, rec.Events()[0].Outcome, name)
		assert.EqualValues(t, 1, b.Circuit().Snapshot().Counts.Failures, name)
	}
}

func TestOnlyAFailureIsTheCauseWhileAWindowIsClosed(t *testing.T) {
	clk := fake.NewClock()
	for name, c := range map[string]struct {
		err   error
		leave bool // the caller cancels
		want  error
	}{
		"failure":            {err: errDown, want: errDown},
		"success":            {},
		"judged as success":  {err: breaker.Judge(errNotFound, policy.Success)},
		"given up by caller": {err: errDown, leave: true},
	} {
		circuit := breaker.NewCircuit(breaker.Config{
			WindowCalls: 9, SlowCall: time.Second, SlowRate: 1, MinCalls: 9, FailureThreshold: 9, Clock: clk,
		})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		_, _ = breaker.Do(ctx, circuit, func(context.Context) (int, error) {
			clk.Advance(time.Second)
			if c.leave {
				cancel()
			}
			return 0, c.err
		})
		s := circuit.Snapshot()
		assert.EqualValues(t, 1, s.Counts.Slow, name)
		assert.Equal(t, c.want, s.Cause, name)
	}
}

// The dependency is not to blame for the clock.
func TestAClockThatPanicsWhenAPlainCallHasEndedCountsNoFailure(t *testing.T) {
	for name, err := range map[string]error{"success": nil, "ignored": policy.ErrRejected} {
		for way, do := range ways {
			clk := &failing{Clock: fake.NewClock()}
			c := breaker.NewCircuit(breaker.Config{Window: time.Minute, FailureThreshold: 1, Clock: clk})
			assert.PanicsWithValue(t, "no time", func() {
				_, _ = do(breaker.New[int](c), func(context.Context) (int, error) { clk.fails = true; return 1, err })
			}, name, way)
			assert.Equal(t, breaker.Closed, c.State(), "%s by %s", name, way)
		}
	}
}

func TestTheDurationOfACallIsNeverNegativeAndNotSlowWithoutALimit(t *testing.T) {
	for name, cfg := range map[string]breaker.Config{
		"window of time": {Window: time.Minute, Classify: func(error) policy.Outcome { return policy.Undecided }},
		"slow calls":     {WindowCalls: 9, SlowCall: time.Second, SlowRate: 1},
	} {
		for jump, want := range map[time.Duration]time.Duration{0: 0, -time.Second: 0, time.Millisecond: time.Millisecond} {
			clk := &jumping{Clock: fake.NewClock()}
			cfg.Clock = clk
			c := breaker.NewCircuit(cfg)
			call, rec := observed(breaker.New[int](c), func(context.Context) (int, error) { clk.off += jump; return 1, nil }, policy.Judged)
			_, err := call.Do(t.Context())
			require.NoError(t, err)
			require.Len(t, rec.Events(), 1)
			assert.Equal(t, want, rec.Events()[0].Took, "%s, %v", name, jump)
			assert.Empty(t, rec.Events()[0].Reason, "%s, %v", name, jump)
			assert.Equal(t, breaker.Counts{Successes: 1}, c.Snapshot().Counts, "%s, %v", name, jump)
		}
	}
}

func TestAClockThatPanicsLosesNoPermitOfAnObservedCall(t *testing.T) {
	clk := &failing{Clock: fake.NewClock()}
	c := breaker.NewCircuit(breaker.Config{HalfOpenMaxCalls: 1, Clock: clk})
	c.Trip(1, "")
	clk.Advance(1)
	call, _ := observed(breaker.New[int](c), func(context.Context) (int, error) { clk.fails = true; return 1, nil }, policy.Judged)
	assert.PanicsWithValue(t, "no time", func() { _, _ = call.Do(t.Context()) })
	s := c.Snapshot()
	assert.Equal(t, breaker.Open, s.State)
	assert.ErrorIs(t, s.Cause, policy.ErrNoReturn)
}

// joining is a context that counts what is attached to its end.
type joining struct {
	context.Context
	done chan struct{}
	n    int
}

func (j *joining) Done() <-chan struct{} { return j.done }

func (j *joining) AfterFunc(func()) (stop func() bool) {
	j.n++
	return func() bool { return true }
}

func TestAKeptCallIsAttachedToItsContextOnlyIfThatMayEndIt(t *testing.T) {
	for name, c := range map[string]struct {
		done   chan struct{}
		record bool
		want   int
	}{
		"in use":               {make(chan struct{}), false, 1},
		"recorded within hold": {make(chan struct{}), true, 0},
		"context never ends":   {nil, false, 0},
		"both":                 {nil, true, 0},
	} {
		b := breaker.New[int](breaker.NewCircuit(breaker.Config{})).WithKeep(func(_ context.Context, v int, record func(policy.Outcome)) int {
			if c.record {
				record(policy.Success)
			}
			return v
		})
		ctx := &joining{Context: t.Context(), done: c.done}
		_, err := b.Do(ctx, succeed)
		require.NoError(t, err)
		assert.Equal(t, c.want, ctx.n, name)
	}
}

// A dependency that answers slowly, or too slowly for its callers, has not failed.
func TestASlowCallThatDidNotFailIsNoCause(t *testing.T) {
	for name, c := range map[string]struct {
		err      error
		canceled bool
	}{
		"judged a success":     {breaker.Judge(errNotFound, policy.Success), false},
		"given up by a caller": {errDown, true},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		clk := fake.NewClock()
		openings := 0
		circuit := breaker.NewCircuit(breaker.Config{
			WindowCalls: 1, SlowCall: time.Second, SlowRate: 1, Clock: clk,
			RecoveryFor: func(o breaker.Opening) time.Duration {
				openings++
				assert.Equal(t, breaker.Opening{Default: breaker.DefaultRecoveryTimeout}, o, name)
				return o.Default
			},
		})
		_, err := breaker.Do(ctx, circuit, func(context.Context) (int, error) {
			clk.Advance(time.Second)
			if c.canceled {
				cancel()
			}
			return 0, c.err
		})
		require.Error(t, err, name)
		s := circuit.Snapshot()
		assert.Equal(t, breaker.ReasonSlowRate, s.Reason, name)
		assert.NoError(t, s.Cause, name)
		assert.Equal(t, 1, openings, name)
	}
}
