package sim_test

import (
	"context"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/internal/yield"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/sim"
)

func TestAnInterruptAtTheBeginningIsNoWholeRun(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := steady(sim.Fault{At: 10 * seconds, For: seconds, Service: "api", Down: true})
	s.Clients = []sim.Client{{Burst: 1, Do: func(ctx context.Context) error {
		cancel()
		for {
			runtime.Gosched() // another goroutine stops the engine
			_ = policy.Sleep(ctx, sim.Clock(ctx), 0)
		}
	}}}
	r, err := sim.Run(ctx, s)
	require.ErrorIs(t, err, context.Canceled)
	require.NotNil(t, r)
	assert.Zero(t, r.Interrupted)
	assert.Len(t, r.Results[0].Points, 1)
	assert.Equal(t, "no fault yet: 0 % succeed (interrupted at 0 s of 30 s)", r.Verdict())
	text, rest := written(t, r)
	assert.Contains(t, text, "interrupted at 0 s")
	assert.Contains(t, rest, `"interrupted_s": 0,`)
}

// Nothing else ends a function that does not come back: it has the processor.
func TestAFunctionThatComputesForEverDoesNotHoldUpAnInterrupt(t *testing.T) {
	defer sim.ShortenLooks(ms)()
	ctx, cancel := context.WithCancel(t.Context())
	leave := make(chan struct{})
	left := make(chan struct{})
	r, err := sim.Run(ctx, sim.Scenario{Duration: seconds, Clients: []sim.Client{{Burst: 1, Do: func(context.Context) error {
		cancel()
		defer close(left)
		for {
			select {
			case <-leave:
				return nil
			default:
				runtime.Gosched()
			}
		}
	}}}})
	assert.Nil(t, r)
	require.ErrorIs(t, err, context.Canceled)
	assert.ErrorContains(t, err, `sim: variant "plain": at 0s a function computes without calling the clock, so the run cannot be interrupted`)
	assert.ErrorContains(t, err, "interrupt_test.go", "the stack")
	close(leave)
	<-left
	sim.LowerStillMost(10_000)() // no race with the engine, which takes its last steps now
	sim.LowerCrowdMost(10_000)()
}

func TestAPanicOfTheProgressStopsTheRun(t *testing.T) {
	calls := 0
	endless := sim.Scenario{Duration: 24 * time.Hour, Clients: []sim.Client{{Rate: 1000, Do: func(context.Context) error {
		calls++
		return nil
	}}}}
	assert.PanicsWithValue(t, "enough", func() {
		_, _ = sim.Run(t.Context(), endless, sim.WithProgress(func(sim.Progress) { panic("enough") }))
	})
	then := calls // the engine has stopped, or this were a race
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = sim.Run(t.Context(), endless, sim.WithProgress(func(sim.Progress) { runtime.Goexit() }))
	}()
	<-ended
	again := calls
	assert.Greater(t, again, then)
	yield.Times(1000, func() bool { return false })
	assert.Equal(t, again, calls)
}

func TestAPanicOfADeferredCallAtTheEndIsTheErrorOfTheRun(t *testing.T) {
	r, err := once(t, func(ctx context.Context) error {
		defer func() { panic("too late") }()
		return policy.Sleep(ctx, sim.Clock(ctx), time.Hour)
	})
	assert.Nil(t, r)
	assert.ErrorContains(t, err, "panic: too late")
}
