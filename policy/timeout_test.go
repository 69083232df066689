package policy_test

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/policy"
)

func untilDone(ctx context.Context) (int, error) {
	<-ctx.Done()
	return 0, ctx.Err()
}

func TestTimeoutEndsAFunctionThatWaitsOnItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		_, err := policy.Timeout[int](time.Second).Do(t.Context(), untilDone)
		var timeout *policy.TimeoutError
		require.ErrorAs(t, err, &timeout)
		assert.Equal(t, time.Second, timeout.After)
		assert.True(t, timeout.Timeout())
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, time.Second, time.Since(start))
	})
}

func TestTheFunctionsContextHasTheDeadlineAndTheCause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var cause error
		_, _ = policy.Timeout[int](time.Second).Do(t.Context(), func(ctx context.Context) (int, error) {
			deadline, ok := ctx.Deadline()
			assert.True(t, ok)
			assert.Equal(t, time.Second, deadline.Sub(start))
			assert.NoError(t, ctx.Err())
			time.Sleep(2 * time.Second)
			assert.Equal(t, context.DeadlineExceeded, ctx.Err())
			cause = context.Cause(ctx)
			return 0, ctx.Err()
		})
		var timeout *policy.TimeoutError
		assert.ErrorAs(t, cause, &timeout)
	})
}

func TestALateSuccessIsASuccess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, err := policy.Timeout[int](time.Second).Do(t.Context(), func(context.Context) (int, error) {
			time.Sleep(time.Minute)
			return 1, nil
		})
		require.NoError(t, err)
		assert.Equal(t, 1, v)
	})
}

func TestTheCallersDeadlineIsNotATimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := policy.Timeout[int](time.Minute).Do(ctx, untilDone)
		var timeout *policy.TimeoutError
		assert.False(t, errors.As(err, &timeout))
		assert.Equal(t, context.DeadlineExceeded, err)
	})
}

func TestTheOuterOfTwoEqualTimeoutsCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		outer := policy.NewTimeout[int](policy.TimeoutConfig{Name: "outer", After: time.Second})
		inner := policy.NewTimeout[int](policy.TimeoutConfig{Name: "inner", After: time.Second})
		_, err := outer.Do(t.Context(), func(ctx context.Context) (int, error) {
			return inner.Do(ctx, untilDone)
		})
		assert.EqualError(t, err, "policy: timeout outer: no result within 1s: context deadline exceeded")
	})
}

func TestTimeoutErrorMatchesTheFunctionsError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, err := policy.Timeout[int](time.Second).Do(t.Context(), func(ctx context.Context) (int, error) {
			<-ctx.Done()
			return 0, errDown
		})
		assert.ErrorIs(t, err, errDown)
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.EqualError(t, err, "policy: timeout: no result within 1s: down")
	})
}

func TestTheContextEndsWithTheCall(t *testing.T) {
	for _, armed := range []bool{false, true} {
		var kept context.Context
		_, err := policy.Timeout[int](time.Hour).Do(context.Background(), func(ctx context.Context) (int, error) {
			kept = ctx
			if armed {
				_ = ctx.Done()
			}
			return 1, nil
		})
		require.NoError(t, err)
		assert.Equal(t, context.Canceled, kept.Err())
		assert.Equal(t, context.Canceled, context.Cause(kept))
		<-kept.Done()
	}
}

func TestAPanicLeavesNoTimer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var kept context.Context
		assert.PanicsWithValue(t, "boom", func() {
			_, _ = policy.Timeout[int](time.Hour).Do(t.Context(), func(ctx context.Context) (int, error) {
				kept = ctx
				_ = ctx.Done()
				panic("boom")
			})
		})
		assert.Equal(t, context.Canceled, kept.Err(), "immediately, and not when its timer fires")
	})
}

func TestTheFunctionSeesTheCallersCause(t *testing.T) {
	ctx, cancel := context.WithCancelCause(context.Background())
	_, _ = policy.Timeout[int](time.Hour).Do(ctx, func(ctx context.Context) (int, error) {
		cancel(errDown)
		assert.Equal(t, errDown, context.Cause(ctx))
		assert.Equal(t, context.Canceled, ctx.Err())
		return 0, ctx.Err()
	})
}

func TestDerivedContextsNeedNoGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		before := watchers()
		_, _ = policy.Timeout[int](time.Second).Do(t.Context(), func(ctx context.Context) (int, error) {
			var child context.Context
			for range 10 { // more than may end meanwhile of those that tests before left
				var cancel context.CancelFunc
				child, cancel = context.WithCancel(ctx)
				defer cancel()
			}
			assert.LessOrEqual(t, watchers(), before)
			<-child.Done()
			var timeout *policy.TimeoutError
			assert.ErrorAs(t, context.Cause(child), &timeout)
			return 0, child.Err()
		})
	})
}

func TestTheFunctionSeesTheCallersValues(t *testing.T) {
	type key struct{}
	ctx := context.WithValue(context.Background(), key{}, 42)
	_, err := policy.Timeout[int](time.Hour).Do(ctx, func(ctx context.Context) (int, error) {
		assert.Equal(t, 42, ctx.Value(key{}))
		_ = ctx.Done()
		assert.Equal(t, 42, ctx.Value(key{}))
		return 1, nil
	})
	require.NoError(t, err)
}

func TestAbandonReturnsAtTheLimitIfTheFunctionIgnoresIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		late := make(chan int, 1)
		p := policy.NewTimeout[int](policy.TimeoutConfig{After: time.Second, Abandon: true}).
			WithOnLate(func(v int, _ error) { late <- v })
		start := time.Now()
		_, err := p.Do(t.Context(), func(context.Context) (int, error) {
			time.Sleep(time.Minute)
			return 5, nil
		})
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, time.Second, time.Since(start))
		assert.Equal(t, 5, <-late)
	})
}

func TestAbandonRaisesAnEarlyPanicInTheCaller(t *testing.T) {
	p := policy.NewTimeout[int](policy.TimeoutConfig{After: time.Hour, Abandon: true})
	assert.PanicsWithValue(t, "boom", func() {
		_, _ = p.Do(context.Background(), func(context.Context) (int, error) { panic("boom") })
	})
}

func TestAbandonPassesGoexitOn(t *testing.T) {
	p := policy.NewTimeout[int](policy.TimeoutConfig{After: time.Hour, Abandon: true})
	returned := true
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = p.Do(context.Background(), func(context.Context) (int, error) { runtime.Goexit(); return 0, nil })
		returned = false
	}()
	<-done
	assert.True(t, returned)
}

func TestAbandonPassesALatePanicToOnLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		late := make(chan error, 1)
		p := policy.NewTimeout[int](policy.TimeoutConfig{After: time.Second, Abandon: true}).
			WithOnLate(func(_ int, err error) { late <- err })
		_, err := p.Do(t.Context(), func(context.Context) (int, error) {
			time.Sleep(time.Minute)
			panic(errDown)
		})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		var caught *policy.PanicError
		require.ErrorAs(t, <-late, &caught)
		assert.Equal(t, errDown, caught.Value)
		assert.ErrorIs(t, caught, errDown)
		assert.Contains(t, caught.Error(), "policy: panic: down")
	})
}

func TestAbandonReturnsAtTheCallersCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		late := make(chan int, 1)
		p := policy.NewTimeout[int](policy.TimeoutConfig{After: time.Hour, Abandon: true}).
			WithOnLate(func(v int, _ error) { late <- v })
		time.AfterFunc(time.Second, func() { cancel(errDown) })
		_, err := p.Do(ctx, func(context.Context) (int, error) { time.Sleep(time.Minute); return 1, nil })
		assert.Equal(t, 1, <-late)
		assert.ErrorIs(t, err, errDown)
		assert.ErrorIs(t, err, context.Canceled)
	})
}

func TestTimeoutConfigFaultNamesItsField(t *testing.T) {
	assert.PanicsWithError(t, "policy: TimeoutConfig.After is 0s, want more than 0", func() { policy.Timeout[int](0) })
}

func TestTimeoutAllocatesOnce(t *testing.T) {
	p := policy.Timeout[int](time.Hour)
	ctx := context.Background()
	fn := func(context.Context) (int, error) { return 1, nil }
	assert.LessOrEqual(t, testing.AllocsPerRun(100, func() { _, _ = p.Do(ctx, fn) }), 1.0)
}

func TestStringShowsNameAndLimit(t *testing.T) {
	assert.Equal(t, "timeout(1s)", policy.Timeout[int](time.Second).String())
	assert.Equal(t, "timeout(total, 1s)", policy.NewTimeout[int](policy.TimeoutConfig{Name: "total", After: time.Second}).String())
	assert.Equal(t, "fallback", policy.FallbackValue(1).String())
}
