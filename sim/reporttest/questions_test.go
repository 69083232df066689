package reporttest

import (
	"context"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/internal/browser"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
	"github.com/ductile-go/ductile/sim"
	"github.com/ductile-go/ductile/sim/questions"
)

// settings are what the questions vary.
type settings struct {
	attempts, queue, workers int
	timeout, delay           time.Duration
	ratio                    float64 // of the budget
}

func usual() settings {
	return settings{attempts: 3, queue: 500, workers: 4, timeout: 200 * time.Millisecond, delay: 100 * time.Millisecond, ratio: 0.2}
}

// outage is a slow service whose clients have a budget for retries.
func outage(s settings) sim.Scenario {
	return sim.Scenario{
		Seed: 1, Duration: 40 * time.Second, Warmup: 2 * time.Second,
		Clients:  []sim.Client{{Name: "web", Replicas: 2, Rate: 140, Calls: "api"}},
		Services: []sim.Service{{Name: "api", Workers: s.workers, Queue: s.queue, ServiceTime: sim.Exponential(20 * time.Millisecond)}},
		Faults:   []sim.Fault{{At: 10 * time.Second, For: 2 * time.Second, Service: "api", Slow: 10}},
		Variants: []sim.Variant{{Name: "budget", Pipeline: func(ctx context.Context, _ string, _ int) *pipeline.Pipeline[any] {
			clock := sim.Clock(ctx)
			budget := retry.NewBudget(retry.BudgetConfig{Ratio: s.ratio, MinPerSecond: 0.1, Clock: clock})
			again := retry.New[any](retry.Config{MaxAttempts: s.attempts, BaseDelay: s.delay, Budget: budget, Clock: clock, Rand: sim.Rand(ctx)})
			return pipeline.New(again, policy.NewTimeout[any](policy.TimeoutConfig{After: s.timeout, Clock: clock}))
		}}},
	}
}

// turn is a knob of the settings.
func turn[V any](name string, low, high V, set func(s *settings, v V)) questions.Knob {
	return questions.NewKnob(name, low, high, func(v V) (sim.Scenario, error) {
		s := usual()
		set(&s, v)
		return outage(s), nil
	})
}

func TestThePicturesOfAnswersAreAccessibleAndFitEachScreen(t *testing.T) {
	sensitivity, err := questions.Tornado(t.Context(), questions.Config{}, questions.Recovery, "", outage(usual()),
		turn("retry.max_attempts", 2, 5, func(s *settings, n int) { s.attempts = n }),
		turn("budgets.web.ratio", 0.05, 0.5, func(s *settings, v float64) { s.ratio = v }),
		turn("attempt_timeout", 100*time.Millisecond, 400*time.Millisecond, func(s *settings, d time.Duration) { s.timeout = d }),
		turn("retry.base_delay", 50*time.Millisecond, 500*time.Millisecond, func(s *settings, d time.Duration) { s.delay = d }),
		turn("services.api.queue", 100, 2000, func(s *settings, n int) { s.queue = n }),
		turn("services.api.workers", 4, 5, func(s *settings, n int) { s.workers = n }),
	)
	require.NoError(t, err)
	swept, err := questions.Sweep(t.Context(), questions.Config{Name: "budgets.web.ratio"}, []float64{0.05, 0.1, 0.2, 0.3, 0.5, 1}, func(v float64) (sim.Scenario, error) {
		s := usual()
		s.ratio = v
		return outage(s), nil
	})
	require.NoError(t, err)
	at, err := questions.At(outage(usual()), "api")
	require.NoError(t, err)
	survival, err := questions.Survives(t.Context(), questions.Config{}, 0.3, 0.9, at)
	require.NoError(t, err)
	for name, write := range map[string]func(io.Writer) error{"tornado": sensitivity.WriteHTML, "sweep": swept.WriteHTML, "survival": survival.WriteHTML} {
		url := serve(t, htmlPage, write)
		for _, look := range []browser.Size{browser.Desktop, browser.Phone} {
			p := browser.Open(t, url, look, look == browser.Phone)
			fits(t, p, look)
			assert.Empty(t, browser.Eval[[]string](p, overlaps), "labels over each other")
			p.Quiet()
			axe(t, p, name)
			if look == browser.Desktop && name == "tornado" {
				p.Screen(browser.Size{Width: 1000, Height: 440}, false)
				p.Shot("simulator-tornado")
			}
		}
	}
}
