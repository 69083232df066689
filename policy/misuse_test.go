package policy_test

import (
	"context"
	"errors"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
)

func TestConstructorsPanicOnInvalidArguments(t *testing.T) {
	for want, make := range map[string]func(){
		"policy: Fallback: fn is nil, want a function":                        func() { policy.Fallback[int](nil) },
		"policy: FallbackPolicy.WithCondition: match is nil, want a function": func() { policy.FallbackValue(1).WithCondition(nil) },
		"policy: CallOf: fn is nil, want a function":                          func() { _, _ = policy.Timeout[int](1).Do(t.Context(), nil) },
		"policy: Chain.Call: fn is nil, want a function":                      func() { policy.NewChain[int]("", nil).Call(nil) },
		"policy: TimeoutPolicy.WithOnLate: fn is nil, want a function":        func() { policy.Timeout[int](1).WithOnLate(nil) },
		"policy: TimeoutPolicy.WithKeep: hold is nil, want a function":        func() { policy.Timeout[int](1).WithKeep(nil) },
		"policy: Check: fn is nil, want a function":                           func() { policy.Check[int](nil) },
		"policy: Select: choose is nil, want a function":                      func() { policy.Select[int](nil) },
		"policy: WithKey: p is nil, want a policy":                            func() { policy.WithKey[int]("eu", (*policy.Chain[int])(nil)) },
	} {
		assert.PanicsWithValue(t, want, make)
	}
	assert.PanicsWithError(t, "policy: TimeoutConfig.After is 0s, want more than 0", func() { policy.Timeout[int](0) })
	assert.PanicsWithError(t, "policy: TimeoutConfig.After is -1s, want more than 0", func() { policy.Timeout[int](-time.Second) })
}

func TestMethodsOfNilErrorsDoNotPanic(t *testing.T) {
	var timeout *policy.TimeoutError
	assert.Equal(t, "<nil>", timeout.Error())
	assert.NoError(t, timeout.Unwrap())
	var panicked *policy.PanicError
	assert.Equal(t, "<nil>", panicked.Error())
	assert.NoError(t, panicked.Unwrap())
}

func TestErrorTextsNameTheirParts(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errDown)
	assert.EqualError(t, policy.Ended(ctx), "context canceled: down")

	failing := policy.Fallback(func(context.Context, error) (int, error) { return 0, errors.New("cache empty") })
	_, err := failing.Do(t.Context(), fail(errDown))
	assert.EqualError(t, err, "policy: fallback failed: cache empty; the call had failed: down")

	p := &policy.PanicError{Value: errDown, Stack: []byte("stack")}
	assert.EqualError(t, p, "policy: panic: down\n\nstack")
	assert.ErrorIs(t, p, errDown)
	assert.NoError(t, (&policy.PanicError{Value: "not an error"}).Unwrap())

	clk := fake.NewClock(fake.AutoAdvance())
	named := policy.NewTimeout[int](policy.TimeoutConfig{Name: "attempt", After: time.Second, Clock: clk})
	_, err = named.Do(t.Context(), func(ctx context.Context) (int, error) {
		_ = clk.Sleep(ctx, time.Minute)
		return 0, errDown
	})
	assert.EqualError(t, err, "policy: timeout attempt: no result within 1s: down")
	assert.Equal(t, "timeout(attempt, 1s)", named.String())
	assert.Equal(t, clk, named.Clock())
}

// stranger is a user's policy without a String method that runs another policy.
type stranger struct{ inner policy.Policy[int] }

func (s stranger) Execute(ctx context.Context, next policy.Call[int]) (int, error) {
	return s.inner.Execute(ctx, next)
}

func TestChainsDescribeTheirPolicies(t *testing.T) {
	inner := policy.NewChain[int]("inner", nil, policy.FallbackValue(7), policy.Timeout[int](time.Second))
	outer := policy.NewChain[int]("outer", nil, stranger{inner}, inner)
	assert.Equal(t, "policy_test.stranger > inner(fallback > timeout(1s))", outer.String())
	assert.Equal(t, "outer", outer.Name())
	assert.Empty(t, outer.Listeners())
	assert.Len(t, outer.Policies(), 2)
	v, err := outer.Call(fail(errDown)).Do(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 7, v)
}

// afterClock is a clock without a Sleep method.
type afterClock struct{ policy.Clock }

func TestSleepsOnAClockThatHasOnlyAfter(t *testing.T) {
	clk := fake.NewClock(fake.AutoAdvance())
	require.NoError(t, policy.Sleep(t.Context(), afterClock{clk}, time.Hour))
	assert.Equal(t, []time.Duration{time.Hour}, clk.Sleeps())

	ctx, cancel := context.WithCancel(t.Context())
	still := fake.NewClock()
	go func() {
		_ = still.BlockUntil(context.Background(), 1)
		cancel()
	}()
	assert.ErrorIs(t, policy.Sleep(ctx, afterClock{still}, time.Hour), context.Canceled)
}

func TestSleepsInRealTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		require.NoError(t, policy.Sleep(t.Context(), nil, time.Hour))
		assert.Equal(t, time.Hour, time.Since(start))
		require.NoError(t, policy.Sleep(t.Context(), nil, -1))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		assert.ErrorIs(t, policy.Sleep(ctx, nil, time.Hour), context.DeadlineExceeded)
		assert.Equal(t, time.Hour+time.Minute, time.Since(start))
	})
}

func TestNoEventFollowsTheEndOfTheCall(t *testing.T) {
	clk := fake.NewClock()
	rec := fake.NewRecorder()
	limit := policy.NewTimeout[int](policy.TimeoutConfig{After: time.Second, Clock: clk})
	chain := policy.NewChain("", hears(rec.Observe), policy.Policy[int](limit))
	_, err := chain.Call(func(context.Context) (int, error) { return 1, nil }).Do(t.Context())
	require.NoError(t, err)
	emitted := len(rec.Events())
	clk.Advance(time.Minute)
	assert.Len(t, rec.Events(), emitted)
	assert.Zero(t, clk.Waiters())
}

func TestAbandonDoesNotReportTheCallersCancelAsATimeout(t *testing.T) {
	clk := fake.NewClock()
	ctx, cancel := context.WithCancelCause(t.Context())
	release := make(chan struct{})
	limit := policy.NewTimeout[int](policy.TimeoutConfig{After: time.Second, Abandon: true, Clock: clk})
	entered := make(chan struct{})
	go func() { <-entered; cancel(errDown) }()
	_, err := limit.Do(ctx, func(context.Context) (int, error) { close(entered); <-release; return 1, nil })
	close(release)
	assert.ErrorIs(t, err, context.Canceled)
	assert.ErrorIs(t, err, errDown)
	assert.NotErrorIs(t, err, context.DeadlineExceeded)
}

func TestAbandonReturnsAnErrorThatCameBeforeTheLimit(t *testing.T) {
	clk := fake.NewClock(fake.AutoAdvance())
	limit := policy.NewTimeout[int](policy.TimeoutConfig{After: time.Second, Abandon: true, Clock: clk})
	_, err := limit.Do(t.Context(), fail(errDown))
	assert.Equal(t, errDown, err)
}

func TestDerivedContextsEndAtTheLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, err := policy.Timeout[int](time.Second).Do(t.Context(), func(ctx context.Context) (int, error) {
			child, cancel := context.WithTimeout(ctx, time.Hour)
			defer cancel()
			called := make(chan struct{})
			context.AfterFunc(ctx, func() { close(called) })
			<-child.Done()
			<-called
			return 0, context.Cause(child)
		})
		var timeout *policy.TimeoutError
		require.ErrorAs(t, err, &timeout)
		assert.EqualError(t, err, "policy: timeout: no result within 1s")
	})
}

func TestTheFunctionGetsTheEarlierDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		want, _ := ctx.Deadline()
		_, _ = policy.Timeout[int](time.Hour).Do(ctx, func(ctx context.Context) (int, error) {
			got, ok := ctx.Deadline()
			assert.True(t, ok)
			assert.Equal(t, want, got)
			return 0, nil
		})
	})
}

func TestALimitThatOverflowsNeverPasses(t *testing.T) {
	for _, abandon := range []bool{false, true} {
		limit := policy.NewTimeout[int](policy.TimeoutConfig{After: math.MaxInt64, Abandon: abandon})
		_, err := limit.Do(t.Context(), func(ctx context.Context) (int, error) {
			child, cancel := context.WithCancel(ctx)
			defer cancel()
			assert.NoError(t, child.Err())
			assert.NoError(t, ctx.Err())
			return 0, errDown
		})
		assert.Equal(t, errDown, err)
	}
}
