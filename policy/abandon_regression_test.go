package policy_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/policy"
)

// brittle is a clock in real time whose waiters panic.
type brittle struct{}

func (brittle) Now() time.Time                         { return time.Now() }
func (brittle) After(d time.Duration) <-chan time.Time { return time.After(d) }
func (brittle) WithTimeout(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, d)
}
func (brittle) NewWaiter() policy.Waiter { return brittleWaiter{} }

type brittleWaiter struct{}

func (brittleWaiter) Wait(context.Context) error { panic("no wait") }
func (brittleWaiter) Wake()                      {}

func TestAResultIsLateIfTheClockPanicsInTheWaitForIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		late := make(chan int, 1)
		p := policy.NewTimeout[int](policy.TimeoutConfig{After: time.Hour, Abandon: true, Clock: brittle{}}).
			WithOnLate(func(v int, err error) {
				assert.NoError(t, err)
				late <- v
			})
		assert.PanicsWithValue(t, "no wait", func() {
			_, _ = p.Do(t.Context(), func(context.Context) (int, error) {
				time.Sleep(time.Second)
				return 7, nil
			})
		})
		time.Sleep(time.Minute)
		require.Len(t, late, 1)
		assert.Equal(t, 7, <-late)
	})
}
