package pipeline_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

func TestDelaysThatMakeNoSenseAreNotAddedUp(t *testing.T) {
	cfg := pipeline.StandardConfig{Retry: retry.Config{BaseDelay: time.Hour, Multiplier: math.NaN()}}
	assert.EqualError(t, cfg.Validate(), cfg.Retry.Validate().Error())
}

func TestDelaysHaveToFitInTheTotalToTheNanosecond(t *testing.T) {
	for name, c := range map[string]struct {
		retry retry.Config
		sum   time.Duration
	}{
		"the default":       {retry.Config{}, 1500 * time.Millisecond},
		"a factor of 1":     {retry.Config{Multiplier: 1, BaseDelay: time.Second, MaxAttempts: 31}, 30 * time.Second},
		"a factor of 3":     {retry.Config{Multiplier: 3, BaseDelay: time.Second, MaxAttempts: 3}, 4 * time.Second},
		"up to the cap":     {retry.Config{BaseDelay: time.Second, MaxAttempts: 6}, 15 * time.Second},
		"more than the cap": {retry.Config{BaseDelay: time.Minute, MaxAttempts: 3}, 2 * time.Minute},
	} {
		cfg := pipeline.StandardConfig{TotalTimeout: c.sum, AttemptTimeout: -1, Retry: c.retry}
		assert.ErrorContains(t, cfg.Validate(), "delays of "+c.sum.String()+" before", name)
		cfg.TotalTimeout++
		assert.NoError(t, cfg.Validate(), name)
	}
	own := retry.Config{Backoff: retry.Constant(time.Hour), MaxAttempts: 1000}
	assert.NoError(t, pipeline.StandardConfig{Retry: own}.Validate(), "a Backoff is not judged")
}

func TestACircuitThatNobodyMadeIsRefused(t *testing.T) {
	cfg := pipeline.StandardConfig{Circuit: &breaker.Circuit{}}
	want := "pipeline: StandardConfig.Circuit: breaker: zero Circuit, want one made by NewCircuit"
	assert.EqualError(t, cfg.Validate(), want)
	assert.PanicsWithError(t, want, func() { pipeline.Standard[int](cfg) })
}

func TestTheShortestTimeoutsAreTimeouts(t *testing.T) {
	own := retry.Config{Backoff: retry.Constant(0)}
	total := pipeline.Standard[int](pipeline.StandardConfig{TotalTimeout: 1, AttemptTimeout: -1, Retry: own})
	assert.Equal(t, "timeout(total, 1ns) > retry(3)", total.String())
	attempt := pipeline.Standard[int](pipeline.StandardConfig{TotalTimeout: -1, AttemptTimeout: 1})
	assert.Equal(t, "retry(3) > timeout(attempt, 1ns)", attempt.String())
	err := pipeline.StandardConfig{TotalTimeout: 1}.Validate()
	assert.ErrorContains(t, err, "AttemptTimeout is 1ns, want less than TotalTimeout, 1ns")
	assert.ErrorContains(t, err, "delays of 1.5s before its last attempt, want less than TotalTimeout, 1ns")
	own.MaxAttempts = 1
	brief := pipeline.Standard[int](pipeline.StandardConfig{TotalTimeout: 2, Retry: own})
	assert.Equal(t, "timeout(total, 2ns) > retry(1) > timeout(attempt, 1ns)", brief.String())
}

func TestTheAttemptTimeoutOfAShortTotalIsAThirdOfIt(t *testing.T) {
	for total, attempt := range map[time.Duration]time.Duration{
		-1:               10 * time.Second,
		5 * time.Second:  5 * time.Second / 3,
		30 * time.Second: 10 * time.Second,
		time.Minute:      10 * time.Second,
	} {
		p := pipeline.Standard[int](pipeline.StandardConfig{TotalTimeout: total})
		assert.Contains(t, p.String(), "> timeout(attempt, "+attempt.String()+")", "%v", total)
	}
}

func TestDelaysThatNobodySetAreToldFromOthers(t *testing.T) {
	const delays = "pipeline: StandardConfig.Retry has delays of "
	for want, r := range map[string]retry.Config{
		"1.5s before its last attempt, want less than TotalTimeout, 1s; they are the defaults: set its BaseDelay or MaxAttempts": {},
		"3s before its last attempt, want less than TotalTimeout, 1s":                                                            {BaseDelay: time.Second},
		"3.5s before its last attempt, want less than TotalTimeout, 1s":                                                          {MaxAttempts: 4},
	} {
		assert.EqualError(t, pipeline.StandardConfig{TotalTimeout: time.Second, Retry: r}.Validate(), delays+want)
	}
}

func TestTheRetryGoesByTheClockOfTheWholeUnlessItHasItsOwn(t *testing.T) {
	whole, own := fake.NewClock(fake.AutoAdvance()), fake.NewClock(fake.AutoAdvance())
	cfg := pipeline.StandardConfig{Clock: whole, Retry: retry.Config{MaxAttempts: 2, JitterFactor: retry.NoJitter}}
	_, err := pipeline.Standard[int](cfg).Do(t.Context(), down)
	require.ErrorIs(t, err, retry.ErrExhausted)
	assert.Equal(t, []time.Duration{500 * time.Millisecond}, whole.Sleeps())
	cfg.Retry.Clock = own
	_, err = pipeline.Standard[int](cfg).Do(t.Context(), down)
	require.ErrorIs(t, err, retry.ErrExhausted)
	assert.Equal(t, []time.Duration{500 * time.Millisecond}, own.Sleeps())
	assert.Len(t, whole.Sleeps(), 1)
}

func TestANestedPipelineCostsNothing(t *testing.T) {
	inner := pipeline.New[int](policy.FallbackValue(7))
	outer := pipeline.New[int](inner, policy.FallbackValue(8))
	ctx := t.Context()
	fn := policy.Func[int](one)
	assert.Zero(t, testing.AllocsPerRun(100, func() { _, _ = outer.Do(ctx, fn) }))
}
