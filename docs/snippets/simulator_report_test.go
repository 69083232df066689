package snippets_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
	"github.com/ductile-go/ductile/sim"
	"github.com/ductile-go/ductile/sim/questions"
	"github.com/ductile-go/ductile/sim/scenarios"
)

// outage is a slow service whose clients make so many attempts.
func outage(attempts int) sim.Scenario {
	return sim.Scenario{
		Duration: 20 * time.Second, Warmup: time.Second,
		Clients:  []sim.Client{{Name: "web", Rate: 70, Calls: "api"}},
		Services: []sim.Service{{Name: "api", Workers: 2, Queue: 1000, ServiceTime: sim.Exponential(20 * time.Millisecond)}},
		Faults:   []sim.Fault{{At: 5 * time.Second, For: 2 * time.Second, Service: "api", Slow: 10}},
		Variants: []sim.Variant{{Name: "retry", Pipeline: func(ctx context.Context, _ string, _ int) *pipeline.Pipeline[any] {
			again := retry.New[any](retry.Config{MaxAttempts: attempts, BaseDelay: 50 * time.Millisecond, Clock: sim.Clock(ctx), Rand: sim.Rand(ctx)})
			limit := policy.NewTimeout[any](policy.TimeoutConfig{After: 200 * time.Millisecond, Clock: sim.Clock(ctx)})
			return pipeline.New(again, limit)
		}}},
	}
}

func withQueue(n int) (sim.Scenario, error) {
	s := outage(3)
	s.Services[0].Queue = n
	return s, nil
}

// docs/simulator.md, The report.
func review(before, after *sim.Report, page io.Writer) (err error) {
	c := sim.Compare(before, after)
	fmt.Println(c.Verdict())
	err = c.WriteHTML(page)
	return err
}

// docs/simulator.md, Questions.
func sweep(ctx context.Context) error {
	result, err := questions.Sweep(ctx, questions.Config{Name: "max attempts"}, []int{1, 2, 3},
		func(attempts int) (sim.Scenario, error) { return outage(attempts), nil })
	if err != nil {
		return err
	}
	return result.WriteText(os.Stdout)
}

func survives(ctx context.Context) error {
	at, err := questions.At(outage(3), "api")
	if err != nil {
		return err
	}
	limit, err := questions.Survives(ctx, questions.Config{}, 0.1, 0.9, at)
	if err != nil {
		return err
	}
	fmt.Println(limit.Verdict()) // vulnerable from 30 %
	return nil
}

func tornado(ctx context.Context) error {
	s, err := questions.Tornado(ctx, questions.Config{}, questions.WorstLoad, "retry", outage(3),
		questions.NewKnob("max attempts", 1, 5, func(n int) (sim.Scenario, error) { return outage(n), nil }),
		questions.NewKnob("queue", 100, 5000, withQueue),
	)
	if err != nil {
		return err
	}
	return s.WriteText(os.Stdout)
}

// docs/simulator.md, Examples.
func rehearse(ctx context.Context) error {
	example, err := scenarios.Find("metastable-overload")
	if err != nil {
		return err
	}
	report, err := sim.Run(ctx, example.Scenario())
	if err != nil {
		return err
	}
	return report.WriteText(os.Stdout)
}

func TestTheSnippetsOfTheSimulatorsReportRun(t *testing.T) {
	for _, ask := range []func(context.Context) error{sweep, survives, tornado} {
		require.NoError(t, ask(t.Context()))
	}
	before, err := sim.Run(t.Context(), outage(3))
	require.NoError(t, err)
	after, err := sim.Run(t.Context(), outage(1))
	require.NoError(t, err)
	assert.Contains(t, sim.Compare(before, after).Verdict(), "better: it was ")
	var page strings.Builder
	require.NoError(t, review(before, after, &page))
	assert.Contains(t, page.String(), "</html>")

	ctx, stop := context.WithCancel(t.Context())
	stop() // it takes seconds
	require.ErrorIs(t, rehearse(ctx), context.Canceled)
}
