package sim_test

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/internal/yield"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/sim"
)

func TestParkedCallsEndWithTheRun(t *testing.T) {
	before := runtime.NumGoroutine()
	unwound := 0
	r, err := sim.Run(t.Context(), sim.Scenario{Duration: seconds, Clients: []sim.Client{{Burst: 1000, Do: func(ctx context.Context) error {
		clock := sim.Clock(ctx)
		defer func() {
			unwound++
			policy.Go(clock, func() { assert.Fail(t, "nothing begins at the end") })
			policy.AfterFunc(clock, 1, func() { assert.Fail(t, "nothing begins at the end") })
			_ = policy.Sleep(ctx, clock, time.Hour)
			assert.Fail(t, "a wait does not return")
		}()
		return policy.NewWaiter(clock).Wait(ctx)
	}}}})
	require.NoError(t, err)
	assert.Equal(t, 1000, unwound, "deferred calls run")
	gone := func() bool { return runtime.NumGoroutine() <= before } // some may be about to return
	assert.True(t, yield.Until(gone), "%d goroutines, there were %d", runtime.NumGoroutine(), before)
	x := r.Results[0].Between(0, seconds)
	assert.EqualValues(t, 1000, x.Calls)
	assert.Zero(t, x.Succeeded)
	assert.Zero(t, x.Mean, "the calls did not end")
}

func TestAPanicOfAFunctionIsTheErrorOfTheRun(t *testing.T) {
	boom := errors.New("boom")
	r, err := once(t, func(ctx context.Context) error {
		policy.Go(sim.Clock(ctx), func() { _ = policy.Sleep(ctx, sim.Clock(ctx), seconds) })
		panic(boom)
	})
	assert.Nil(t, r)
	assert.ErrorIs(t, err, boom)
	var p *sim.PanicError
	require.ErrorAs(t, err, &p)
	assert.Equal(t, boom, p.Value)
	assert.Contains(t, err.Error(), "endings_test.go", "the stack")

	_, err = once(t, func(ctx context.Context) error {
		policy.Go(sim.Clock(ctx), func() { panic("in a coroutine") })
		return policy.Sleep(ctx, sim.Clock(ctx), seconds)
	})
	assert.ErrorContains(t, err, "in a coroutine")
	assert.NoError(t, errors.Unwrap(&sim.PanicError{Value: 1}))
}

func TestAGoexitOfAFunctionIsTheErrorOfTheRun(t *testing.T) {
	_, err := once(t, func(context.Context) error {
		runtime.Goexit()
		return nil
	})
	assert.ErrorContains(t, err, "called runtime.Goexit")
	assert.ErrorContains(t, err, "endings_test.go")

	_, err = once(t, func(ctx context.Context) error {
		policy.Go(sim.Clock(ctx), runtime.Goexit)
		return policy.Sleep(ctx, sim.Clock(ctx), seconds)
	})
	assert.ErrorContains(t, err, "called runtime.Goexit")
}

func TestAfterPanicsWithWhatToDo(t *testing.T) {
	_, err := once(t, func(ctx context.Context) error {
		<-sim.Clock(ctx).After(seconds)
		return nil
	})
	assert.ErrorContains(t, err, "sim: Clock.After: a channel cannot be waited for in virtual time; use policy.Sleep")
}

// The bubble stands for real time: it moves on while all goroutines of the run wait.
func TestAWaitForAChannelIsAnErrorAndNoHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		never := make(chan int)
		start := time.Now()
		_, err := sim.Run(context.Background(), sim.Scenario{Duration: seconds, Clients: []sim.Client{{Rate: 10, Do: func(context.Context) error {
			<-never
			return nil
		}}}})
		require.ErrorContains(t, err, "a function waits for something other than the clock")
		assert.ErrorContains(t, err, "endings_test.go")
		assert.LessOrEqual(t, time.Since(start), 3*seconds)
		close(never) // the coroutine is let go, and ends
		synctest.Wait()
	})
}

func TestAShortWaitForAnotherGoroutineIsNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, err := sim.Run(context.Background(), sim.Scenario{Duration: seconds, Clients: []sim.Client{{Burst: 3, Do: func(context.Context) error {
			time.Sleep(seconds)
			return nil
		}}}})
		require.NoError(t, err)
		assert.EqualValues(t, 3, r.Results[0].Between(0, seconds).Succeeded)
	})
}

func TestAClockNeedsASimulation(t *testing.T) {
	assert.PanicsWithValue(t, "sim: Clock: ctx is not from a simulation; pass on the context that the function or Variant.Pipeline was given", func() { sim.Clock(t.Context()) })
	assert.Panics(t, func() { sim.Rand(t.Context()) })
	assert.Panics(t, func() { _ = sim.Call(t.Context(), "api") })
	_, ok := sim.Key(t.Context())
	assert.False(t, ok)
}

func TestAClockWaitsInItsRunAlone(t *testing.T) {
	var clock policy.Clock
	var inside context.Context
	_, err := once(t, func(ctx context.Context) error {
		clock, inside = sim.Clock(ctx), ctx
		return nil
	})
	require.NoError(t, err)
	assert.Equal(t, 10*seconds, clock.Now().Sub(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)), "it stands at the end")
	assert.PanicsWithValue(t, "sim: Clock.Sleep: the run is over", func() { _ = policy.Sleep(inside, clock, 1) })
}
