package chaos_test

import (
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/chaos"
)

const seeded = 1000 // calls

// decisions makes calls one after the other and returns which of them p acted in. before is
// called before each of them.
func decisions(t *testing.T, p chaotic, before func()) []bool {
	t.Helper()
	hits := make([]bool, seeded)
	for i := range hits {
		before()
		_, err := p.Do(context.WithValue(t.Context(), wantedKey{}, true), answer(1))
		hits[i] = err != nil
	}
	return hits
}

func quietly() {}

func seededConfig(seed uint64) chaos.Config {
	return chaos.Config{Rate: 0.3, Enabled: true, Seed: seed}
}

func TestTheSameSeedActsInTheSameCalls(t *testing.T) {
	want := decisions(t, chaos.Fault[int](seededConfig(42), failing), quietly)
	assert.Equal(t, want, decisions(t, chaos.Fault[int](seededConfig(42), failing), quietly))
	assert.Equal(t, want, decisions(t, chaos.Behavior[int](seededConfig(42), failing), quietly), "whatever the kind")
	assert.Equal(t, want, decisions(t, chaos.Mix(chaos.Fault[int](seededConfig(42), failing)), quietly), "in a mix, too")
	assert.NotEqual(t, want, decisions(t, chaos.Fault[int](seededConfig(43), failing), quietly))

	random := chaos.Fault[int](chaos.Config{Rate: 0.3, Enabled: true}, failing)
	first := decisions(t, random, quietly)
	assert.NotEqual(t, want, first)
	assert.Equal(t, first, decisions(t, chaos.Fault[int](random.Config(), failing), quietly), "the random seed is known afterwards")
}

func TestTheSequenceIsFixed(t *testing.T) {
	hits := decisions(t, chaos.Fault[int](seededConfig(42), failing), quietly)
	var first []int
	for i, hit := range hits {
		if hit && len(first) < 8 {
			first = append(first, i)
		}
	}
	assert.Equal(t, []int{0, 1, 3, 9, 13, 16, 23, 30}, first, "a seed in a bug report must act in the same calls in later versions")
}

func TestCallsThatItIsOffForDoNotMoveTheSequence(t *testing.T) {
	want := decisions(t, chaos.Fault[int](seededConfig(42), failing), quietly)
	cfg := seededConfig(42)
	cfg.When = func(ctx context.Context) bool { return ctx.Value(wantedKey{}) != nil }
	for _, p := range []chaotic{chaos.Fault[int](cfg, failing), chaos.Mix(chaos.Fault[int](cfg, failing))} {
		var others sync.WaitGroup
		got := decisions(t, p, func() { // four calls for which When says no, beside each decision
			others.Wait()
			for range 4 {
				others.Go(func() {
					_, err := p.Do(t.Context(), answer(1))
					assert.NoError(t, err)
				})
			}
		})
		others.Wait()
		assert.Equal(t, want, got)
	}
}

func TestCallsWhileTheSwitchIsOffDoNotMoveTheSequence(t *testing.T) {
	want := decisions(t, chaos.Fault[int](seededConfig(42), failing), quietly)
	p := chaos.Fault[int](seededConfig(42), failing)
	got := decisions(t, p, func() {
		p.Off()
		var others sync.WaitGroup
		for range 4 {
			others.Go(func() {
				_, err := p.Do(t.Context(), answer(1))
				assert.NoError(t, err)
			})
		}
		others.Wait()
		p.On()
	})
	assert.Equal(t, want, got)
}

func TestARateThatChangesDoesNotMoveTheSequence(t *testing.T) {
	want := decisions(t, chaos.Fault[int](seededConfig(42), failing), quietly)
	n := 0
	p := chaos.Fault[int](chaos.Config{Enabled: true, Seed: 42, RateFunc: func(context.Context) float64 {
		n++
		return []float64{0.3, 0, 1}[n%3]
	}}, failing)
	for i, hit := range decisions(t, p, quietly) {
		if (i+1)%3 == 0 {
			require.Equal(t, want[i], hit, "call %d", i)
		}
	}
}

func TestConcurrentCallsShareOneSequence(t *testing.T) {
	reference := chaos.Fault[int](seededConfig(42), failing)
	decisions(t, reference, quietly)
	p := chaos.Fault[int](seededConfig(42), failing)
	var callers sync.WaitGroup
	for range 8 {
		callers.Go(func() {
			for range seeded / 8 {
				_, _ = p.Do(t.Context(), answer(1))
			}
		})
	}
	callers.Wait()
	assert.Equal(t, reference.Snapshot(), p.Snapshot())
}
