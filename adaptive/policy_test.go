package adaptive_test

import (
	"context"
	"encoding/json"
	"errors"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/adaptive"
	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/keyed"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/policytest"
	"github.com/ductile-go/ductile/retry"
)

func TestAnAdaptiveKeepsThePolicyContract(t *testing.T) {
	codel := bulkhead.CoDel{Target: 5 * ms, Interval: 100 * ms}
	configs := map[string]adaptive.Config{
		"climb":         {},
		"aimd":          {Target: time.Second},
		"small windows": {MinCalls: 1, Window: 1, Initial: 3, OnChange: func(adaptive.Change) {}},
		"a queue":       {Initial: 1, Max: 2, MaxQueue: 100},
		"a short queue": {Initial: 2, Max: 2, MaxQueue: 10, MaxWait: 10 * ms, Order: bulkhead.Adaptive, Delay: codel},
		"classified":    {Classify: func(error) policy.Outcome { return policy.Undecided }},
	}
	for name, cfg := range configs {
		t.Run(name, func(t *testing.T) {
			policytest.Run(t, func() policy.Policy[int] { return adaptive.New[int](adaptive.NewLimiter(cfg)) })
		})
		t.Run(name+" on a fake clock", func(t *testing.T) {
			policytest.Run(t, func() policy.Policy[int] {
				on := cfg
				on.Clock = fake.NewClock(fake.AutoAdvance())
				return adaptive.New[int](adaptive.NewLimiter(on))
			})
		})
	}
}

func TestThePlaceIsReleasedHoweverTheFunctionEnds(t *testing.T) {
	l := adaptive.NewLimiter(adaptive.Config{Initial: 1, Max: 1})
	a := adaptive.New[int](l)
	runs := map[string]func(policy.Func[int]) (int, error){
		"Do":      func(fn policy.Func[int]) (int, error) { return a.Do(t.Context(), fn) },
		"alone":   func(fn policy.Func[int]) (int, error) { return adaptive.Do(t.Context(), l, fn) },
		"Execute": func(fn policy.Func[int]) (int, error) { return a.Execute(t.Context(), policy.CallOf(fn)) },
		"WithKeep": func(fn policy.Func[int]) (int, error) {
			return a.WithKeep(func(_ context.Context, v int, release func()) int { release(); return v }).Do(t.Context(), fn)
		},
		"WithClassifier": func(fn policy.Func[int]) (int, error) {
			return a.WithClassifier(func(int, error) policy.Outcome { return policy.Undecided }).Do(t.Context(), fn)
		},
	}
	for name, run := range runs {
		t.Run(name, func(t *testing.T) {
			v, err := run(func(context.Context) (int, error) {
				assert.Equal(t, 1, l.Snapshot().InUse)
				return 42, nil
			})
			require.NoError(t, err)
			assert.Equal(t, 42, v)
			_, err = run(func(context.Context) (int, error) { return 0, errDown })
			assert.Same(t, errDown, err)
			assert.PanicsWithValue(t, "boom", func() { _, _ = run(func(context.Context) (int, error) { panic("boom") }) })
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				_, _ = run(func(context.Context) (int, error) { runtime.Goexit(); return 0, nil })
			}()
			<-ended
			assert.True(t, l.Idle())
		})
	}
	assert.EqualValues(t, 4*len(runs), l.Snapshot().Admitted)
}

func TestDoRemovesMarksAndExecuteKeepsThem(t *testing.T) {
	l := adaptive.NewLimiter(adaptive.Config{})
	marked := func(context.Context) (int, error) { return 0, retry.Permanent(breaker.Judge(errDown, policy.Ignored)) }
	_, err := adaptive.Do(t.Context(), l, marked)
	assert.Same(t, errDown, err)
	_, err = adaptive.New[int](l).Execute(t.Context(), policy.CallOf(marked))
	assert.NotSame(t, errDown, err)
	assert.ErrorIs(t, err, errDown)
}

func TestMisusePanicsWithWhatToDo(t *testing.T) {
	l := adaptive.NewLimiter(adaptive.Config{})
	for want, f := range map[string]func(){
		"adaptive: New: limiter is nil, want one made by NewLimiter":          func() { adaptive.New[int](nil) },
		"adaptive: New: zero Limiter, want one made by NewLimiter":            func() { adaptive.New[int](&adaptive.Limiter{}) },
		"adaptive: Do: limiter is nil, want one made by NewLimiter":           func() { _, _ = adaptive.Do(t.Context(), nil, one) },
		"adaptive: Adaptive.Do: fn is nil, want a function":                   func() { _, _ = adaptive.Do[int](t.Context(), l, nil) },
		"adaptive: Adaptive.WithKeep: hold is nil, want a function":           func() { adaptive.New[int](l).WithKeep(nil) },
		"adaptive: Adaptive.WithClassifier: classify is nil, want a function": func() { adaptive.New[int](l).WithClassifier(nil) },
	} {
		assert.PanicsWithValue(t, want, f)
	}
}

func TestAnAdaptiveDescribesItsCurrentLimit(t *testing.T) {
	r := newRig(t, adaptive.Config{Name: "db", Initial: 10, Target: 50 * ms})
	a := adaptive.New[int](r.Limiter)
	assert.Equal(t, "adaptive(db, 10)", a.String())
	r.wave(10, 60*ms)
	assert.Equal(t, "adaptive(db, 9)", a.String())
	assert.Equal(t, "retry(3) > adaptive(20)", pipeline.New[int](retry.New[int](retry.Config{}), adaptive.New[int](adaptive.NewLimiter(adaptive.Config{}))).String())
	out, err := json.Marshal(a.Describe())
	require.NoError(t, err)
	assert.JSONEq(t, `{"kind":"adaptive","name":"db","detail":"9","config":{"name":"db","initial":10,"min":1,"max":1000,
		"target":50000000,"quantile":0.9,"window":10000000,"min_calls":10}}`, string(out))
	assert.Equal(t, policy.Clock(r.clk), a.Clock())
	assert.Same(t, r.Limiter, a.Limiter())
	assert.Equal(t, "db", a.Name())
	assert.Equal(t, "db", r.Name())
}

func TestErrorsNameTheLimiterAndNotAGate(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l, permit := taken(t, adaptive.Config{Name: "db", MaxQueue: 1, MaxWait: time.Second})
		_, err := l.Acquire(t.Context())
		require.EqualError(t, err, `adaptive: limiter "db" is full: its limit is 1 now, and MaxQueue 1`)
		require.ErrorIs(t, err, adaptive.ErrLimited)
		require.ErrorIs(t, err, policy.ErrRejected)
		require.NotErrorIs(t, err, bulkhead.ErrFull)
		var limited *adaptive.LimitedError
		require.ErrorAs(t, err, &limited)
		assert.Equal(t, adaptive.LimitedError{Name: "db", Limit: 1, MaxQueue: 1}, *limited)
		ctx, cancel := context.WithTimeout(t.Context(), ms)
		defer cancel()
		_, err = l.Acquire(ctx)
		require.EqualError(t, err, `adaptive: left the queue of limiter "db": context deadline exceeded`)
		require.ErrorIs(t, err, policy.ErrRejected)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.NotErrorIs(t, err, adaptive.ErrLimited)
		assert.Equal(t, "<nil>", (*adaptive.LimitedError)(nil).Error())
		permit.Record(policy.Ignored)
	})
}

func TestAnOuterCircuitIgnoresRefusalsOfTheLimiter(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l, permit := taken(t, adaptive.Config{MaxQueue: 1})
		c := breaker.NewCircuit(breaker.Config{FailureThreshold: 1})
		p := pipeline.New[int](breaker.New[int](c), policy.Timeout[int](time.Second), adaptive.New[int](l))
		_, err := p.Do(t.Context(), one)
		require.ErrorIs(t, err, context.DeadlineExceeded, "the timeout ends the wait")
		require.ErrorIs(t, err, policy.ErrRejected)
		assert.Equal(t, breaker.Closed, c.State())
		permit.Record(policy.Ignored)
	})
}

func TestAnOuterRetryEndsAtAFullLimiter(t *testing.T) {
	l, permit := taken(t, adaptive.Config{})
	clk := fake.NewClock(fake.AutoAdvance())
	p := pipeline.New[int](retry.New[int](retry.Config{Clock: clk, RetryRejected: true}), adaptive.New[int](l))
	_, err := p.Do(t.Context(), one)
	require.ErrorIs(t, err, adaptive.ErrLimited)
	assert.Empty(t, clk.Sleeps(), "a rejection without RetryAfter is final")
	permit.Record(policy.Ignored)
	c := breaker.NewCircuit(breaker.Config{})
	c.Isolate("")
	chain := policy.NewChain[int]("", nil, adaptive.New[int](l), breaker.New[int](c))
	assert.ErrorIs(t, chain.Refusal(t.Context(), time.Second), breaker.ErrOpen, "the policies inside are asked")
}

// Outside of an abandoning timeout, N abandoned functions would run beside N new ones.
func TestAnAbandonedFunctionHoldsItsPlace(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l := adaptive.NewLimiter(adaptive.Config{Initial: 1, Max: 1})
		abandon := policy.NewTimeout[int](policy.TimeoutConfig{After: time.Second, Abandon: true})
		p := pipeline.New[int](abandon, adaptive.New[int](l))
		_, err := p.Do(t.Context(), func(context.Context) (int, error) { time.Sleep(time.Minute); return 1, nil })
		require.ErrorIs(t, err, context.DeadlineExceeded)
		_, err = p.Do(t.Context(), one)
		require.ErrorIs(t, err, adaptive.ErrLimited)
		time.Sleep(time.Minute)
		_, err = p.Do(t.Context(), one)
		require.NoError(t, err)
	})
}

// A learned limit is worth keeping, so package keyed drops only limiters that have none.
func TestALimiterIsIdleAtItsInitialLimitOnly(t *testing.T) {
	r := newRig(t, adaptive.Config{Initial: 10, Target: 50 * ms})
	assert.True(t, r.Idle())
	permit := r.take(1)[0]
	assert.False(t, r.Idle())
	permit.Record(policy.Ignored)
	r.wave(10, 60*ms)
	assert.Zero(t, r.Snapshot().InUse)
	assert.False(t, r.Idle())
	r.wave(9, 40*ms)
	r.wave(9, 40*ms)
	require.Equal(t, 10, r.Limit())
	assert.True(t, r.Idle())
	m := keyed.New(keyed.Config[int, *adaptive.Limiter]{
		Max: 1, Make: func(int) *adaptive.Limiter { return adaptive.NewLimiter(adaptive.Config{}) },
	})
	assert.NotSame(t, m.Get(1), m.Get(2))
	assert.Equal(t, 1, m.Len())
}

func TestSnapshotsAreLoggedAndMarshalled(t *testing.T) {
	s := adaptive.Snapshot{Name: "db", Limit: 1, InUse: 1, Waiting: 2, Admitted: 3, Rejected: 4, Pinned: true}
	assert.Equal(t, `[name=db limit=1 in_use=1 waiting=2 admitted=3 rejected=4 pinned=true]`, s.LogValue().String())
	assert.Equal(t, `[limit=1]`, adaptive.Snapshot{Limit: 1}.LogValue().String())
	out, err := json.Marshal(s)
	require.NoError(t, err)
	assert.JSONEq(t, `{"name":"db","limit":1,"in_use":1,"waiting":2,"admitted":3,"rejected":4,"pinned":true}`, string(out))
	assert.True(t, errors.Is(&adaptive.LimitedError{}, policy.ErrRejected))
}
