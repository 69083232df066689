package policy_test

import (
	"bytes"
	"context"
	"errors"
	"log"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/internal/turn"
	"github.com/ductile-go/ductile/policy"
)

// dawdling is a clock in real time whose waiters return a while after a wait has ended.
type dawdling struct {
	brittle
	result time.Duration // how long a wait goes on that a context may end
}

func (d dawdling) NewWaiter() policy.Waiter {
	return &dawdlingWaiter{Waiter: policy.NewWaiter(nil), dawdles: d.result}
}

type dawdlingWaiter struct {
	policy.Waiter
	dawdles time.Duration
}

func (w *dawdlingWaiter) Wait(ctx context.Context) error {
	err := w.Waiter.Wait(ctx)
	if err != nil {
		time.Sleep(w.dawdles)
	}
	return err
}

func TestAResultThatArrivesWhileTheCallerLeavesIsReturned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := policy.TimeoutConfig{After: time.Second, Abandon: true, Clock: dawdling{result: time.Minute}}
		late := func(int, error) { t.Error("the result was late as well") }
		v, err := policy.NewTimeout[int](cfg).WithOnLate(late).Do(t.Context(), func(context.Context) (int, error) {
			time.Sleep(10 * time.Second)
			return 7, nil
		})
		require.NoError(t, err)
		assert.Equal(t, 7, v)
	})
}

// queue is a policy whose call waits until its context has ended, and then for a second.
func queue(ctx context.Context, _ policy.Call[int]) (int, error) {
	w := turn.Begin(ctx)
	<-ctx.Done()
	w.Leave()
	time.Sleep(time.Second)
	return 0, policy.ErrRejected
}

func TestACallThatLeavesAQueueIsNotAbandoned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limit := policy.NewTimeout[int](policy.TimeoutConfig{After: time.Second, Abandon: true})
		begun := time.Now()
		_, err := policy.NewChain[int]("", nil, limit, each(queue)).Call(one).Do(t.Context())
		assert.ErrorIs(t, err, policy.ErrRejected)
		assert.Equal(t, 2*time.Second, time.Since(begun))
	})
}

func TestACallThatLeavesAQueueAfterItsFunctionHasRunIsNotAbandoned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limit := policy.NewTimeout[int](policy.TimeoutConfig{After: time.Second, Abandon: true})
		again := each(func(ctx context.Context, next policy.Call[int]) (int, error) {
			_, err := next.Do(ctx)
			require.NoError(t, err)
			return queue(ctx, next)
		})
		begun := time.Now()
		_, err := policy.NewChain[int]("", nil, limit, again).Call(one).Do(t.Context())
		assert.ErrorIs(t, err, policy.ErrRejected)
		assert.Equal(t, 2*time.Second, time.Since(begun))
	})
}

func TestAFunctionThatLeavesAQueueIsAbandoned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limit := policy.NewTimeout[int](policy.TimeoutConfig{After: time.Second, Abandon: true})
		begun := time.Now()
		_, err := limit.Do(t.Context(), func(ctx context.Context) (int, error) { return queue(ctx, policy.Call[int]{}) })
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.NotErrorIs(t, err, policy.ErrRejected)
		assert.Equal(t, time.Second, time.Since(begun))
		time.Sleep(time.Minute) // until the function has ended
	})
}

func TestAFallbackAfterAQueueIsAbandoned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limit := policy.NewTimeout[int](policy.TimeoutConfig{After: time.Second, Abandon: true, Clock: dawdling{result: time.Minute}})
		slow := policy.Fallback(func(context.Context, error) (int, error) { time.Sleep(time.Hour); return 7, nil })
		begun := time.Now()
		_, err := policy.NewChain[int]("", nil, limit, slow, each(queue)).Call(one).Do(t.Context())
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, time.Minute+time.Second, time.Since(begun))
		time.Sleep(2 * time.Hour) // until the fallback has ended
	})
}

// aloof is a clock in real time whose contexts do not know their parent's cause.
type aloof struct{ brittle }

func (aloof) NewWaiter() policy.Waiter { return policy.NewWaiter(nil) }
func (aloof) WithTimeout(parent context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(parent), d)
	stop := context.AfterFunc(parent, cancel)
	return ctx, func() { stop(); cancel() }
}

func TestAbandonReturnsTheCallersCauseOnAClockThatLosesIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(errDown) })
		limit := policy.NewTimeout[int](policy.TimeoutConfig{After: time.Hour, Abandon: true, Clock: aloof{}})
		_, err := limit.Do(ctx, func(context.Context) (int, error) { time.Sleep(time.Minute); return 1, nil })
		assert.ErrorIs(t, err, errDown)
		assert.ErrorIs(t, err, context.Canceled)
		time.Sleep(time.Hour) // until the function has ended
	})
}

func TestAPanicOfAnObserverOfALateResultIsLogged(t *testing.T) {
	was := log.Writer()
	defer log.SetOutput(was)
	for _, panics := range []bool{true, false} {
		var out bytes.Buffer
		log.SetOutput(&out)
		synctest.Test(t, func(t *testing.T) {
			observer := []policy.Listener{{Kinds: []policy.EventKind{policy.FinishedLate}, Observe: func(context.Context, policy.Event) {
				if panics {
					panic("boom")
				}
			}}}
			limit := policy.NewTimeout[int](policy.TimeoutConfig{After: time.Second, Abandon: true})
			_, err := policy.NewChain[int]("", observer, limit).Call(func(context.Context) (int, error) {
				time.Sleep(time.Minute)
				return 1, nil
			}).Do(t.Context())
			assert.ErrorIs(t, err, context.DeadlineExceeded)
			time.Sleep(time.Hour)
		})
		if panics {
			assert.Contains(t, out.String(), "policy: an observer of finished_late panicked: boom\n")
		} else {
			assert.Empty(t, out.String())
		}
	}
}

func TestALateTimerOfTheCallerDoesNotEndTheContextAtTheLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		caller := tardy{context.Background(), time.Now().Add(time.Second)}
		_, err := policy.Timeout[int](1500*time.Millisecond).Do(caller, func(ctx context.Context) (int, error) {
			time.Sleep(2 * time.Second)
			assert.NoError(t, ctx.Err(), "the caller's deadline came first, and its timer is late")
			assert.NoError(t, context.Cause(ctx))
			return 0, errDown
		})
		assert.Equal(t, errDown, err)
	})
}

func TestDoneOfAContextWhoseLimitCameFirstHasItsCause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		caller, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		_, err := policy.Timeout[int](time.Second).Do(caller, func(ctx context.Context) (int, error) {
			time.Sleep(3 * time.Second)
			<-ctx.Done()
			var timeout *policy.TimeoutError
			assert.ErrorAs(t, context.Cause(ctx), &timeout)
			return 0, errDown
		})
		var timeout *policy.TimeoutError
		assert.True(t, errors.As(err, &timeout))
	})
}
