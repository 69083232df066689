package pipeline_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/ratelimit"
	"github.com/ductile-go/ductile/retry"
	"github.com/ductile-go/ductile/throttle"
)

func TestStandardPutsTheThrottleBesideTheBreaker(t *testing.T) {
	th := throttle.NewThrottle(throttle.Config{Name: "search"})
	limiter := ratelimit.NewLimiter(ratelimit.Config{Name: "quota", Limit: 100})
	cfg := pipeline.StandardConfig{Throttle: th, Limiter: limiter}
	assert.Equal(t, "timeout(total, 30s) > retry(3) > throttle(search) > ratelimit(quota, 100/1s) > timeout(attempt, 10s)",
		pipeline.Standard[int](cfg).String())
	cfg.Circuit = breaker.NewCircuit(breaker.Config{Name: "search"})
	assert.Equal(t, "timeout(total, 30s) > retry(3) > breaker(search) > throttle(search) > ratelimit(quota, 100/1s) > timeout(attempt, 10s)",
		pipeline.Standard[int](cfg).String())
	cfg = pipeline.StandardConfig{Throttle: new(throttle.Throttle)}
	assert.EqualError(t, cfg.Validate(), "pipeline: StandardConfig.Throttle: throttle: zero Throttle, want one made by NewThrottle")
}

// Each attempt is a request, and a throttled one ends the retry.
func TestAThrottledAttemptEndsTheRetryAndSpendsNoToken(t *testing.T) {
	clk := fake.NewClock(fake.AutoAdvance())
	th := throttle.NewThrottle(throttle.Config{MinCalls: 2, Clock: clk, Rand: func() float64 { return 0 }})
	limiter := ratelimit.NewLimiter(ratelimit.Config{Limit: 10, Burst: 10, Clock: clk})
	circuit := breaker.NewCircuit(breaker.Config{FailureThreshold: 3, Clock: clk})
	p := pipeline.Standard[int](pipeline.StandardConfig{
		Retry: retry.Config{MaxAttempts: 5}, Circuit: circuit, Throttle: th, Limiter: limiter, Clock: clk,
	})
	runs := 0
	_, err := p.Do(t.Context(), func(context.Context) (int, error) { runs++; return 0, errDown })
	require.ErrorIs(t, err, throttle.ErrThrottled)
	require.ErrorIs(t, err, errDown, "the last error of the function")
	assert.Equal(t, 2, runs)
	assert.EqualValues(t, 2, limiter.Snapshot().Admitted)
	assert.Equal(t, throttle.Snapshot{Requests: 3, Rate: 0.75}, th.Snapshot())
	assert.Equal(t, breaker.Closed, circuit.State(), "the circuit counts what ran")
}
