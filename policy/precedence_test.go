package policy_test

import (
	"context"
	"errors"
	"net"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
)

// tardy is a caller's context whose deadline has passed but whose timer has not fired
// yet, as on a busy machine.
type tardy struct {
	context.Context
	deadline time.Time
}

func (c tardy) Deadline() (time.Time, bool) { return c.deadline, true }

func TestALateTimerOfTheCallerIsNotATimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		caller := tardy{context.Background(), time.Now().Add(time.Second)}
		_, err := policy.Timeout[int](1500*time.Millisecond).Do(caller, func(context.Context) (int, error) {
			time.Sleep(2 * time.Second)
			return 0, errDown
		})
		assert.Equal(t, errDown, err)
	})
}

func TestAPassedLimitIsATimeoutEvenIfTheCallersDeadlinePassedLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		_, err := policy.Timeout[int](time.Second).Do(ctx, func(context.Context) (int, error) {
			time.Sleep(3 * time.Second)
			return 0, errDown
		})
		var timeout *policy.TimeoutError
		require.ErrorAs(t, err, &timeout)
		assert.ErrorIs(t, err, errDown)
	})
}

// A function that calls through the pipeline that it runs in has two limits of one policy,
// whose contexts end with one cause.
func TestTheOuterLimitOfOnePolicyCountsOnce(t *testing.T) {
	for name, cfg := range map[string]policy.TimeoutConfig{"cooperative": {}, "abandoning": {Abandon: true}} {
		cfg.After = time.Second
		synctest.Test(t, func(t *testing.T) {
			limit := policy.NewTimeout[int](cfg)
			rec := fake.NewRecorder()
			calls := policy.NewChain[int]("", []policy.Listener{{Observe: rec.Observe, Kinds: []policy.EventKind{policy.TimedOut}}}, limit)
			var inner error
			_, err := calls.Call(func(ctx context.Context) (int, error) {
				time.Sleep(time.Millisecond)
				_, inner = calls.Call(func(ctx context.Context) (int, error) { <-ctx.Done(); return 0, ctx.Err() }).Do(ctx)
				return 0, errDown
			}).Do(t.Context())
			require.ErrorIs(t, err, context.DeadlineExceeded, name)
			synctest.Wait()
			assert.Len(t, rec.Events(), 1, name)
			if !cfg.Abandon {
				assert.Equal(t, context.DeadlineExceeded, inner, name)
			}
		})
	}
}

func TestTheOuterOfTwoEqualLimitsCountsInEveryMode(t *testing.T) {
	block := func(ctx context.Context) (int, error) { <-ctx.Done(); return 0, ctx.Err() }
	for name, cfg := range map[string]policy.TimeoutConfig{"cooperative": {}, "abandoning": {Abandon: true}} {
		cfg.After = time.Second
		for range 50 {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, errDown)
				defer cancel()
				_, err := policy.NewTimeout[int](cfg).Do(ctx, block)
				var timeout *policy.TimeoutError
				require.False(t, errors.As(err, &timeout), "%s: %v", name, err)
			})
		}
		clk := fake.NewClock()
		cfg.Clock = clk
		ctx, cancel := clk.WithTimeout(t.Context(), time.Second)
		begun, over := make(chan struct{}), make(chan error)
		go func() {
			_, err := policy.NewTimeout[int](cfg).Do(ctx, func(ctx context.Context) (int, error) {
				close(begun)
				return block(ctx)
			})
			over <- err
		}()
		<-begun
		clk.Advance(time.Second)
		var timeout *policy.TimeoutError
		assert.False(t, errors.As(<-over, &timeout), name)
		cancel()
	}
}

func TestAPanicLeavesNoTimerOnAClock(t *testing.T) {
	clk := fake.NewClock()
	limit := policy.NewTimeout[int](policy.TimeoutConfig{After: time.Hour, Clock: clk})
	assert.Panics(t, func() { _, _ = limit.Do(t.Context(), func(context.Context) (int, error) { panic("boom") }) })
	assert.Zero(t, clk.Waiters())
}

func TestCauseAloneSeesAnExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, _ = policy.Timeout[int](time.Second).Do(t.Context(), func(ctx context.Context) (int, error) {
			assert.NoError(t, context.Cause(ctx))
			time.Sleep(time.Second)
			var timeout *policy.TimeoutError
			assert.ErrorAs(t, context.Cause(ctx), &timeout)
			return 0, nil
		})
	})
}

func TestFallbackReplacesACancelThatIsNotTheCallers(t *testing.T) {
	v, err := policy.FallbackValue(7).Do(t.Context(), fail(context.Canceled))
	require.NoError(t, err)
	assert.Equal(t, 7, v)
}

func TestFallbackReturnsTheCauseOfTheCallersCancelUnchanged(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	_, err := policy.FallbackValue(7).Do(ctx, func(ctx context.Context) (int, error) {
		cancel(errDown)
		return 0, context.Cause(ctx)
	})
	assert.Equal(t, errDown, err)
}

func TestTimeoutErrorIsANetError(t *testing.T) {
	var netErr net.Error
	require.ErrorAs(t, error(&policy.TimeoutError{}), &netErr)
	assert.True(t, netErr.Timeout())
}

func TestTimedOutHasTheTimeOfTheCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec := fake.NewRecorder()
		chain := policy.NewChain("", hears(rec.Observe), policy.Policy[int](policy.Timeout[int](time.Second)))
		_, err := chain.Call(func(context.Context) (int, error) {
			time.Sleep(time.Minute)
			return 0, errDown
		}).Do(t.Context())
		require.Error(t, err)
		assert.Equal(t, policy.TimedOut, rec.Events()[1].Kind)
		assert.Equal(t, time.Minute, rec.Events()[1].Elapsed)
	})
}

func TestOnLateRunsEvenIfAnObserverCallsGoexit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var late int
		limit := policy.NewTimeout[int](policy.TimeoutConfig{After: time.Second, Abandon: true}).
			WithOnLate(func(v int, _ error) { late = v })
		chain := policy.NewChain("", hears(func(_ context.Context, e policy.Event) {
			if e.Kind == policy.FinishedLate {
				runtime.Goexit()
			}
		}), policy.Policy[int](limit))
		_, err := chain.Call(func(context.Context) (int, error) {
			time.Sleep(time.Minute)
			return 42, nil
		}).Do(t.Context())
		require.ErrorIs(t, err, context.DeadlineExceeded)
		time.Sleep(time.Hour)
		synctest.Wait()
		assert.Equal(t, 42, late)
	})
}

func TestTimeoutAllocatesAtMost96Bytes(t *testing.T) {
	const runs = 1000
	limit := policy.Timeout[int](time.Hour)
	ctx := context.Background()
	one := policy.Func[int](func(context.Context) (int, error) { return 1, nil })
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range runs {
		_, _ = limit.Do(ctx, one)
	}
	runtime.ReadMemStats(&after)
	assert.LessOrEqual(t, (after.TotalAlloc-before.TotalAlloc)/runs, uint64(96))
}

// overriding is a policy that embeds a chain and behaves differently.
type overriding struct{ *policy.Chain[int] }

func (o overriding) Execute(ctx context.Context, next policy.Call[int]) (int, error) {
	v, err := o.Chain.Execute(ctx, next)
	return v + 1000, err
}

func TestATypeThatEmbedsAChainIsNotFlattened(t *testing.T) {
	one := func(context.Context) (int, error) { return 1, nil }
	outer := policy.NewChain("", nil, policy.Policy[int](overriding{policy.NewChain[int]("", nil)}))
	v, err := outer.Call(one).Do(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 1001, v)
}

func TestAChainAllocatesNothing(t *testing.T) {
	chain := policy.NewChain("", nil, policy.Policy[int](policy.FallbackValue(7)))
	one := policy.Func[int](func(context.Context) (int, error) { return 1, nil })
	ctx := context.Background()
	assert.Zero(t, testing.AllocsPerRun(100, func() { _, _ = chain.Execute(ctx, policy.CallOf(one)) }))
}
