package hedge_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/hedge"
	"github.com/ductile-go/ductile/internal/prompt"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// hedgedAfter returns the delay after which h starts its second attempt, on clk.
func hedgedAfter(t *testing.T, h *hedge.Hedge[int], clk *fake.Clock) time.Duration {
	t.Helper()
	var delay time.Duration
	rec := fake.NewRecorder()
	chain := policy.NewChain("", []policy.Listener{{Observe: rec.Observe}}, policy.Policy[int](h))
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = chain.Call(func(ctx context.Context) (int, error) {
			if hedge.Attempt(ctx) == 1 {
				<-ctx.Done()
				return 0, ctx.Err()
			}
			return 1, nil
		}).Do(t.Context())
	}()
	assert.NoError(t, clk.BlockUntil(t.Context(), 1))
	clk.AdvanceToNext()
	<-done
	for _, e := range rec.Events() {
		if e.Kind == policy.Hedged {
			delay = e.Delay
		}
	}
	return delay
}

func learnFrom(t *testing.T, h *hedge.Hedge[int], clk *fake.Clock, took time.Duration, calls int) {
	t.Helper()
	for range calls {
		_, err := h.Do(t.Context(), func(context.Context) (int, error) {
			clk.Advance(took)
			return 1, nil
		})
		assert.NoError(t, err)
	}
}

func TestACopyWithAnotherConfigKeepsWhatWasLearned(t *testing.T) {
	clk := fake.NewClock()
	h := hedge.New[int](hedge.Config{Clock: clk, MinCalls: 10})
	learnFrom(t, h, clk, 100*time.Millisecond, 20)
	known := hedgedAfter(t, h, clk)
	assert.InDelta(t, 100*time.Millisecond, known, float64(15*time.Millisecond))

	same := h.WithConfig(hedge.Config{Clock: clk, MinCalls: 10, MaxExtra: 2})
	assert.Equal(t, known, hedgedAfter(t, same, clk))
	bounded := h.WithConfig(hedge.Config{Clock: clk, MinCalls: 10, MaxDelay: 30 * time.Millisecond})
	assert.Equal(t, 30*time.Millisecond, hedgedAfter(t, bounded, clk))
	assert.Equal(t, time.Second, hedgedAfter(t, h.WithConfig(hedge.Config{Clock: clk, Delay: time.Second}), clk))

	// A greater MinCalls is waited for, with the calls that are known.
	later := h.WithConfig(hedge.Config{Clock: clk, MinCalls: 40})
	learnFrom(t, later, clk, 100*time.Millisecond, 30)
	assert.InDelta(t, 100*time.Millisecond, hedgedAfter(t, later, clk), float64(15*time.Millisecond))
}

func TestACopyWithAnotherConfigSharesTheHedgesOwnBudget(t *testing.T) {
	own := func(h *hedge.Hedge[int]) *retry.Budget { return h.Describe().Config.(hedge.Config).Budget }
	h := hedge.New[int](hedge.Config{})
	assert.Same(t, own(h), own(h.WithConfig(hedge.Config{MaxExtra: 2})))
	other := retry.NewBudget(retry.BudgetConfig{})
	assert.Same(t, other, own(h.WithConfig(hedge.Config{Budget: other})))
	assert.NotSame(t, other, own(h.WithConfig(hedge.Config{Budget: other}).WithConfig(hedge.Config{})))
	assert.Panics(t, func() { h.WithConfig(hedge.Config{MaxExtra: -1}) })
}

func TestACopyWithAnotherConfigKeepsItsFunctions(t *testing.T) {
	discarded := 0
	h := hedge.New[int](hedge.Config{Delay: time.Hour}).
		WithCondition(func(v int, _ error) bool { return v == 2 }).WithDiscard(func(int) { discarded++ }).
		WithConfig(hedge.Config{Delay: time.Hour, OnFailure: true})
	n := 0
	v, err := h.Do(t.Context(), func(context.Context) (int, error) { n++; return n, nil })
	assert.NoError(t, err)
	assert.Equal(t, 2, v)
	assert.Equal(t, 1, discarded)
}

// Timings of the policies around and inside are then not shared.
func TestAHedgeThatRunsOtherCodeOrGoroutinesIsNotPrompt(t *testing.T) {
	plain := hedge.Config{Delay: time.Hour}
	h, abandon := hedge.New[int](plain), hedge.New[int](hedge.Config{Delay: time.Hour, Abandon: true})
	condition := h.WithCondition(func(int, error) bool { return true })
	keep := h.WithKeep(func(_ context.Context, v int, _ func()) int { return v })
	for name, c := range map[string]struct {
		h    *hedge.Hedge[int]
		late bool
	}{
		"plain": {h, false}, "discard": {h.WithDiscard(func(int) {}), false}, "plain again": {h.WithConfig(plain), false},
		"abandon": {abandon, true}, "condition": {condition, true}, "keep": {keep, true},
		"then condition": {condition.WithConfig(plain), true}, "then keep": {keep.WithConfig(plain), true},
		"then abandon": {h.WithConfig(hedge.Config{Delay: time.Hour, Abandon: true}), true},
		"no longer":    {abandon.WithConfig(plain), false},
	} {
		mark, ok := prompt.Of(c.h)
		assert.True(t, ok, name)
		assert.Equal(t, c.late, mark.Late, name)
	}
}
