package policy_test

import (
	"context"
	"errors"
	"runtime/debug"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
)

func TestEveryMethodSeesALimitThatHasPassed(t *testing.T) {
	for name, ask := range map[string]func(context.Context) error{
		"Err": context.Context.Err, "Cause": context.Cause,
		"Done": func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			_, _ = policy.Timeout[int](time.Second).Do(ctx, func(ctx context.Context) (int, error) {
				time.Sleep(time.Second)
				err := ask(ctx)
				assert.ErrorIs(t, err, context.DeadlineExceeded, name)
				var timeout *policy.TimeoutError
				assert.Equal(t, name == "Cause", errors.As(err, &timeout), name)
				return 0, nil
			})
		})
	}
}

func TestAFailureAtTheLimitIsATimeout(t *testing.T) {
	check := func(cfg policy.TimeoutConfig, sleep func(time.Duration)) {
		rec := fake.NewRecorder()
		cfg.After = time.Second
		_, err := policy.NewChain[int]("", hears(rec.Observe), policy.NewTimeout[int](cfg)).Call(func(context.Context) (int, error) {
			sleep(time.Second)
			return 0, errDown
		}).Do(context.Background())
		var timeout *policy.TimeoutError
		require.ErrorAs(t, err, &timeout)
		assert.Equal(t, policy.Event{Kind: policy.TimedOut, Policy: "timeout", Elapsed: time.Second, Err: err}, rec.Events()[1])
	}
	synctest.Test(t, func(*testing.T) { check(policy.TimeoutConfig{}, time.Sleep) })
	clk := fake.NewClock()
	check(policy.TimeoutConfig{Clock: clk}, clk.Advance)
}

func TestTimedOutHasTheTimeOfTheCallOnAClock(t *testing.T) {
	clk := fake.NewClock()
	rec := fake.NewRecorder()
	limit := policy.NewTimeout[int](policy.TimeoutConfig{Name: "total", After: time.Second, Clock: clk})
	_, err := policy.NewChain[int]("p", hears(rec.Observe), limit).Call(func(context.Context) (int, error) {
		clk.Advance(time.Minute)
		return 0, errDown
	}).Do(t.Context())
	assert.Equal(t, []policy.Event{
		{Kind: policy.Started, Pipeline: "p"},
		{Kind: policy.TimedOut, Pipeline: "p", Policy: "timeout", Name: "total", Elapsed: time.Minute, Err: err},
		{Kind: policy.Finished, Pipeline: "p", Attempt: 1, Elapsed: time.Minute, Err: err},
	}, rec.Events())
}

func TestALimitThatWasSeenStaysATimeoutAfterACancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		_, err := policy.Timeout[int](time.Second).Do(ctx, func(ctx context.Context) (int, error) {
			<-ctx.Done()
			cancel()
			return 0, errDown
		})
		var timeout *policy.TimeoutError
		assert.ErrorAs(t, err, &timeout)
	})
}

func TestACancelByACallerWithADeadlineIsNoTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		_, err := policy.Timeout[int](time.Second).Do(ctx, func(context.Context) (int, error) {
			time.Sleep(2 * time.Second)
			cancel()
			return 0, errDown
		})
		assert.Equal(t, errDown, err)
	})
}

type userKey struct{}

func TestAContextKeepsItsValuesAndCauseAfterTheCall(t *testing.T) {
	parent, cancel := context.WithCancelCause(context.WithValue(t.Context(), userKey{}, "ann"))
	for _, limit := range []*policy.TimeoutPolicy[context.Context]{
		policy.Timeout[context.Context](time.Hour),
		policy.NewTimeout[context.Context](policy.TimeoutConfig{After: time.Hour, Clock: fake.NewClock()}),
	} {
		for name, arm := range map[string]func(context.Context){"unarmed": func(context.Context) {}, "armed": func(ctx context.Context) { ctx.Done() }} {
			kept, err := limit.Do(parent, func(ctx context.Context) (context.Context, error) { arm(ctx); return ctx, nil })
			require.NoError(t, err)
			assert.Equal(t, "ann", kept.Value(userKey{}), name)
			assert.Equal(t, context.Canceled, context.Cause(kept), name)
			defer func() { assert.Equal(t, context.Canceled, context.Cause(kept), name) }()
		}
	}
	cancel(errDown) // after those calls have returned
}

func TestNoTimerIsSetWithoutDone(t *testing.T) {
	limit := policy.Timeout[int](time.Hour)
	allocs := testing.AllocsPerRun(100, func() {
		_, _ = limit.Do(context.Background(), func(ctx context.Context) (int, error) {
			ctx.Deadline()
			_ = ctx.Value(userKey{})
			return 1, ctx.Err()
		})
	})
	assert.LessOrEqual(t, allocs, 1.0)
}

func TestAnExpiredContextStillHasTheCallersValues(t *testing.T) {
	clk := fake.NewClock()
	parent := context.WithValue(t.Context(), userKey{}, "ann")
	_, err := policy.NewTimeout[int](policy.TimeoutConfig{After: time.Second, Clock: clk}).Do(parent, func(ctx context.Context) (int, error) {
		clk.Advance(time.Second)
		assert.Equal(t, "ann", ctx.Value(userKey{}))
		return 0, ctx.Err()
	})
	assert.ErrorIs(t, err, context.DeadlineExceeded)
}

// meddling is a caller's context whose Deadline method arms the call's context first,
// as another goroutine could.
type meddling struct {
	context.Context
	meddle     func()
	registered int // the number of its listeners
}

func (m *meddling) Deadline() (time.Time, bool) {
	if m.meddle != nil {
		meddle := m.meddle
		m.meddle = nil
		meddle()
	}
	return m.Context.Deadline()
}

func (m *meddling) Value(any) any { return nil } // so that package context does not know it

func (m *meddling) AfterFunc(f func()) func() bool {
	m.registered++
	stop := context.AfterFunc(m.Context, f)
	return func() bool { m.registered--; return stop() }
}

func TestConcurrentCallsOfDoneReturnTheSameChannel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		parent := &meddling{Context: ctx}
		var first, second <-chan struct{}
		_, err := policy.Timeout[int](time.Hour).Do(parent, func(ctx context.Context) (int, error) {
			parent.meddle = func() { first = ctx.Done() }
			second = ctx.Done()
			require.NoError(t, ctx.Err())
			return 1, nil
		})
		require.NoError(t, err)
		assert.Equal(t, first, second)
		<-first
		assert.Zero(t, parent.registered, "the context that lost leaves no listener")
	})
}

func TestALimitAfterTheCallersDeadlineSetsNoTimer(t *testing.T) {
	clk := fake.NewClock()
	ctx, cancel := clk.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_, err := policy.NewTimeout[int](policy.TimeoutConfig{After: time.Minute, Clock: clk}).Do(ctx, func(ctx context.Context) (int, error) {
		assert.Equal(t, 1, clk.Waiters())
		clk.Advance(time.Second)
		return 0, ctx.Err()
	})
	assert.Equal(t, context.DeadlineExceeded, err)
}

func TestWithoutAbandonTheFunctionRunsOnTheCallersGoroutine(t *testing.T) {
	limits := map[string]*policy.TimeoutPolicy[int]{
		"real time": policy.Timeout[int](time.Hour),
		"a clock":   policy.NewTimeout[int](policy.TimeoutConfig{After: time.Hour, Clock: fake.NewClock()}),
		"kept": policy.Timeout[int](time.Hour).WithKeep(func(_ context.Context, v int, release func()) int {
			release()
			return v
		}),
	}
	for name, limit := range limits {
		_, err := limit.Do(t.Context(), func(context.Context) (int, error) {
			assert.Contains(t, string(debug.Stack()), t.Name()+"(", name)
			return 1, nil
		})
		require.NoError(t, err)
	}
}

func TestALateSuccessOnAClockIsASuccess(t *testing.T) {
	clk := fake.NewClock()
	for _, kept := range []bool{false, true} {
		limit := policy.NewTimeout[int](policy.TimeoutConfig{After: time.Second, Clock: clk})
		if kept {
			limit = limit.WithKeep(func(_ context.Context, v int, release func()) int { release(); return v })
		}
		v, err := limit.Do(t.Context(), func(context.Context) (int, error) { clk.Advance(time.Hour); return 1, nil })
		require.NoError(t, err)
		assert.Equal(t, 1, v)
	}
}

func TestATimeoutErrorMatchesOnlyItsOwnCause(t *testing.T) {
	clk := fake.NewClock()
	timeOut := func() (err, cause error) {
		_, err = policy.NewTimeout[int](policy.TimeoutConfig{After: time.Second, Clock: clk}).Do(t.Context(), func(ctx context.Context) (int, error) {
			clk.Advance(time.Second)
			cause = context.Cause(ctx)
			return 0, errDown
		})
		return err, cause
	}
	err, cause := timeOut()
	_, another := timeOut()
	assert.ErrorIs(t, err, cause)
	assert.NotErrorIs(t, err, another)
	var none *policy.TimeoutError
	assert.NotErrorIs(t, &policy.TimeoutError{}, error(none))
	assert.NotErrorIs(t, err, error(none))
	assert.False(t, none.Is(another))
	assert.False(t, none.Is(none))
	assert.True(t, none.Is(context.DeadlineExceeded))
	assert.True(t, none.Temporary())
}
