package pipeline_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/hedge"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/ratelimit"
	"github.com/ductile-go/ductile/retry"
)

func TestStandardPutsEachPolicyInItsPlace(t *testing.T) {
	p := pipeline.Standard[int](pipeline.StandardConfig{
		Hedge:   &hedge.Config{Delay: 100 * time.Millisecond},
		Circuit: breaker.NewCircuit(breaker.Config{Name: "stripe"}),
		Limiter: ratelimit.NewLimiter(ratelimit.Config{Name: "quota", Limit: 100}),
		Gate:    bulkhead.NewGate(bulkhead.Config{Name: "places", Limit: 10}),
	})
	assert.Equal(t, "timeout(total, 30s) > retry(3) > hedge(100ms) > breaker(stripe) > ratelimit(quota, 100/1s) > timeout(attempt, 10s) > bulkhead(places, 10)", p.String())
}

func TestStandardNamesTheFaultsOfWhatItIsGiven(t *testing.T) {
	cfg := pipeline.StandardConfig{
		Hedge: &hedge.Config{MaxExtra: -1}, Limiter: new(ratelimit.Limiter), Gate: new(bulkhead.Gate),
	}
	assert.EqualError(t, cfg.Validate(), "pipeline: StandardConfig.Hedge.MaxExtra is -1, want 0 for 1, or at most 16\n"+
		"pipeline: StandardConfig.Limiter: ratelimit: zero Limiter, want one made by NewLimiter\n"+
		"pipeline: StandardConfig.Gate: bulkhead: zero Gate, want one made by NewGate")
	assert.Panics(t, func() { pipeline.Standard[int](cfg) })
}

func TestAnOpenCircuitSpendsNoTokensAndNoPlaces(t *testing.T) {
	limiter := ratelimit.NewLimiter(ratelimit.Config{Limit: 10, Burst: 10})
	gate := bulkhead.NewGate(bulkhead.Config{Limit: 1})
	circuit := breaker.NewCircuit(breaker.Config{})
	circuit.Isolate("maintenance")
	p := pipeline.Standard[int](pipeline.StandardConfig{Circuit: circuit, Limiter: limiter, Gate: gate})
	_, err := p.Do(t.Context(), func(context.Context) (int, error) { return 1, nil })
	require.ErrorIs(t, err, breaker.ErrOpen)
	assert.EqualValues(t, 0, limiter.Snapshot().Admitted)
	assert.EqualValues(t, 0, gate.Snapshot().Admitted)
}

// Refusals by our own limits say nothing about the dependency.
func TestOurOwnLimitsDoNotOpenTheCircuit(t *testing.T) {
	for name, cfg := range map[string]pipeline.StandardConfig{
		"gate":    {Gate: bulkhead.NewGate(bulkhead.Config{Limit: 1})},
		"limiter": {Limiter: ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Per: time.Hour, Burst: 1})},
	} {
		cfg.Circuit = breaker.NewCircuit(breaker.Config{})
		if cfg.Gate != nil {
			place, ok := cfg.Gate.TryAcquire()
			require.True(t, ok)
			defer place.Release()
		} else {
			require.True(t, cfg.Limiter.Allow(1))
		}
		p := pipeline.Standard[int](cfg)
		for range 10 {
			_, err := p.Do(t.Context(), func(context.Context) (int, error) { return 1, nil })
			require.ErrorIs(t, err, policy.ErrRejected, name)
		}
		assert.Equal(t, breaker.Closed, cfg.Circuit.State(), name)
		assert.Zero(t, cfg.Circuit.Snapshot().Counts.Failures, name)
	}
}

func TestAQueueThatOutlastsTheAttemptDoesNotOpenTheCircuit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := bulkhead.NewGate(bulkhead.Config{Limit: 1, MaxQueue: 100})
		place, ok := gate.TryAcquire()
		require.True(t, ok)
		defer place.Release()
		circuit := breaker.NewCircuit(breaker.Config{FailureThreshold: 1})
		p := pipeline.Standard[int](pipeline.StandardConfig{
			Gate: gate, Circuit: circuit, AttemptTimeout: time.Second, Retry: retry.Config{MaxAttempts: 1},
		})
		_, err := p.Do(t.Context(), func(context.Context) (int, error) { return 1, nil })
		require.ErrorIs(t, err, policy.ErrRejected)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, breaker.Closed, circuit.State())
	})
}

func TestEachAttemptOfAHedgeHasItsOwnTokenAndPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := bulkhead.NewGate(bulkhead.Config{Limit: 2})
		limiter := ratelimit.NewLimiter(ratelimit.Config{Limit: 10, Burst: 10})
		p := pipeline.Standard[int](pipeline.StandardConfig{
			Hedge: &hedge.Config{Delay: time.Second, Budget: hedge.NoBudget}, Gate: gate, Limiter: limiter,
		})
		var calls atomic.Int64
		v, err := p.Do(t.Context(), func(ctx context.Context) (int, error) {
			if n := calls.Add(1); n == 2 {
				assert.Equal(t, 2, gate.Snapshot().InUse)
				return int(n), nil
			}
			<-ctx.Done()
			return 0, ctx.Err()
		})
		require.NoError(t, err)
		assert.Equal(t, 2, v)
		assert.EqualValues(t, 2, limiter.Snapshot().Admitted)
		assert.Zero(t, gate.Snapshot().InUse)
	})
}

// A gate that is full is a queue elsewhere: hedges must not add to it.
func TestAHedgeAtAFullGateMakesNoExtraAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := bulkhead.NewGate(bulkhead.Config{Limit: 1, MaxQueue: 10})
		p := pipeline.Standard[int](pipeline.StandardConfig{
			Hedge: &hedge.Config{Delay: time.Second, Budget: hedge.NoBudget}, Gate: gate,
		})
		var calls atomic.Int64
		_, err := p.Do(t.Context(), func(context.Context) (int, error) {
			calls.Add(1)
			time.Sleep(5 * time.Second) // in the bubble's time
			return 1, nil
		})
		require.NoError(t, err)
		assert.EqualValues(t, 1, calls.Load())
	})
}

func TestKeepHoldsThePlaceAndTheWinnersContext(t *testing.T) {
	gate := bulkhead.NewGate(bulkhead.Config{Limit: 1})
	p := pipeline.Standard[*kept](pipeline.StandardConfig{
		Hedge: &hedge.Config{Delay: time.Minute}, Gate: gate,
		Keep: func(_ context.Context, v *kept, release func()) *kept {
			inner := v.close
			return &kept{v.ctx, func() { inner(); release() }}
		},
	})
	v, err := p.Do(t.Context(), func(ctx context.Context) (*kept, error) { return &kept{ctx, func() {}}, nil })
	require.NoError(t, err)
	assert.Equal(t, 1, gate.Snapshot().InUse)
	require.NoError(t, v.ctx.Err())
	v.close()
	assert.Zero(t, gate.Snapshot().InUse)
	assert.ErrorIs(t, v.ctx.Err(), context.Canceled)
}

func TestTheHedgeOfAStandardPipelineHasItsClock(t *testing.T) {
	clk := fake.NewClock()
	p := pipeline.Standard[int](pipeline.StandardConfig{Hedge: &hedge.Config{Delay: time.Second}, Clock: clk})
	for _, inner := range p.Policies() {
		if h, ok := inner.(*hedge.Hedge[int]); ok {
			assert.Same(t, clk, h.Clock())
			return
		}
	}
	assert.Fail(t, "no hedge")
}
