package hedge_test

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/hedge"
	"github.com/ductile-go/ductile/internal/beside"
)

// firstOf returns the context of a first attempt after the call has ended. It calls
// during with that context inside the call.
func firstOf(ctx context.Context, t *testing.T, during func(ctx context.Context)) context.Context {
	t.Helper()
	var first context.Context
	_, err := hedge.New[int](hedge.Config{Delay: time.Hour}).Do(ctx, func(ctx context.Context) (int, error) {
		first = ctx
		during(ctx)
		return 1, nil
	})
	require.NoError(t, err)
	return first
}

type valueKey struct{}

func TestAFirstAttemptsContextEndsWithTheCall(t *testing.T) {
	for name, during := range map[string]func(context.Context){
		"unasked":       func(context.Context) {},
		"asked for Err": func(ctx context.Context) { assert.NoError(t, ctx.Err()) },
		"waited on": func(ctx context.Context) {
			select {
			case <-ctx.Done():
				t.Error("done")
			default:
			}
		},
	} {
		ctx := context.WithValue(t.Context(), valueKey{}, 7)
		first := firstOf(ctx, t, func(ctx context.Context) { assert.NoError(t, context.Cause(ctx)); during(ctx) })
		<-first.Done()
		assert.Equal(t, context.Canceled, first.Err(), name)
		assert.Equal(t, context.Canceled, context.Cause(first), name)
		assert.Equal(t, 7, first.Value(valueKey{}), name)
	}
}

func TestAnObservedErrOfTheContextDoesNotChange(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeoutCause(t.Context(), ms, errLeft)
		defer cancel()
		first := firstOf(ctx, t, func(first context.Context) {
			time.Sleep(2 * ms)
			assert.Equal(t, context.DeadlineExceeded, first.Err())
		})
		assert.Equal(t, context.DeadlineExceeded, first.Err(), "still not Canceled after the call has returned")
		assert.Equal(t, errLeft, context.Cause(first))
	})
}

func TestTheCauseOfAnEndedCallIsNotThatOfALaterCancel(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	first := firstOf(ctx, t, func(context.Context) {})
	cancel(errLeft)
	assert.Equal(t, context.Canceled, first.Err())
	assert.Equal(t, context.Canceled, context.Cause(first))
}

func TestContextsDerivedFromAFirstAttemptStartNoGoroutine(t *testing.T) {
	firstOf(t.Context(), t, func(first context.Context) {
		const derived = 100
		before := runtime.NumGoroutine()
		for range derived {
			child, cancel := context.WithTimeout(context.WithValue(first, valueKey{}, 1), time.Hour)
			defer cancel()
			assert.NoError(t, child.Err())
		}
		// Half of them, since goroutines of the runtime and of other tests come and go.
		assert.Less(t, runtime.NumGoroutine(), before+derived/2)
	})
}

func TestTheDeadlineOfAFirstAttemptIsTheCallers(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	firstOf(ctx, t, func(first context.Context) {
		want, _ := ctx.Deadline()
		got, ok := first.Deadline()
		assert.True(t, ok)
		assert.Equal(t, want, got)
	})
}

func TestOneContextMayBeArmedConcurrently(t *testing.T) {
	for range 200 {
		firstOf(t.Context(), t, func(first context.Context) {
			var wg sync.WaitGroup
			channels := make([]<-chan struct{}, 4)
			for i := range channels {
				wg.Go(func() { channels[i] = first.Done() })
			}
			wg.Wait()
			for _, c := range channels {
				require.Equal(t, channels[0], c)
			}
		})
	}
}

// Another goroutine asks the context for Done while it is armed.
func TestOfTwoContextsArmedAtTheSameTimeOneIsUsedAndTheOtherEnds(t *testing.T) {
	caller := newParent(t.Context())
	firstOf(caller, t, func(first context.Context) {
		var other <-chan struct{}
		caller.asked.Store(new(func() { other = first.Done() }))
		done := first.Done()
		assert.Equal(t, other, done)
		assert.NoError(t, first.Err())
		assert.EqualValues(t, 1, caller.children.Load())
	})
	assert.Zero(t, caller.children.Load())
}

func TestTheCauseOfALoserIsErrLostEvenIfItAsksLater(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		h := hedge.New[int](hedge.Config{Delay: ms})
		v, err := h.Do(t.Context(), attempts{func(ctx context.Context) (int, error) {
			time.Sleep(time.Second)
			assert.Equal(t, hedge.ErrLost, context.Cause(ctx))
			return 0, ctx.Err()
		}, after(ms, 2, nil)}.run)
		require.NoError(t, err)
		assert.Equal(t, 2, v)
	})
}

func TestAttemptsEndWithTheCallersContextEvenIfItsEndHasNotReachedThem(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		inner, cancel := context.WithCancelCause(t.Context())
		caller := newParent(inner)
		time.AfterFunc(5*ms, func() { cancel(errLeft); close(caller.done) })
		var contexts notes[context.Context]
		h := hedge.New[int](hedge.Config{Delay: ms, MaxExtra: 2, Abandon: true, Budget: hedge.NoBudget})
		_, err := h.Do(caller, func(ctx context.Context) (int, error) {
			contexts.add(ctx)
			return deaf(time.Second, 1, nil)(ctx)
		})
		require.ErrorIs(t, err, errLeft)
		require.Len(t, contexts.get(), 3)
		for _, ctx := range contexts.get() {
			assert.Equal(t, context.Canceled, ctx.Err())
			assert.Equal(t, errLeft, context.Cause(ctx))
		}
		time.Sleep(time.Minute)
	})
}

func TestAnAttemptIsAloneIfAllBeforeItHaveFailed(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		var alone notes[bool]
		h := hedge.New[int](hedge.Config{Delay: 10 * ms, MaxExtra: 3, OnFailure: true, Budget: hedge.NoBudget})
		run := attempts{after(ms, 0, errDown), after(100*ms, 2, nil), after(time.Second, 3, nil), after(time.Second, 4, nil)}
		_, err := h.Do(t.Context(), func(ctx context.Context) (int, error) {
			alone.add(beside.Alone(ctx))
			return run.run(ctx)
		})
		require.NoError(t, err)
		assert.Equal(t, []bool{false, true, false, false}, alone.get())
	})
}

// fmt, and with it testify's mock, reads all fields of a context without a String method.
// The race detector finds that the start of the extra attempt writes some.
func TestAContextIsPrintedWithoutALookAtItsFields(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		var texts notes[string]
		_, err := hedge.New[int](hedge.Config{Delay: ms}).Do(context.Background(), func(ctx context.Context) (int, error) {
			texts.add(fmt.Sprint(ctx))
			return after(5*ms, 1, nil)(ctx)
		})
		require.NoError(t, err)
		assert.Equal(t, []string{"context.Background.Hedge(1)", "context.Background.Hedge(2)"}, texts.get())
	})
}
