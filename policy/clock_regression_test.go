package policy_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	bclock "github.com/benbjohnson/clock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
)

// clocks are user clocks that a test can move.
func clocks() map[string]policy.Clock {
	return map[string]policy.Clock{"fake": fake.NewClock(), "benbjohnson": bclock.NewMock()}
}

func TestTheCallersCancelIsSeenImmediatelyOnEveryClock(t *testing.T) {
	for name, clk := range clocks() {
		for range 100 {
			ctx, cancel := context.WithCancelCause(t.Context())
			limit := policy.NewTimeout[int](policy.TimeoutConfig{After: time.Hour, Clock: clk})
			_, _ = limit.Do(ctx, func(inner context.Context) (int, error) {
				cancel(errDown)
				assert.ErrorIs(t, inner.Err(), context.Canceled, name)
				assert.Equal(t, errDown, context.Cause(inner), name)
				return 0, nil
			})
		}
	}
}

func TestALimitThatPassedFirstIsATimeoutEvenIfTheCallerCancelsLater(t *testing.T) {
	for _, clocked := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			clk := fake.NewClock()
			cfg := policy.TimeoutConfig{After: time.Second}
			if clocked {
				cfg.Clock = clk
			}
			ctx, cancel := context.WithCancel(t.Context())
			_, err := policy.NewTimeout[int](cfg).Do(ctx, func(inner context.Context) (int, error) {
				if clocked {
					clk.Advance(time.Second)
				}
				<-inner.Done()
				cancel()
				return 0, errDown
			})
			var timeout *policy.TimeoutError
			assert.ErrorAs(t, err, &timeout, "on a clock: %v", clocked)
		})
	}
}

func TestTheEarlierOfTwoPassedLimitsCounts(t *testing.T) {
	for name, look := range firstLooks {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
			defer cancel()
			_, err := policy.Timeout[int](10*time.Millisecond).Do(ctx, func(inner context.Context) (int, error) {
				time.Sleep(40 * time.Millisecond)
				look(inner)
				return 0, errDown
			})
			var timeout *policy.TimeoutError
			assert.ErrorAs(t, err, &timeout, "first look by %s", name)
		})
	}
}

func TestADerivedContextHasTheTimeoutAsItsCause(t *testing.T) {
	clk := fake.NewClock()
	limit := policy.NewTimeout[int](policy.TimeoutConfig{After: time.Second, Clock: clk})
	_, err := limit.Do(t.Context(), func(inner context.Context) (int, error) {
		derived, cancel := context.WithCancel(context.WithValue(inner, valueKey{}, 1))
		defer cancel()
		clk.Advance(time.Second)
		return 0, context.Cause(derived)
	})
	var timeout *policy.TimeoutError
	require.ErrorAs(t, err, &timeout)
	assert.EqualError(t, err, "policy: timeout: no result within 1s", "the limit is reported once")
}

// fickle is a clock that ends its contexts for a reason of its own.
type fickle struct {
	policy.Clock
	end chan struct{}
}

func (f fickle) WithTimeout(parent context.Context, _ time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(parent)
	go func() { <-f.end; cancel() }()
	return ctx, cancel
}

func TestAbandonFailsIfTheClockEndsTheContext(t *testing.T) {
	clk := fickle{fake.NewClock(), make(chan struct{})}
	limit := policy.NewTimeout[int](policy.TimeoutConfig{After: time.Hour, Abandon: true, Clock: clk})
	left := make(chan struct{})
	_, err := limit.Do(t.Context(), func(context.Context) (int, error) { close(clk.end); <-left; return 1, nil })
	close(left)
	assert.ErrorIs(t, err, context.Canceled)
}

func TestAPanicOfALateObserverDoesNotEndTheProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limit := policy.NewTimeout[int](policy.TimeoutConfig{After: time.Second, Abandon: true})
		panics := func(_ context.Context, e policy.Event) {
			if e.Kind == policy.FinishedLate {
				panic("boom")
			}
		}
		_, err := policy.NewChain("p", hears(panics), policy.Policy[int](limit)).Call(func(context.Context) (int, error) {
			time.Sleep(time.Minute)
			return 1, nil
		}).Do(t.Context())
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		time.Sleep(time.Hour)
	})
}

func TestASleepOfZeroReturnsImmediately(t *testing.T) {
	require.NoError(t, policy.Sleep(t.Context(), afterClock{bclock.NewMock()}, 0))
	require.NoError(t, policy.Sleep(t.Context(), bclock.NewMock(), -1))
}
