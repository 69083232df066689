package chaos_test

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ductile-go/ductile/chaos"
)

// Callers turn switches between their calls, and so during the calls of others. What they saw
// and what the injectors counted must be the same.
func TestTogglingBesideCallsLosesNoCount(t *testing.T) {
	fault := chaos.Fault[int](chaos.Config{Rate: 0.5, Seed: 1}, failing)
	outcome := chaos.Outcome(chaos.Config{Rate: 0.5, Seed: 2}, answer(7))
	alone := chaos.Fault[int](chaos.Config{Rate: 0.5, Seed: 3}, failing)
	mix := chaos.Mix(fault, outcome)
	var faults, outcomes, others atomic.Int64
	var callers sync.WaitGroup
	for _, p := range []chaotic{fault, outcome, mix, alone} {
		callers.Go(func() {
			for n := range 2000 {
				switch n % 4 {
				case 0:
					p.On()
				case 2:
					p.Off()
				}
				_ = p.String()
				if v, err := mix.Do(t.Context(), answer(1)); err != nil {
					faults.Add(1)
				} else if v == 7 {
					outcomes.Add(1)
				}
				if _, err := alone.Do(t.Context(), answer(1)); err != nil {
					others.Add(1)
				}
				s := alone.Snapshot()
				assert.LessOrEqual(t, s.Injected, s.Calls)
			}
		})
	}
	callers.Wait()
	assert.GreaterOrEqual(t, alone.Snapshot().Calls, int64(1000), "the calls of the goroutine that turns it")
	assert.Positive(t, others.Load(), "of these, half by a fixed seed")
	assert.Equal(t, faults.Load(), fault.Snapshot().Injected)
	assert.Equal(t, outcomes.Load(), outcome.Snapshot().Injected)
	assert.Equal(t, others.Load(), alone.Snapshot().Injected)
}

// On and Off hold for calls that begin after them, whichever goroutine makes them.
func TestASwitchHoldsForEveryLaterCall(t *testing.T) {
	p := chaos.Fault[int](chaos.Config{Rate: 1}, failing)
	for i := range 200 {
		on := i%2 == 0
		if on {
			p.On()
		} else {
			p.Off()
		}
		var callers sync.WaitGroup
		for range 4 {
			callers.Go(func() {
				_, err := p.Do(t.Context(), answer(1))
				assert.Equal(t, on, err != nil)
			})
		}
		callers.Wait()
	}
}
