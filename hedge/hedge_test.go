package hedge_test

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/hedge"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

const ms = time.Millisecond

func TestTheFirstSuccessWins(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		h := hedge.New[int](hedge.Config{Delay: 10 * ms})
		var causes notes[error]
		first := func(ctx context.Context) (int, error) {
			_, err := after(time.Second, 1, nil)(ctx)
			causes.add(context.Cause(ctx))
			return 0, err
		}
		d := took(func() {
			v, err := h.Do(t.Context(), attempts{first, after(5*ms, 2, nil)}.run)
			require.NoError(t, err)
			assert.Equal(t, 2, v)
		})
		assert.Equal(t, 15*ms, d)
		assert.Equal(t, []error{hedge.ErrLost}, causes.get())
	})
}

func TestNoExtraAttemptStartsBeforeTheDelay(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		h := hedge.New[int](hedge.Config{Delay: 10 * ms})
		v, err := h.Do(t.Context(), attempts{after(10*ms-1, 1, nil)}.run)
		assert.Equal(t, 1, v)
		assert.NoError(t, err)
	})
}

func TestExtraAttemptsStartADelayApart(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		start := time.Now()
		var begun notes[time.Duration]
		h := hedge.New[int](hedge.Config{Delay: 10 * ms, MaxExtra: 3, Budget: hedge.NoBudget})
		_, err := h.Do(t.Context(), func(ctx context.Context) (int, error) {
			begun.add(time.Since(start))
			return after(time.Second, 1, nil)(ctx)
		})
		require.NoError(t, err)
		assert.Equal(t, []time.Duration{0, 10 * ms, 20 * ms, 30 * ms}, begun.get())
	})
}

func TestAtOnceStartsAllAttemptsTogether(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		h := hedge.New[int](hedge.Config{Delay: hedge.AtOnce, MaxExtra: 2, Budget: hedge.NoBudget})
		d := took(func() {
			v, err := h.Do(t.Context(), attempts{after(time.Second, 1, nil), after(time.Minute, 2, nil), after(ms, 3, nil)}.run)
			require.NoError(t, err)
			assert.Equal(t, 3, v)
		})
		assert.Equal(t, ms, d)
	})
}

func TestExtraAttemptsAreNumberedAndSpeculative(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		var seen notes[[2]any]
		h := hedge.New[int](hedge.Config{Delay: ms, MaxExtra: 2, Budget: hedge.NoBudget})
		outer := hedge.New[int](hedge.Config{Delay: time.Hour})
		_, err := outer.Do(t.Context(), func(ctx context.Context) (int, error) {
			return h.Do(ctx, func(ctx context.Context) (int, error) {
				seen.add([2]any{hedge.Attempt(ctx), policy.Speculative(ctx)})
				return after(time.Second, 1, nil)(ctx)
			})
		})
		require.NoError(t, err)
		assert.Equal(t, [][2]any{{1, false}, {2, true}, {3, true}}, seen.get())
		assert.Equal(t, 1, hedge.Attempt(t.Context()))
	})
}

func TestTheFirstAttemptOfAnInnerHedgeIsNumberOneAndStillSpeculative(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		inner := hedge.New[int](hedge.Config{Delay: time.Hour})
		outer := hedge.New[int](hedge.Config{Delay: ms})
		v, err := outer.Do(t.Context(), attempts{after(time.Second, 1, nil), func(ctx context.Context) (int, error) {
			return inner.Do(ctx, func(ctx context.Context) (int, error) {
				assert.Equal(t, 1, hedge.Attempt(ctx))
				assert.True(t, policy.Speculative(ctx))
				return 7, nil
			})
		}}.run)
		require.NoError(t, err)
		assert.Equal(t, 7, v)
	})
}

func TestWithoutOnFailureAFailedFirstAttemptEndsTheCall(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		h := hedge.New[int](hedge.Config{Delay: 10 * ms})
		d := took(func() {
			v, err := h.Do(t.Context(), attempts{after(ms, 5, errDown)}.run)
			assert.Equal(t, errDown, err, "the error is returned as it is")
			assert.Equal(t, 5, v, "the last value is returned")
		})
		assert.Equal(t, ms, d)
	})
}

func TestOnFailureStartsTheNextAttemptAtOnceOnTheCallersGoroutine(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		h := hedge.New[int](hedge.Config{Delay: time.Hour, MaxExtra: 2, OnFailure: true, Budget: hedge.NoBudget})
		exited := make(chan bool, 1)
		go func() {
			defer func() { exited <- true }()
			_, _ = h.Do(t.Context(), attempts{after(ms, 0, errDown), after(ms, 0, errDown), func(ctx context.Context) (int, error) {
				assert.True(t, policy.Speculative(ctx), "even if it runs alone")
				runtime.Goexit() // ends the goroutine that it runs on: the caller's
				return 0, nil
			}}.run)
		}()
		assert.True(t, <-exited)
	})
}

func TestSeveralErrorsAreJoined(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		h := hedge.New[int](hedge.Config{Delay: time.Hour, OnFailure: true})
		errSecond := errors.New("second")
		_, err := h.Do(t.Context(), attempts{after(ms, 0, errDown), after(ms, 0, errSecond)}.run)
		require.ErrorIs(t, err, errDown)
		require.ErrorIs(t, err, errSecond)
		all, ok := errors.AsType[*hedge.Error](err)
		require.True(t, ok)
		assert.Equal(t, &hedge.Error{Attempts: 2, Errs: []error{errDown, errSecond}}, all)
		assert.EqualError(t, err, "hedge: no success from 2 attempts: down; second")
	})
}

func TestOnlyErrorsThatHedgeIfAcceptsStartTheNextAttempt(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		var asked notes[error]
		h := hedge.New[int](hedge.Config{Delay: time.Hour, OnFailure: true, Budget: hedge.NoBudget, HedgeIf: func(err error) bool {
			asked.add(err)
			return errors.Is(err, errDown)
		}})
		for _, c := range []struct {
			err  error
			runs int
		}{
			{errDown, 2}, {errors.New("other"), 1}, {policy.ErrRejected, 1}, {retry.Permanent(errDown), 1}, {context.Canceled, 1},
		} {
			runs := 0
			_, err := h.Do(t.Context(), func(context.Context) (int, error) { runs++; return 0, c.err })
			assert.Equal(t, c.runs, runs, "%v", c.err)
			assert.Error(t, err)
		}
		assert.Len(t, asked.get(), 4, "HedgeIf is not called for rejections and permanent errors")
	})
}

func TestDoRemovesMarksAndExecuteKeepsThem(t *testing.T) {
	h := hedge.New[int](hedge.Config{Delay: time.Hour})
	marked := retry.Permanent(errDown)
	fn := func(context.Context) (int, error) { return 0, marked }
	_, err := h.Do(t.Context(), fn)
	assert.Equal(t, errDown, err)
	_, err = h.Execute(t.Context(), policy.CallOf(fn))
	assert.Equal(t, marked, err)
}

func TestRetryAfterDelaysTheNextAttempt(t *testing.T) {
	for name, c := range map[string]struct {
		cfg  hedge.Config
		runs attempts
		want time.Duration // when the last attempt starts
		n    int           // its number
	}{
		"on failure, alone": {
			hedge.Config{Delay: time.Hour, OnFailure: true},
			attempts{after(ms, 0, retry.After(errDown, 20*ms)), after(0, 2, nil)}, 21 * ms, 2,
		},
		"on failure, beside another": {
			hedge.Config{Delay: 10 * ms, MaxExtra: 2, OnFailure: true, Budget: hedge.NoBudget},
			attempts{after(12*ms, 0, retry.After(errDown, 30*ms)), after(time.Second, 2, nil), after(0, 3, nil)}, 42 * ms, 3,
		},
		"by time": {
			hedge.Config{Delay: 10 * ms, MaxExtra: 2, Budget: hedge.NoBudget},
			attempts{after(12*ms, 0, retry.After(errDown, 30*ms)), after(time.Second, 2, nil), after(0, 3, nil)}, 42 * ms, 3,
		},
		"by time, which is later": {
			hedge.Config{Delay: 10 * ms, MaxExtra: 2, Budget: hedge.NoBudget},
			attempts{after(12*ms, 0, retry.After(errDown, 3*ms)), after(time.Second, 2, nil), after(0, 3, nil)}, 20 * ms, 3,
		},
		"the longest of two": {
			hedge.Config{Delay: 10 * ms, MaxExtra: 2, OnFailure: true, Budget: hedge.NoBudget},
			attempts{after(12*ms, 0, retry.After(errDown, 30*ms)), after(5*ms, 0, errDown), after(0, 3, nil)}, 42 * ms, 3,
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				d := took(func() {
					v, err := hedge.New[int](c.cfg).Do(t.Context(), c.runs.run)
					require.NoError(t, err)
					assert.Equal(t, c.n, v)
				})
				assert.Equal(t, c.want, d)
			})
		})
	}
}

func TestARetryAfterThatIsTooLongEndsHedging(t *testing.T) {
	for _, asked := range []time.Duration{time.Second, 31 * time.Second} {
		inBubble(t, func(t *testing.T) {
			ctx := t.Context()
			if asked == time.Second {
				limited, cancel := context.WithTimeout(ctx, time.Second)
				defer cancel()
				ctx = limited
			}
			h := hedge.New[int](hedge.Config{Delay: 10 * ms, MaxExtra: 3, OnFailure: true, Budget: hedge.NoBudget})
			d := took(func() {
				_, err := h.Do(ctx, attempts{after(ms, 0, retry.After(errDown, asked))}.run)
				assert.ErrorIs(t, err, errDown)
			})
			assert.Equal(t, ms, d)
			d = took(func() { // while another attempt continues
				v, err := h.Do(ctx, attempts{after(12*ms, 0, retry.After(errDown, asked)), after(500*ms, 2, nil)}.run)
				assert.NoError(t, err)
				assert.Equal(t, 2, v)
			})
			assert.Equal(t, 510*ms, d)
		})
	}
}

func TestACallCancelledDuringAWaitReturnsBothErrors(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(5*ms, func() { cancel(errLeft) })
		var discarded notes[int]
		h := hedge.New[int](hedge.Config{Delay: time.Hour, OnFailure: true}).WithDiscard(discarded.add)
		d := took(func() {
			v, err := h.Do(ctx, attempts{after(ms, 9, retry.After(errDown, time.Second))}.run)
			for _, target := range []error{errDown, errLeft, context.Canceled} {
				assert.ErrorIs(t, err, target)
			}
			assert.Zero(t, v)
		})
		assert.Equal(t, 5*ms, d)
		assert.Equal(t, []int{9}, discarded.get())
	})
}

func TestTheConditionDecidesWhichResultWins(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		var discarded notes[int]
		h := hedge.New[int](hedge.Config{Delay: time.Hour, MaxExtra: 2, OnFailure: true, Budget: hedge.NoBudget}).
			WithCondition(func(v int, _ error) bool { return v >= 200 && v < 500 }).
			WithDiscard(discarded.add)
		v, err := h.Do(t.Context(), attempts{after(ms, 503, nil), after(ms, 404, errDown)}.run)
		assert.Equal(t, 404, v, "the result wins with its error")
		assert.Equal(t, errDown, err)
		assert.Equal(t, []int{503}, discarded.get())

		v, err = h.Do(t.Context(), attempts{after(ms, 500, nil), after(ms, 501, nil), after(ms, 502, nil)}.run)
		assert.NoError(t, err)
		assert.Equal(t, 502, v, "the last result is returned if none wins")
		assert.Equal(t, []int{503, 500, 501}, discarded.get())
	})
}

func TestEachLosingValueIsDiscardedOnce(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		var discarded notes[int]
		h := hedge.New[int](hedge.Config{Delay: ms, MaxExtra: 3, Budget: hedge.NoBudget}).WithDiscard(discarded.add)
		v, err := h.Do(t.Context(), attempts{deaf(20*ms, 1, nil), after(5*ms, 2, nil), deaf(30*ms, 3, nil), deaf(30*ms, 0, errDown)}.run)
		require.NoError(t, err)
		assert.Equal(t, 2, v)
		assert.Equal(t, []int{1}, discarded.get(), "the call waits for a first attempt that ignores its context")
		time.Sleep(time.Second)
		assert.Equal(t, []int{1, 3}, discarded.get())
	})
}

func TestAbandonReturnsWithTheFirstSuccess(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		var discarded notes[int]
		h := hedge.New[int](hedge.Config{Delay: ms, Abandon: true}).WithDiscard(discarded.add)
		d := took(func() {
			v, err := h.Do(t.Context(), attempts{deaf(time.Second, 1, nil), after(ms, 2, nil)}.run)
			require.NoError(t, err)
			assert.Equal(t, 2, v)
		})
		assert.Equal(t, 2*ms, d)
		time.Sleep(time.Second)
		synctest.Wait()
		assert.Equal(t, []int{1}, discarded.get())
	})
}

func TestAbandonReturnsWhenTheCallersContextEnds(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeoutCause(t.Context(), 5*ms, errLeft)
		defer cancel()
		var late notes[error]
		h := hedge.New[int](hedge.Config{Delay: ms, Abandon: true}).WithOnLate(late.add)
		d := took(func() {
			_, err := h.Do(ctx, attempts{deaf(time.Second, 1, errDown), deaf(time.Second, 2, errDown)}.run)
			assert.ErrorIs(t, err, context.DeadlineExceeded)
			assert.ErrorIs(t, err, errLeft)
		})
		assert.Equal(t, 5*ms, d)
		time.Sleep(time.Second)
		synctest.Wait()
		assert.Equal(t, []error{errDown, errDown}, late.get())
	})
}

func TestASuccessBeatsTheCallersCancel(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		h := hedge.New[int](hedge.Config{Delay: ms})
		v, err := h.Do(ctx, attempts{deaf(time.Second, 0, errDown), func(context.Context) (int, error) {
			cancel()
			return 2, nil
		}}.run)
		require.NoError(t, err)
		assert.Equal(t, 2, v)
	})
}
