package breaker_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
)

// breaking is a clock that panics when it is read for the nth time.
type breaking struct {
	*fake.Clock
	left int
}

func (b *breaking) Now() time.Time {
	if b.left--; b.left == 0 {
		panic("no time")
	}
	return b.Clock.Now()
}

// probing returns a circuit that is half-open a nanosecond later, and stays so.
func probing(clk policy.Clock) *breaker.Circuit {
	c := breaker.NewCircuit(breaker.Config{
		HalfOpenMaxCalls: 1, ProbeCalls: 1000, RecoveryTimeout: time.Hour, Clock: clk,
		Window: time.Minute, SlowCall: time.Minute, SlowRate: 1,
	})
	c.Trip(1, "test")
	return c
}

func TestAClockThatPanicsAtAnyReadingLosesNoPermit(t *testing.T) {
	calls := map[string]func(ctx context.Context, c *breaker.Circuit){
		"Do": func(ctx context.Context, c *breaker.Circuit) {
			_, _ = breaker.Do(ctx, c, func(context.Context) (int, error) { return 1, nil })
		},
		"Acquire and Record": func(_ context.Context, c *breaker.Circuit) {
			if p, err := c.Acquire(); err == nil {
				p.Record(policy.Success)
			}
		},
	}
	for name, call := range calls {
		panics := 0
		for n := 1; n < 12; n++ {
			clk := &breaking{Clock: fake.NewClock()}
			c := probing(clk)
			clk.Advance(time.Second)
			require.Equal(t, breaker.HalfOpen, c.State())
			clk.left = n
			func() {
				defer func() {
					if recover() != nil {
						panics++
					}
				}()
				call(t.Context(), c)
			}()
			clk.left = 0
			require.Equal(t, breaker.HalfOpen, c.State())
			require.Zero(t, c.Snapshot().Probes, "%s: panic at reading %d", name, n)
			_, err := c.Acquire()
			require.NoError(t, err, "%s: panic at reading %d", name, n)
		}
		assert.GreaterOrEqual(t, panics, 3, "%s reads the clock before, at and after the admission", name)
	}
}

// doneless is a context whose Done panics once it is told to.
type doneless struct {
	context.Context
	panics bool
}

func (d *doneless) Done() <-chan struct{} {
	if d.panics {
		panic("no end")
	}
	return d.Context.Done()
}

func TestAContextThatPanicsAfterHoldLosesNoPermit(t *testing.T) {
	clk := fake.NewClock()
	c := probing(clk)
	clk.Advance(time.Second)
	ctx := &doneless{Context: t.Context()}
	b := breaker.New[int](c).WithKeep(func(_ context.Context, v int, _ func(policy.Outcome)) int {
		ctx.panics = true
		return v
	})
	assert.PanicsWithValue(t, "no end", func() {
		_, _ = b.Do(ctx, func(context.Context) (int, error) { return 1, nil })
	})
	assert.Zero(t, c.Snapshot().Probes)
	assert.EqualValues(t, 1, c.Snapshot().Counts.Failures)
}

// A clock that a test has not set yet may stand at the zero time, 292 years and more before
// any other.
func TestAClockThatWasAtTheZeroTimeDoesNotWedgeTheHalfOpenState(t *testing.T) {
	clk := &setClock{Clock: fake.NewClock()}
	clk.at = clk.Clock.Now()
	c := breaker.NewCircuit(breaker.Config{FailureThreshold: 1, RecoveryTimeout: time.Second, HalfOpenMaxCalls: 1, Clock: clk})
	record(t, c, policy.Failure)
	clk.at = time.Time{}
	_, err := c.Acquire() // a probe that never returns
	require.NoError(t, err)
	for _, at := range []time.Time{clk.Clock.Now().Add(time.Hour), time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)} {
		clk.at = at
		_, err = c.Acquire()
		require.NoError(t, err, "all permits have been out for longer than the recovery timeout")
	}
}

// setClock is a clock that shows any time.
type setClock struct {
	policy.Clock
	at time.Time
}

func (s *setClock) Now() time.Time { return s.at }
