package policy_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	bclock "github.com/benbjohnson/clock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/policy"
)

func TestAWakeBeforeTheWaitIsRemembered(t *testing.T) {
	w := policy.NewWaiter(nil)
	w.Wake()
	w.Wake()
	require.NoError(t, w.Wait(t.Context()))
	require.NoError(t, w.Wait(t.Context()), "a wake is sticky")
}

func TestAWakeWinsOverAnEndedContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 100 {
		w := policy.NewWaiter(nil)
		w.Wake()
		require.NoError(t, w.Wait(ctx))
	}
	assert.ErrorIs(t, policy.NewWaiter(nil).Wait(ctx), context.Canceled)
}

func TestOneWakeEndsEveryWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := policy.NewWaiter(nil)
		var woken sync.WaitGroup
		for range 100 {
			woken.Go(func() { assert.NoError(t, w.Wait(t.Context())) })
		}
		synctest.Wait()
		for range 10 {
			woken.Go(w.Wake)
		}
		woken.Wait()
	})
}

func TestAWaitEndsWithTheCauseOfItsContext(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	w := policy.NewWaiter(bclock.NewMock())
	policy.Go(nil, func() { cancel(errDown) })
	err := w.Wait(ctx)
	assert.ErrorIs(t, err, errDown)
	assert.ErrorIs(t, err, context.Canceled)
}

// own is a clock with every optional method.
type own struct {
	policy.Clock
	asked *[]string
}

func (c own) NewWaiter() policy.Waiter { *c.asked = append(*c.asked, "NewWaiter"); return nil }
func (c own) Go(f func())              { *c.asked = append(*c.asked, "Go"); f() }
func (c own) AfterFunc(time.Duration, func()) func() bool {
	*c.asked = append(*c.asked, "AfterFunc")
	return nil
}
func (c own) Sleep(context.Context, time.Duration) error {
	*c.asked = append(*c.asked, "Sleep")
	return nil
}

func TestOptionalMethodsOfAClockAreUsed(t *testing.T) {
	var asked []string
	clk := own{asked: &asked}
	policy.NewWaiter(clk)
	policy.Go(clk, func() {})
	policy.AfterFunc(clk, time.Second, func() {})
	require.NoError(t, policy.Sleep(t.Context(), clk, time.Second))
	assert.Equal(t, []string{"NewWaiter", "Go", "AfterFunc", "Sleep"}, asked)
}

func TestAfterFuncInRealTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		called := 0
		stop := policy.AfterFunc(nil, time.Second, func() { called++ })
		assert.True(t, stop())
		stop = policy.AfterFunc(nil, time.Second, func() { called++ })
		time.Sleep(time.Second)
		synctest.Wait()
		assert.False(t, stop())
		assert.Equal(t, 1, called)
	})
}

// Under -race, this test crashed in the race detector of Go 1.26 when a delay of 0 started a
// timer.
func TestAfterFuncWithoutADelayStartsAtOnceAndArmsNoTimer(t *testing.T) {
	for range 20 {
		synctest.Test(t, func(t *testing.T) {
			var called atomic.Int32
			var calls sync.WaitGroup
			for range 8 {
				calls.Go(func() {
					for range 100 {
						assert.False(t, policy.AfterFunc(nil, 0, func() { called.Add(1) })())
						assert.False(t, policy.AfterFunc(nil, -time.Second, func() { called.Add(1) })())
					}
				})
			}
			calls.Wait()
			synctest.Wait()
			assert.EqualValues(t, 1600, called.Load())
		})
	}
}

// The AfterFunc of this clock returns a *Timer, so a goroutine that waits on After is
// used.
func TestAfterFuncOnAClockWhoseAfterFuncReturnsATimer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mock := bclock.NewMock()
		called := 0
		stop := policy.AfterFunc(mock, time.Second, func() { called++ })
		mock.Add(time.Second)
		synctest.Wait()
		assert.Equal(t, 1, called)
		assert.False(t, stop())

		stop = policy.AfterFunc(mock, time.Second, func() { called++ })
		assert.True(t, stop())
		assert.False(t, stop())
		synctest.Wait() // the bubble would not end if the goroutine were still there
		mock.Add(time.Hour)
		assert.Equal(t, 1, called)
	})
}
