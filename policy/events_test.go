package policy_test

import (
	"context"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
)

func TestListenersGetOnlyTheirKindsInOrder(t *testing.T) {
	var emitted []string
	listener := func(name string, kinds ...policy.EventKind) policy.Listener {
		return policy.Listener{Kinds: kinds, Observe: func(_ context.Context, e policy.Event) {
			emitted = append(emitted, name+" "+string(e.Kind))
		}}
	}
	inner := policy.NewChain[int]("in", []policy.Listener{listener("1", policy.Finished), listener("2")}, policy.FallbackValue(7))
	outer := policy.NewChain[int]("out", []policy.Listener{listener("3", policy.FellBack, policy.Started)}, inner)
	_, err := outer.Call(fail(errDown)).Do(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []string{
		"3 started", "2 started", "3 started", "2 fell_back", "3 fell_back", "2 recovered", "1 finished", "2 finished",
	}, emitted)
}

func TestElapsedIsZeroForAnInstantCall(t *testing.T) {
	clk := fake.NewClock()
	rec := fake.NewRecorder()
	limit := policy.NewTimeout[int](policy.TimeoutConfig{After: 1, Clock: clk})
	_, err := policy.NewChain[int]("p", hears(rec.Observe), limit).Call(func(context.Context) (int, error) { return 1, nil }).Do(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []policy.Event{{Kind: policy.Started, Pipeline: "p"}, {Kind: policy.Finished, Pipeline: "p", Attempt: 1}}, rec.Events())
}

func TestFallbackEventsHaveTheErrorThatItHandles(t *testing.T) {
	clk := fake.NewClock()
	rec := fake.NewRecorder()
	inner := policy.NewChain[int]("inner", hears(rec.Observe), policy.FallbackValue(7), policy.NewTimeout[int](policy.TimeoutConfig{After: 1, Clock: clk}))
	chain := policy.NewChain[int]("outer", nil, stranger{policy.FallbackValue(8)}, inner)
	v, err := chain.Call(func(context.Context) (int, error) { clk.Advance(time.Second); return 0, errDown }).Do(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 7, v)
	require.Len(t, rec.Events(), 5)
	timedOut := rec.Events()[1].Err
	require.ErrorIs(t, timedOut, errDown)
	assert.Equal(t, []policy.Event{
		{Kind: policy.Started, Pipeline: "inner"},
		{Kind: policy.TimedOut, Pipeline: "inner", Policy: "timeout", Elapsed: time.Second, Err: timedOut},
		{Kind: policy.FellBack, Pipeline: "inner", Policy: "fallback", Err: timedOut},
		{Kind: policy.Recovered, Pipeline: "inner", Policy: "fallback", Err: timedOut},
		{Kind: policy.Finished, Pipeline: "inner", Attempt: 1, Elapsed: time.Second, Reason: "fallback"},
	}, rec.Events())
}

func TestFinishedHasErrNoReturnAfterAPanic(t *testing.T) {
	rec := fake.NewRecorder()
	chain := policy.NewChain[int]("p", hears(rec.Observe))
	assert.Panics(t, func() { _, _ = chain.Call(func(context.Context) (int, error) { panic("boom") }).Do(t.Context()) })
	assert.Equal(t, policy.ErrNoReturn, rec.Events()[1].Err)
}

func TestAChainInsideAUsersPolicyRunsTheInnerPolicies(t *testing.T) {
	outer, inner := fake.NewRecorder(), fake.NewRecorder()
	nested := policy.NewChain[int]("in", hears(inner.Observe))
	for _, observer := range []policy.Observer{outer.Observe, nil} {
		chain := policy.NewChain[int]("out", hears(observer), stranger{nested}, policy.FallbackValue(7))
		v, err := chain.Call(fail(errDown)).Do(t.Context())
		require.NoError(t, err)
		assert.Equal(t, 7, v)
	}
	names := func(r *fake.Recorder) (all []string) {
		for _, e := range r.Events() {
			all = append(all, e.Pipeline+" "+string(e.Kind))
		}
		return all
	}
	assert.Equal(t, []string{"in started", "in finished", "in started", "in finished"}, names(inner))
	assert.Equal(t, []string{"out started", "in started", "out fell_back", "out recovered", "in finished", "out finished"}, names(outer))
}

func TestAnAbandonedGoexitIsReportedLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec := fake.NewRecorder()
		var late error
		limit := policy.NewTimeout[int](policy.TimeoutConfig{After: time.Second, Abandon: true}).
			WithOnLate(func(_ int, err error) { late = err })
		_, err := policy.NewChain[int]("p", hears(rec.Observe), limit).Call(func(context.Context) (int, error) {
			time.Sleep(time.Minute)
			runtime.Goexit()
			return 0, nil
		}).Do(t.Context())
		require.ErrorIs(t, err, context.DeadlineExceeded)
		time.Sleep(time.Hour)
		synctest.Wait()
		assert.Equal(t, policy.ErrNoReturn, late)
		require.Len(t, rec.Events(), 4)
		assert.Equal(t, policy.Event{Kind: policy.FinishedLate, Pipeline: "p", Policy: "timeout", Err: policy.ErrNoReturn}, rec.Events()[3])
	})
}

func TestAbandonReportsAFailureAtTheLimitAsATimeoutOnAClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec := fake.NewRecorder()
		limit := policy.NewTimeout[int](policy.TimeoutConfig{After: time.Second, Abandon: true})
		_, err := policy.NewChain[int]("p", hears(rec.Observe), limit).Call(func(context.Context) (int, error) { return 1, nil }).Do(t.Context())
		require.NoError(t, err)
		assert.Len(t, rec.Events(), 2, "nothing is late")
	})
	clk := fake.NewClock()
	limit := policy.NewTimeout[int](policy.TimeoutConfig{After: time.Second, Abandon: true, Clock: clk})
	over := make(chan struct{})
	_, err := limit.Do(t.Context(), func(context.Context) (int, error) {
		defer close(over)
		clk.Advance(time.Second)
		return 0, errDown
	})
	<-over
	var timeout *policy.TimeoutError
	assert.ErrorAs(t, err, &timeout, "in either order")
}

// sleeper is a clock whose Sleep returns err.
type sleeper struct {
	policy.Clock
	err error
}

func (s sleeper) Sleep(context.Context, time.Duration) error { return s.err }

func TestSleepReturnsTheErrorOfItsClock(t *testing.T) {
	require.NoError(t, policy.Sleep(t.Context(), sleeper{}, 1))
	assert.Equal(t, errDown, policy.Sleep(t.Context(), sleeper{err: errDown}, 1))
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errDown)
	for _, said := range []error{nil, context.Canceled} {
		err := policy.Sleep(ctx, sleeper{err: said}, 1)
		assert.ErrorIs(t, err, errDown)
		assert.ErrorIs(t, err, context.Canceled)
	}
}

func TestSleepsForASingleNanosecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		require.NoError(t, policy.Sleep(t.Context(), nil, 1))
		assert.Equal(t, time.Duration(1), time.Since(start))
	})
}
