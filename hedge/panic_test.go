package hedge_test

import (
	"bytes"
	"context"
	"log"
	"os"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/hedge"
	"github.com/ductile-go/ductile/policy"
)

type boom struct{ at int }

func panicking(d time.Duration, with any) func(context.Context) (int, error) {
	return func(ctx context.Context) (int, error) {
		_, _ = deaf(d, 0, nil)(ctx)
		panic(with)
	}
}

func exiting(d time.Duration) func(context.Context) (int, error) {
	return func(ctx context.Context) (int, error) {
		_, _ = deaf(d, 0, nil)(ctx)
		runtime.Goexit()
		return 0, nil
	}
}

func TestAPanicOfAnExtraAttemptPanicsInTheCaller(t *testing.T) {
	for _, abandon := range []bool{false, true} {
		inBubble(t, func(t *testing.T) {
			var causes notes[error]
			h := hedge.New[int](hedge.Config{Delay: ms, MaxExtra: 5, Abandon: abandon, Budget: hedge.NoBudget})
			first := func(ctx context.Context) (int, error) {
				v, err := after(time.Second, 1, nil)(ctx)
				causes.add(context.Cause(ctx))
				return v, err
			}
			d := took(func() {
				assert.PanicsWithValue(t, boom{2}, func() { _, _ = h.Do(t.Context(), attempts{first, panicking(ms/2, boom{2})}.run) })
			})
			assert.Equal(t, ms+ms/2, d, "no further attempt starts")
			synctest.Wait()
			assert.Equal(t, []error{hedge.ErrLost}, causes.get())
		})
	}
}

// wrapping panics if it is nil and errors.Is unwraps it.
type wrapping struct{ inner error }

func (w *wrapping) Error() string { return "wrapping" }
func (w *wrapping) Unwrap() error { return w.inner }

func TestAnErrorThatPanicsInAnExtraAttemptPanicsInTheCaller(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		h := hedge.New[int](hedge.Config{Delay: ms})
		fn := attempts{after(time.Second, 1, nil), after(ms, 0, (*wrapping)(nil))}.run
		assert.Panics(t, func() { _, _ = h.Do(t.Context(), fn) })
	})
}

func TestAnErrorThatPanicsInALateAttemptGoesToOnLate(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		var late notes[error]
		h := hedge.New[int](hedge.Config{Delay: ms}).WithOnLate(late.add)
		v, err := h.Do(t.Context(), attempts{after(2*ms, 1, nil), deaf(time.Second, 0, (*wrapping)(nil))}.run)
		require.NoError(t, err)
		assert.Equal(t, 1, v)
		time.Sleep(time.Minute)
		require.Len(t, late.get(), 1)
		assert.IsType(t, (*policy.PanicError)(nil), late.get()[0])
	})
}

func TestGoexitInAnExtraAttemptEndsTheCallersGoroutine(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		h := hedge.New[int](hedge.Config{Delay: ms})
		var wg sync.WaitGroup
		returned := false
		wg.Go(func() {
			_, _ = h.Do(t.Context(), attempts{after(time.Second, 1, nil), exiting(ms)}.run)
			returned = true
		})
		wg.Wait()
		assert.False(t, returned)
	})
}

func TestLatePanicsAndGoexitsGoToOnLate(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		var late notes[error]
		h := hedge.New[int](hedge.Config{Delay: ms, MaxExtra: 3, Budget: hedge.NoBudget}).WithOnLate(late.add)
		v, err := h.Do(t.Context(), attempts{
			after(10*ms, 1, nil), panicking(20*ms, boom{2}), exiting(30 * ms), deaf(40*ms, 0, errDown),
		}.run)
		require.NoError(t, err)
		assert.Equal(t, 1, v)
		time.Sleep(time.Second)
		got := late.get()
		require.Len(t, got, 3)
		var p *policy.PanicError
		require.ErrorAs(t, got[0], &p)
		assert.Equal(t, boom{2}, p.Value)
		assert.Contains(t, string(p.Stack), "panicking")
		assert.Equal(t, []error{policy.ErrNoReturn, errDown}, got[1:])
	})
}

func TestAPanicOfALosingFirstAttemptReachesTheCaller(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		var discarded notes[int]
		h := hedge.New[int](hedge.Config{Delay: ms}).WithDiscard(discarded.add)
		assert.PanicsWithValue(t, boom{1}, func() {
			_, _ = h.Do(t.Context(), attempts{panicking(time.Second, boom{1}), after(ms, 2, nil)}.run)
		})
		assert.Equal(t, []int{2}, discarded.get(), "the caller does not get it")
	})
}

func TestAPanicOfTheFirstAttemptCancelsTheOthers(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		var late notes[error]
		h := hedge.New[int](hedge.Config{Delay: ms}).WithOnLate(late.add)
		assert.PanicsWithValue(t, boom{1}, func() {
			_, _ = h.Do(t.Context(), attempts{panicking(5*ms, boom{1}), after(time.Second, 2, nil)}.run)
		})
		synctest.Wait()
		require.Len(t, late.get(), 1)
		assert.ErrorIs(t, late.get()[0], hedge.ErrLost)
	})
}

func TestAPanicInACallbackOnAnAttemptsGoroutineIsLogged(t *testing.T) {
	var out bytes.Buffer
	log.SetOutput(&out)
	defer log.SetOutput(os.Stderr)
	inBubble(t, func(t *testing.T) {
		h := hedge.New[int](hedge.Config{Delay: ms, MaxExtra: 2, Budget: hedge.NoBudget}).
			WithDiscard(func(int) { panic("a discard") }).WithOnLate(func(error) { panic("a listener") })
		v, err := h.Do(t.Context(), attempts{after(10*ms, 1, nil), deaf(20*ms, 2, nil), deaf(30*ms, 0, errDown)}.run)
		require.NoError(t, err)
		assert.Equal(t, 1, v)
		time.Sleep(time.Second)
	})
	assert.Contains(t, out.String(), "hedge: the function of WithDiscard panicked: a discard")
	assert.Contains(t, out.String(), "hedge: the function of WithOnLate panicked: a listener")
}

func TestLateResultsWithoutFunctionsForThemLogNothing(t *testing.T) {
	var out bytes.Buffer
	log.SetOutput(&out)
	defer log.SetOutput(os.Stderr)
	inBubble(t, func(t *testing.T) {
		h := hedge.New[int](hedge.Config{Delay: ms, MaxExtra: 2, Budget: hedge.NoBudget})
		v, err := h.Do(t.Context(), attempts{after(10*ms, 1, nil), deaf(20*ms, 2, nil), deaf(30*ms, 0, errDown)}.run)
		require.NoError(t, err)
		assert.Equal(t, 1, v)
		time.Sleep(time.Second)
	})
	assert.Empty(t, out.String())
}

func TestOnLateIsNotCalledForALateSuccess(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		var late notes[error]
		h := hedge.New[int](hedge.Config{Delay: ms}).WithOnLate(late.add)
		v, err := h.Do(t.Context(), attempts{after(10*ms, 1, nil), deaf(20*ms, 2, nil)}.run)
		require.NoError(t, err)
		assert.Equal(t, 1, v)
		time.Sleep(time.Second)
		assert.Empty(t, late.get())
	})
}

func TestAPanicInTheConditionCountsAsAPanicOfTheAttempt(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		h := hedge.New[int](hedge.Config{Delay: ms}).WithCondition(func(v int, err error) bool {
			if v == 2 {
				panic(boom{v})
			}
			return err == nil
		})
		assert.PanicsWithValue(t, boom{2}, func() {
			_, _ = h.Do(t.Context(), attempts{after(time.Second, 1, nil), after(ms, 2, nil)}.run)
		})
	})
}

func TestTheContextOfAnAttemptThatPanickedEnds(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		var of context.Context
		h := hedge.New[int](hedge.Config{Delay: ms})
		assert.Panics(t, func() {
			_, _ = h.Do(t.Context(), attempts{after(time.Second, 1, nil), func(ctx context.Context) (int, error) {
				of = ctx
				panic(boom{2})
			}}.run)
		})
		assert.Error(t, of.Err())
	})
}
