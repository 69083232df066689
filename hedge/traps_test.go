package hedge_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/hedge"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// Each test below guards against a fault of another hedge library, or of an earlier
// version of this one.

// shared is used inside several bubbles and outside.
var shared = map[string]*hedge.Hedge[int]{
	"given":   hedge.New[int](hedge.Config{Delay: ms, MaxExtra: 2, OnFailure: true}),
	"learned": hedge.New[int](hedge.Config{MinCalls: 1, MaxExtra: 2}),
	"abandon": hedge.New[int](hedge.Config{Delay: ms, Abandon: true}),
}

func TestOneHedgeServesSeveralBubbles(t *testing.T) {
	for range 3 {
		for name, h := range shared {
			// This call is in real time, so another attempt may start.
			v, err := h.Do(t.Context(), func(context.Context) (int, error) { return 1, nil })
			require.NoError(t, err)
			require.Equal(t, 1, v)
			inBubble(t, func(t *testing.T) {
				v, err := h.Do(t.Context(), attempts{after(time.Second, 1, nil), after(time.Second, 2, nil), after(time.Second, 3, nil)}.run)
				require.NoError(t, err)
				require.Equal(t, 1, v, name)
			})
		}
	}
}

// failsafe-go returns the first result, also if it is a failure.
func TestAFailedOrRejectedExtraAttemptDoesNotEndTheCall(t *testing.T) {
	for _, failure := range []error{errDown, policy.ErrRejected} {
		for _, abandon := range []bool{false, true} {
			inBubble(t, func(t *testing.T) {
				h := hedge.New[int](hedge.Config{Delay: ms, Abandon: abandon})
				v, err := h.Do(t.Context(), attempts{after(20*ms, 1, nil), after(ms, 0, failure)}.run)
				require.NoError(t, err)
				assert.Equal(t, 1, v)
			})
		}
	}
}

func TestAnExtraAttemptSucceedsAfterTheFirstFails(t *testing.T) {
	for _, failure := range []error{errDown, policy.ErrRejected} {
		for _, abandon := range []bool{false, true} {
			inBubble(t, func(t *testing.T) {
				h := hedge.New[int](hedge.Config{Delay: ms, Abandon: abandon})
				v, err := h.Do(t.Context(), attempts{after(5*ms, 0, failure), after(20*ms, 2, nil)}.run)
				require.NoError(t, err)
				assert.Equal(t, 2, v)
			})
		}
	}
}

// foreign is a context of a type that package context does not know. A context derived
// from it ends later, on another goroutine.
type foreign struct {
	context.Context
	done chan struct{}
}

func (f *foreign) Done() <-chan struct{} { return f.done }

// policytest found this in the prototype: an inner breaker would count the caller's
// cancel as a failure.
func TestALoserHasTheCallersCauseIfTheCallerLeftFirst(t *testing.T) {
	for _, abandon := range []bool{false, true} {
		inBubble(t, func(t *testing.T) {
			inner, cancel := context.WithCancelCause(t.Context())
			ctx := &foreign{inner, make(chan struct{})}
			time.AfterFunc(5*ms, func() { cancel(errLeft); close(ctx.done) })
			var causes notes[error]
			h := hedge.New[int](hedge.Config{Delay: ms, MaxExtra: 2, Abandon: abandon, Budget: hedge.NoBudget})
			_, err := h.Do(ctx, func(ctx context.Context) (int, error) {
				_, err := after(time.Second, 1, nil)(ctx)
				causes.add(context.Cause(ctx))
				return 0, err
			})
			require.ErrorIs(t, err, errLeft)
			synctest.Wait()
			assert.Equal(t, []error{errLeft, errLeft, errLeft}, causes.get())
		})
	}
}

// hooked is a clock that calls a function before each reading.
type hooked struct {
	policy.Clock
	hook atomic.Pointer[func()]
}

func (h *hooked) Now() time.Time {
	if hook := h.hook.Swap(nil); hook != nil {
		(*hook)()
	}
	return h.Clock.Now()
}

// tower's hedge takes a place before it knows that the attempt starts (tower#472). Here
// the call ends between the two, during the read of the budget.
func TestAnAttemptThatDoesNotStartReturnsItsToken(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		clk := &hooked{Clock: fake.NewClock()}
		budget := retry.NewBudget(retry.BudgetConfig{Ratio: 1, MinPerSecond: 1, Clock: clk})
		h := hedge.New[int](hedge.Config{Delay: 10 * ms, Budget: budget})
		ends, ended := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(ended)
			v, err := h.Do(t.Context(), attempts{func(context.Context) (int, error) { <-ends; return 1, nil }}.run)
			assert.NoError(t, err)
			assert.Equal(t, 1, v)
		}()
		synctest.Wait()
		left := budget.Snapshot().Left
		clk.hook.Store(new(func() { close(ends); <-ended }))
		time.Sleep(10 * ms)
		synctest.Wait()
		assert.Equal(t, left, budget.Snapshot().Left)
	})
}

func TestARejectedExtraAttemptReturnsItsTokenButCountsForMaxExtra(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		budget := tokens(5)
		runs := 0
		h := hedge.New[int](hedge.Config{Delay: 10 * ms, MaxExtra: 2, Budget: budget})
		v, err := h.Do(t.Context(), func(ctx context.Context) (int, error) {
			runs++
			if hedge.Attempt(ctx) > 1 {
				return 0, policy.ErrRejected
			}
			return after(time.Second, 1, nil)(ctx)
		})
		require.NoError(t, err)
		assert.Equal(t, 1, v)
		assert.Equal(t, 3, runs)
		assert.EqualValues(t, 5, budget.Snapshot().Left)
	})
}

// steady makes calls one after another, whose attempts take the durations that the
// functions return. It returns the share of the second half that was hedged.
func steady(t *testing.T, h *hedge.Hedge[int], calls int, run attempts) float64 {
	hedged := 0
	for n := range calls {
		_, _ = h.Do(t.Context(), func(ctx context.Context) (int, error) {
			if hedge.Attempt(ctx) > 1 && n >= calls/2 {
				hedged++
			}
			return run.run(ctx)
		})
		synctest.Wait()
	}
	return float64(hedged) / float64(calls/2)
}

// If hedged calls were not learned from, the delay would shrink, more calls would be
// hedged, and so on. They count with a lower bound of their latency.
func TestHedgedCallsDoNotShrinkTheLearnedDelay(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		rnd := rand.New(rand.NewPCG(1, 27))
		h := hedge.New[int](hedge.Config{Quantile: 0.9, Budget: hedge.NoBudget})
		share := steady(t, h, 20_000, attempts{
			func(ctx context.Context) (int, error) { return after(time.Duration(1+rnd.IntN(100))*ms, 1, nil)(ctx) },
			after(ms, 2, nil),
		})
		// The quantile is 90 ms, and the upper bound of its bucket is 96.4 ms.
		assert.InDelta(t, 0.036, share, 0.02)
	})
}

func TestFailuresDoNotShrinkTheLearnedDelay(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		rnd := rand.New(rand.NewPCG(2, 27))
		h := hedge.New[int](hedge.Config{Quantile: 0.9, Budget: hedge.NoBudget})
		share := steady(t, h, 20_000, attempts{
			func(ctx context.Context) (int, error) {
				if rnd.IntN(2) == 0 {
					return after(ms, 0, errDown)(ctx) // a fast error does not mean a fast server
				}
				return after(time.Duration(1+rnd.IntN(100))*ms, 1, nil)(ctx)
			},
			after(ms, 2, nil),
		})
		assert.InDelta(t, 0.018, share, 0.01, "the share among the half that succeeds")
	})
}

func TestOfTwoSimultaneousSuccessesOneIsReturnedAndOneDiscarded(t *testing.T) {
	for n := range 400 {
		var together, losers sync.WaitGroup
		together.Add(2)
		losers.Add(1)
		var discarded atomic.Int64
		var contexts [2]context.Context
		var release func()
		h := hedge.New[int](hedge.Config{Delay: hedge.AtOnce, Abandon: n%2 == 0, Budget: hedge.NoBudget}).
			WithDiscard(func(v int) { discarded.Store(int64(v)); losers.Done() }).
			WithKeep(func(_ context.Context, v int, r func()) int { release = r; return v })
		v, err := h.Do(t.Context(), func(ctx context.Context) (int, error) {
			contexts[hedge.Attempt(ctx)-1] = ctx
			together.Done()
			together.Wait()
			return hedge.Attempt(ctx), nil
		})
		require.NoError(t, err)
		winner, loser := contexts[v-1], contexts[2-v]
		require.Error(t, loser.Err(), "the loser's context ends before the call returns")
		require.NoError(t, winner.Err(), "the winner's context lives until release")
		release()
		require.Error(t, winner.Err())
		losers.Wait()
		require.EqualValues(t, 3-v, discarded.Load())
	}
}

func TestARetryAroundAHedgeStaysWithinAttemptsAndBudget(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		budget := tokens(3)
		var seen notes[[2]int]
		p := pipeline.New[int](
			retry.New[int](retry.Config{MaxAttempts: 3, BaseDelay: ms, JitterFactor: retry.NoJitter, Budget: budget}),
			hedge.New[int](hedge.Config{Delay: ms, MaxExtra: 2, Budget: budget}),
		)
		_, err := p.Do(t.Context(), func(ctx context.Context) (int, error) {
			seen.add([2]int{retry.Attempt(ctx), hedge.Attempt(ctx)})
			return after(10*ms, 0, errDown)(ctx)
		})
		require.ErrorIs(t, err, errDown)
		require.ErrorIs(t, err, retry.ErrBudget)
		// Three tokens: two extra attempts and one retry. No token is left for another of
		// either.
		assert.Equal(t, [][2]int{{1, 1}, {1, 2}, {1, 3}, {2, 1}}, seen.get())
	})
}

func TestARetryAroundAHedgeRunsAtMostTheProductOfTheirAttempts(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		var seen notes[[2]int]
		p := pipeline.New[int](
			retry.New[int](retry.Config{MaxAttempts: 2, BaseDelay: ms, JitterFactor: retry.NoJitter}),
			hedge.New[int](hedge.Config{Delay: ms, MaxExtra: 1, Budget: hedge.NoBudget}),
		)
		_, err := p.Do(t.Context(), func(ctx context.Context) (int, error) {
			seen.add([2]int{retry.Attempt(ctx), hedge.Attempt(ctx)})
			return after(10*ms, 0, errDown)(ctx)
		})
		require.ErrorIs(t, err, retry.ErrExhausted)
		assert.Equal(t, [][2]int{{1, 1}, {1, 2}, {2, 1}, {2, 2}}, seen.get())
	})
}

func TestAnInnerBreakerIgnoresLosingAttempts(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		circuit := breaker.NewCircuit(breaker.Config{FailureThreshold: 1})
		p := pipeline.New[int](hedge.New[int](hedge.Config{Delay: ms}), breaker.New[int](circuit), policy.Timeout[int](time.Minute))
		v, err := p.Do(t.Context(), attempts{after(time.Second, 1, nil), after(ms, 2, nil)}.run)
		require.NoError(t, err)
		assert.Equal(t, 2, v)
		counts := circuit.Snapshot().Counts
		assert.Equal(t, breaker.Closed, circuit.State())
		assert.Zero(t, counts.Failures)
	})
}

func TestAnInnerRetryStopsWhenItsAttemptLoses(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		var begun notes[int]
		p := pipeline.New[int](hedge.New[int](hedge.Config{Delay: 5 * ms}), retry.New[int](retry.Config{BaseDelay: 10 * ms, MaxAttempts: 9}))
		v, err := p.Do(t.Context(), func(ctx context.Context) (int, error) {
			begun.add(hedge.Attempt(ctx))
			if hedge.Attempt(ctx) == 1 {
				return 0, errDown
			}
			return after(ms, 2, nil)(ctx)
		})
		require.NoError(t, err)
		assert.Equal(t, 2, v)
		time.Sleep(time.Minute)
		assert.Equal(t, []int{1, 2}, begun.get())
	})
}

func TestARefusalOfAnInnerPolicyEndsAnOuterRetryAtOnce(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		circuit := breaker.NewCircuit(breaker.Config{FailureThreshold: 1, RecoveryTimeout: time.Hour})
		p := pipeline.New[int](retry.New[int](retry.Config{}), hedge.New[int](hedge.Config{Delay: time.Minute}), breaker.New[int](circuit))
		d := took(func() {
			_, err := p.Do(t.Context(), func(context.Context) (int, error) { return 0, errDown })
			assert.ErrorIs(t, err, breaker.ErrOpen)
			assert.ErrorIs(t, err, errDown)
			assert.False(t, errors.Is(err, policy.ErrRejected))
		})
		assert.Zero(t, d)
	})
}
