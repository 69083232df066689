package analysis_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/adaptive"
	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/cmd/ductile/internal/analysis"
	"github.com/ductile-go/ductile/hedge"
	"github.com/ductile-go/ductile/ratelimit"
	"github.com/ductile-go/ductile/registry"
	"github.com/ductile-go/ductile/retry"
	"github.com/ductile-go/ductile/throttle"
)

// specs is how many random Specs a test makes.
const specs = 800

// rounding is what delays may differ by: each is rounded to a nanosecond.
const rounding = analysis.Span(time.Microsecond)

// maker makes random Specs with one pipeline "p", and perhaps one inside it.
type maker struct {
	*rand.Rand
	spec registry.Spec
}

func (m *maker) one(n int) bool { return m.IntN(n) == 0 }

// ms returns a random duration of whole milliseconds.
func (m *maker) ms(most int) time.Duration {
	return time.Duration(1+m.IntN(most)) * time.Millisecond
}

func (m *maker) retry() *registry.RetrySpec {
	r := &registry.RetrySpec{Config: retry.Config{MaxAttempts: 1 + m.IntN(5)}}
	if m.one(8) {
		// With delays, or it would be repeated for ever in one moment.
		r.MaxAttempts, r.BaseDelay = retry.Unlimited, 20*time.Millisecond+m.ms(400)
		return r
	}
	if m.one(2) {
		r.BaseDelay = m.ms(400)
		if m.one(2) {
			r.MaxDelay = r.BaseDelay + m.ms(1000)
		}
	}
	r.JitterFactor = []float64{0, retry.NoJitter, 0.5, 1}[m.IntN(4)]
	r.Multiplier = []float64{0, 1, 1.5, 3}[m.IntN(4)]
	if m.one(3) {
		r.MaxElapsed = m.ms(3000)
	}
	if m.one(3) {
		r.BackoffName = []string{"exponential", "full_jitter", "equal_jitter", "decorrelated", "fibonacci", "linear", "constant"}[m.IntN(7)]
	}
	if m.one(4) {
		r.BudgetName = "b"
		m.spec.Budgets = map[string]registry.BudgetSpec{"b": {BudgetConfig: retry.BudgetConfig{MinPerSecond: 0.2 * float64(m.IntN(5))}}}
	}
	return r
}

func (m *maker) hedge() *registry.HedgeSpec {
	h := &registry.HedgeSpec{Config: hedge.Config{MaxExtra: m.IntN(3), OnFailure: m.one(3)}}
	h.Delay = []time.Duration{hedge.AtOnce, 0, m.ms(700), m.ms(700)}[m.IntN(4)]
	if m.one(2) {
		h.Budget = hedge.NoBudget
	}
	return h
}

// pipeline returns a random pipeline. It always has an end.
func (m *maker) pipeline() registry.PipelineSpec {
	var p registry.PipelineSpec
	if m.one(2) {
		p.TotalTimeout = m.ms(5000)
	}
	p.AttemptTimeout = m.ms(1500)
	if m.one(4) && p.TotalTimeout > 0 {
		p.AttemptTimeout = 0
	}
	if !m.one(4) {
		p.Retry = m.retry()
	}
	if p.Retry != nil && p.Retry.MaxAttempts == retry.Unlimited {
		p.TotalTimeout = m.ms(5000)
	}
	if m.one(3) {
		p.Hedge = m.hedge()
	}
	return p
}

// shared adds circuits and limits.
func (m *maker) shared(p *registry.PipelineSpec) {
	if m.one(4) {
		p.Circuit = "c"
		m.spec.Circuits = map[string]registry.CircuitSpec{"c": {Config: breaker.Config{FailureThreshold: 1 + m.IntN(20)}}}
	}
	if m.one(6) {
		p.Throttle = "t"
		m.spec.Throttles = map[string]registry.ThrottleSpec{"t": {Config: throttle.Config{MinCalls: 1 + m.IntN(9)}}}
	}
	if m.one(5) {
		p.RateLimit = "r"
		m.spec.RateLimits = map[string]registry.RateLimitSpec{"r": {Config: ratelimit.Config{Limit: 1 + m.IntN(5), Burst: 1 + m.IntN(20), MaxWait: m.ms(900)}}}
	}
	if m.one(5) {
		p.Bulkhead = "g"
		m.spec.Bulkheads = map[string]registry.BulkheadSpec{"g": {Config: bulkhead.Config{Limit: 1 + m.IntN(3), MaxQueue: 2, MaxWait: m.ms(900)}}}
	}
	if m.one(6) {
		p.AdaptiveLimit = "a"
		m.spec.AdaptiveLimits = map[string]registry.AdaptiveLimitSpec{"a": {Config: adaptive.Config{Initial: 1 + m.IntN(3)}}}
	}
}

func makeSpec(r *rand.Rand) registry.Spec {
	m := &maker{Rand: r}
	p := m.pipeline()
	m.shared(&p)
	m.spec.Pipelines = map[string]registry.PipelineSpec{}
	if m.one(3) {
		p.Pipeline = "inner"
		m.spec.Pipelines["inner"] = m.pipeline()
	}
	m.spec.Pipelines["p"] = p
	return m.spec
}

// outcome is what one call did.
type outcome struct {
	runs analysis.Count
	took analysis.Span
}

// call runs one call in the bubble of a test.
func call(ctx context.Context, p *registry.Live[int], fn func(context.Context) (int, error)) outcome {
	var runs atomic.Int64
	began := time.Now()
	_, err := p.Do(ctx, func(ctx context.Context) (int, error) {
		runs.Add(1)
		return fn(ctx)
	})
	took := time.Since(began)
	if err == nil {
		panic("a call succeeded whose every run fails")
	}
	synctest.Wait()
	return outcome{analysis.Count(runs.Load()), analysis.Span(took)}
}

// sometimes fails after a random time, at once, or when its context ends.
func sometimes(source *locked) func(context.Context) (int, error) {
	return func(ctx context.Context) (int, error) {
		switch x := source.Float64(); {
		case x < 0.3:
			return fails(ctx)
		case x < 0.6:
			return hangs(ctx)
		default:
			select {
			case <-ctx.Done():
			case <-time.After(time.Duration(1 + x*float64(2*time.Second))):
			}
			return 0, errDown
		}
	}
}

func random(x float64) func() float64 { return func() float64 { return x } }

func TestNoCallExceedsTheBounds(t *testing.T) {
	for seed := range uint64(specs) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 1))
			spec := makeSpec(r)
			report, err := analysis.Explain(spec, "p")
			require.NoError(t, err)
			source := &locked{r: r} // for all goroutines of all calls
			for range 3 {
				synctest.Test(t, func(t *testing.T) {
					p := realOf(t, spec, "p", source.Float64, nil)
					for range 1 + int(3*source.Float64()) { // what a call leaves behind may hinder the next
						got := call(t.Context(), p, sometimes(source))
						assert.LessOrEqual(t, got.runs, report.Attempts.Most, "runs of %s", report.Policies)
						assert.LessOrEqual(t, got.took, bound(report.Time.Longest), "time of %s", report.Policies)
					}
				})
			}
		})
	}
}

// bound adds the rounding to a bound.
func bound(s analysis.Span) analysis.Span {
	if s == analysis.Unbounded {
		return s
	}
	return s + rounding
}

func TestBoundsAreReachedWhereTheReportSaysSo(t *testing.T) {
	reachedRuns, reachedTime := 0, 0
	for seed := range uint64(specs) {
		spec := makeSpec(rand.New(rand.NewPCG(seed, 2)))
		report, err := analysis.Explain(spec, "p")
		require.NoError(t, err)
		var slow, fast outcome
		synctest.Test(t, func(t *testing.T) {
			slow = call(t.Context(), realOf(t, spec, "p", random(math.Nextafter(1, 0)), nil), hangs)
		})
		synctest.Test(t, func(t *testing.T) {
			fast = call(t.Context(), realOf(t, spec, "p", random(0), nil), fails)
		})
		if report.Attempts.Reached {
			reachedRuns++
			assert.Equal(t, report.Attempts.Most, max(slow.runs, fast.runs), "runs of seed %d, %s", seed, report.Policies)
		}
		if report.Time.Reached {
			reachedTime++
			assert.InDelta(t, float64(report.Time.Longest), float64(slow.took), float64(rounding), "time of seed %d, %s", seed, report.Policies)
		}
	}
	assert.Greater(t, reachedRuns, 200, "few reports say that their attempts are reached")
	assert.Greater(t, reachedTime, 200, "few reports say that their time is reached")
}
