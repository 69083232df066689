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

func TestAnUnknownKindIsShownAsANumber(t *testing.T) {
	assert.Equal(t, "event(10)", (policy.Finished + 1).String())
	assert.Equal(t, "event(0)", policy.EventKind(0).String())
}

func TestEveryObserverIsToldInOrder(t *testing.T) {
	var told []int
	observer := func(n int) policy.Observer {
		return func(context.Context, policy.Event) { told = append(told, n) }
	}
	assert.Nil(t, policy.Observers(nil, nil))
	policy.Observers(nil, observer(1))(t.Context(), policy.Event{})
	policy.Observers(observer(2), nil, observer(3))(t.Context(), policy.Event{})
	policy.Observers(observer(4), observer(5), observer(6))(t.Context(), policy.Event{})
	assert.Equal(t, []int{1, 2, 3, 4, 5, 6}, told)
}

func TestACallThatTakesNoTimeHasTakenNone(t *testing.T) {
	clk := fake.NewClock()
	rec := fake.NewRecorder()
	limit := policy.NewTimeout[int](policy.TimeoutConfig{After: 1, Clock: clk})
	_, err := policy.NewChain[int]("p", rec.Observe, limit).Call(func(context.Context) (int, error) { return 1, nil }).Do(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []policy.Event{{Kind: policy.Finished, Pipeline: "p"}}, rec.Events())
}

func TestAFallbackTellsWhatItTakesOverFrom(t *testing.T) {
	clk := fake.NewClock()
	rec := fake.NewRecorder()
	inner := policy.NewChain[int]("inner", rec.Observe, policy.FallbackValue(7), policy.NewTimeout[int](policy.TimeoutConfig{After: 1, Clock: clk}))
	chain := policy.NewChain[int]("outer", nil, stranger{policy.FallbackValue(8)}, inner)
	v, err := chain.Call(func(context.Context) (int, error) { clk.Advance(time.Second); return 0, errDown }).Do(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 7, v)
	require.Len(t, rec.Events(), 3)
	timedOut := rec.Events()[0].Err
	require.ErrorIs(t, timedOut, errDown)
	assert.Equal(t, []policy.Event{
		{Kind: policy.TimedOut, Pipeline: "inner", Policy: "timeout", Elapsed: time.Second, Err: timedOut},
		{Kind: policy.FellBack, Pipeline: "inner", Policy: "fallback", Err: timedOut},
		{Kind: policy.Finished, Pipeline: "inner", Elapsed: time.Second},
	}, rec.Events())
}

func TestAChainWhoseFunctionDoesNotReturnFinishesWithoutAReturn(t *testing.T) {
	rec := fake.NewRecorder()
	chain := policy.NewChain[int]("p", rec.Observe)
	assert.Panics(t, func() { _, _ = chain.Call(func(context.Context) (int, error) { panic("boom") }).Do(t.Context()) })
	assert.Equal(t, policy.ErrNoReturn, rec.Events()[0].Err)
}

func TestAChainInAForeignPolicyGoesOnWithWhatIsInsideIt(t *testing.T) {
	outer, inner := fake.NewRecorder(), fake.NewRecorder()
	nested := policy.NewChain[int]("in", inner.Observe)
	for _, observer := range []policy.Observer{outer.Observe, nil} {
		chain := policy.NewChain[int]("out", observer, stranger{nested}, policy.FallbackValue(7))
		v, err := chain.Call(fail(errDown)).Do(t.Context())
		require.NoError(t, err)
		assert.Equal(t, 7, v)
	}
	names := func(r *fake.Recorder) (all []string) {
		for _, e := range r.Events() {
			all = append(all, e.Pipeline+" "+e.Kind.String())
		}
		return all
	}
	assert.Equal(t, []string{"in finished", "in finished"}, names(inner))
	assert.Equal(t, []string{"out fell back", "in finished", "out finished"}, names(outer))
}

func TestAnAbandonedGoexitIsToldLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec := fake.NewRecorder()
		var late error
		limit := policy.NewTimeout[int](policy.TimeoutConfig{After: time.Second, Abandon: true}).
			WithOnLate(func(_ int, err error) { late = err })
		_, err := policy.NewChain[int]("p", rec.Observe, limit).Call(func(context.Context) (int, error) {
			time.Sleep(time.Minute)
			runtime.Goexit()
			return 0, nil
		}).Do(t.Context())
		require.ErrorIs(t, err, context.DeadlineExceeded)
		time.Sleep(time.Hour)
		synctest.Wait()
		assert.Equal(t, policy.ErrNoReturn, late)
		require.Len(t, rec.Events(), 3)
		assert.Equal(t, policy.Event{Kind: policy.FinishedLate, Pipeline: "p", Policy: "timeout", Err: policy.ErrNoReturn}, rec.Events()[2])
	})
}

func TestAnAbandonedFunctionThatFailsAtTheLimitHasTimedOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec := fake.NewRecorder()
		limit := policy.NewTimeout[int](policy.TimeoutConfig{After: time.Second, Abandon: true})
		_, err := policy.NewChain[int]("p", rec.Observe, limit).Call(func(context.Context) (int, error) { return 1, nil }).Do(t.Context())
		require.NoError(t, err)
		assert.Len(t, rec.Events(), 1, "nothing is late")
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
	assert.ErrorAs(t, err, &timeout, "whoever is first")
}

// sleeper is a clock whose Sleep says what it is told to.
type sleeper struct {
	policy.Clock
	err error
}

func (s sleeper) Sleep(context.Context, time.Duration) error { return s.err }

func TestSleepSaysWhatWentWrong(t *testing.T) {
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

func TestTheShortestSleepIsOfANanosecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		require.NoError(t, policy.Sleep(t.Context(), nil, 1))
		assert.Equal(t, time.Duration(1), time.Since(start))
	})
}

// attaching is a context that has AfterFunc.
type attaching struct {
	context.Context
	attached int
}

func (a *attaching) AfterFunc(func()) func() bool {
	a.attached++
	return func() bool { return true }
}

func TestAfterFuncPrefersTheContextsOwn(t *testing.T) {
	a := &attaching{Context: t.Context()}
	assert.True(t, policy.AfterFunc(a, func() {})())
	assert.Equal(t, 1, a.attached)
	ctx, cancel := context.WithCancel(t.Context())
	called := make(chan struct{})
	policy.AfterFunc(ctx, func() { close(called) })
	cancel()
	<-called
}
