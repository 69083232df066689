package breaker_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
)

func TestTheDurationOfAProbeExcludesASlowListener(t *testing.T) {
	for _, observed := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			c := breaker.NewCircuit(breaker.Config{FailureThreshold: 1, RecoveryTimeout: time.Second})
			defer c.Watch(func(breaker.Transition) { time.Sleep(time.Minute) })()
			p := pipeline.New[int](breaker.New[int](c), policy.Timeout[int](time.Second))
			if observed {
				p = p.WithObserver(func(context.Context, policy.Event) {})
			}
			_, err := p.Do(t.Context(), func(context.Context) (int, error) { return 0, errors.New("down") })
			require.Error(t, err)
			time.Sleep(time.Hour)
			_, err = p.Do(t.Context(), func(ctx context.Context) (int, error) { return 1, ctx.Err() })
			assert.NoError(t, err, "observed: %v", observed)
			assert.Equal(t, breaker.Closed, c.State())
		})
	}
}

func TestANewClassifierAppliesToCallsInFlight(t *testing.T) {
	c := breaker.NewCircuit(breaker.Config{FailureThreshold: 1})
	_, err := breaker.Do(t.Context(), c, func(context.Context) (int, error) {
		require.NoError(t, c.Reconfigure(breaker.Config{FailureThreshold: 1, Classify: func(error) policy.Outcome { return policy.Ignored }}))
		return 0, errors.New("down")
	})
	require.Error(t, err)
	assert.Equal(t, breaker.Closed, c.State())
}

func TestACallWhoseListenerCallsGoexitCountsOnce(t *testing.T) {
	c := breaker.NewCircuit(breaker.Config{FailureThreshold: 1})
	defer c.Watch(func(tr breaker.Transition) {
		if tr.To == breaker.Open {
			runtime.Goexit()
		}
	})()
	var wg sync.WaitGroup
	wg.Go(func() {
		_, _ = breaker.Do(t.Context(), c, func(context.Context) (int, error) { return 0, errors.New("down") })
	})
	wg.Wait()
	assert.Equal(t, breaker.Open, c.State())
	assert.EqualValues(t, 1, c.Snapshot().Counts.Failures)
}

// failing is a clock that panics while it is set to.
type failing struct {
	*fake.Clock
	fails bool
}

func (f *failing) Now() time.Time {
	if f.fails {
		f.fails = false
		panic("no time")
	}
	return f.Clock.Now()
}

func TestAClockThatPanicsLosesNoPermit(t *testing.T) {
	clk := &failing{Clock: fake.NewClock()}
	c := breaker.NewCircuit(breaker.Config{
		FailureThreshold: 1, HalfOpenMaxCalls: 1, SuccessThreshold: 2, RecoveryTimeout: time.Second, Clock: clk,
		Window: time.Minute, SlowCall: time.Minute, SlowRate: 1,
	})
	c.Trip(time.Second, "test")
	clk.Advance(time.Second)
	assert.Panics(t, func() {
		_, _ = breaker.Do(t.Context(), c, func(context.Context) (int, error) { clk.fails = true; return 1, nil })
	})
	clk.Advance(time.Hour)
	_, err := breaker.Do(t.Context(), c, func(context.Context) (int, error) { return 1, nil })
	assert.NoError(t, err)
}

func TestAnUnknownOutcomeIsAFailure(t *testing.T) {
	c := breaker.NewCircuit(breaker.Config{})
	rec := fake.NewRecorder()
	p := pipeline.New[int](breaker.New[int](c)).WithObserver(rec.Observe, policy.Judged)
	_, _ = p.Do(t.Context(), func(context.Context) (int, error) { return 0, breaker.Judge(errors.New("down"), 77) })
	require.Len(t, rec.Events(), 1)
	assert.Equal(t, policy.Failure, rec.Events()[0].Outcome)
	assert.EqualError(t, rec.Events()[0].Err, "down")
}
