package pipeline_test

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/retry"
)

func TestTheLongestHintIsThirtySecondsByDefault(t *testing.T) {
	clk := fake.NewClock(fake.AutoAdvance())
	cfg := retry.Config{Clock: clk, JitterFactor: retry.NoJitter}
	v, err := retry.Do(t.Context(), cfg, fake.NewFunc[int]().Fail(retry.After(errDown, 30*time.Second)).Return(1).Do)
	require.NoError(t, err)
	assert.Equal(t, 1, v)
	_, err = retry.Do(t.Context(), cfg, fake.NewFunc[int]().Fail(retry.After(errDown, 30*time.Second+1)).Return(1).Do)
	require.ErrorIs(t, err, retry.ErrRetryAfter)
	assert.Equal(t, []time.Duration{30 * time.Second}, clk.Sleeps())
}

func TestDefaultsOfStandard(t *testing.T) {
	p := pipeline.Standard[int](pipeline.StandardConfig{})
	assert.Equal(t, "timeout(total, 30s) > retry(3) > timeout(attempt, 10s)", p.String())
}

// TestTheDefaultsOfTheDocsAreTheConstants compares the table of docs/policies.md with the
// code.
func TestTheDefaultsOfTheDocsAreTheConstants(t *testing.T) {
	page, err := os.ReadFile("../docs/policies.md")
	require.NoError(t, err)
	for _, row := range []string{
		"| `retry.Config.MaxAttempts` | 3 attempts |",
		"| `retry.Config.BaseDelay` | 0.5 s |",
		"| `retry.Config.MaxDelay` | 4 s |",
		"| `retry.Config.Multiplier` | 2 |",
		"| `retry.Config.JitterFactor` | ±10 % |",
		"| `retry.Config.MaxRetryAfter` | 30 s |",
		"| `retry.BudgetConfig.Ratio` | 10 % of calls |",
		"| `retry.BudgetConfig.MinPerSecond` | 10 retries a second in addition |",
		"| `retry.BudgetConfig.Window` | 10 s |",
		"| `breaker.Config.FailureThreshold` | 5 failures in a row |",
		"| `breaker.Config.RecoveryTimeout` | 30 s |",
		"| `breaker.Config.HalfOpenMaxCalls` | 3 at a time |",
		"| `breaker.Config.SuccessThreshold` | 1 success closes |",
		"| `pipeline.StandardConfig.TotalTimeout` | 30 s |",
		"| `pipeline.StandardConfig.AttemptTimeout` | 10 s |",
	} {
		assert.Contains(t, string(page), row)
	}
	assert.Equal(t, 3, retry.DefaultMaxAttempts)
	assert.Equal(t, 500*time.Millisecond, retry.DefaultBaseDelay)
	assert.Equal(t, 4*time.Second, retry.DefaultMaxDelay)
	assert.InDelta(t, 2, retry.DefaultMultiplier, 0)
	assert.InDelta(t, 0.1, retry.DefaultJitterFactor, 0)
	assert.Equal(t, 30*time.Second, retry.DefaultMaxRetryAfter)
	assert.InDelta(t, 0.1, retry.DefaultRatio, 0)
	assert.InDelta(t, 10, retry.DefaultMinPerSecond, 0)
	assert.Equal(t, 10*time.Second, retry.DefaultBudgetWindow)
	assert.Equal(t, 5, breaker.DefaultFailureThreshold)
	assert.Equal(t, 30*time.Second, breaker.DefaultRecoveryTimeout)
	assert.Equal(t, 3, breaker.DefaultHalfOpenMaxCalls)
	assert.Equal(t, 1, breaker.DefaultSuccessThreshold)
	assert.Equal(t, 30*time.Second, pipeline.DefaultTotalTimeout)
	assert.Equal(t, 10*time.Second, pipeline.DefaultAttemptTimeout)
}
