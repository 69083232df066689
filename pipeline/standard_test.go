package pipeline_test

import (
	"context"
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

func TestInvalidDelaysAreNotAddedUp(t *testing.T) {
	cfg := pipeline.StandardConfig{Retry: retry.Config{BaseDelay: time.Hour, Multiplier: math.NaN()}}
	assert.EqualError(t, cfg.Validate(), "pipeline: StandardConfig.Retry.Multiplier is NaN, want 0, or 1 or more and finite")
}

func TestDelaysMustFitInTheTotalToTheNanosecond(t *testing.T) {
	for name, c := range map[string]struct {
		retry retry.Config
		sum   time.Duration
	}{
		"the default, set":  {retry.Config{BaseDelay: time.Second / 2}, 1500 * time.Millisecond},
		"a factor of 1":     {retry.Config{Multiplier: 1, BaseDelay: time.Second, MaxAttempts: 31}, 30 * time.Second},
		"a factor of 3":     {retry.Config{Multiplier: 3, BaseDelay: time.Second, MaxAttempts: 3}, 4 * time.Second},
		"up to the cap":     {retry.Config{BaseDelay: time.Second, MaxAttempts: 6}, 15 * time.Second},
		"more than the cap": {retry.Config{BaseDelay: time.Minute, MaxAttempts: 3}, 2 * time.Minute},
	} {
		cfg := pipeline.StandardConfig{TotalTimeout: c.sum, AttemptTimeout: -1, Retry: c.retry}
		assert.ErrorContains(t, cfg.Validate(), "add up to "+c.sum.String()+", and TotalTimeout is ", name)
		cfg.TotalTimeout++
		assert.NoError(t, cfg.Validate(), name)
	}
	own := retry.Config{Backoff: retry.Constant(time.Hour), MaxAttempts: 1000}
	assert.NoError(t, pipeline.StandardConfig{Retry: own}.Validate(), "a Backoff is not checked")
}

func TestAZeroCircuitIsRefused(t *testing.T) {
	cfg := pipeline.StandardConfig{Circuit: &breaker.Circuit{}}
	want := "pipeline: StandardConfig.Circuit: breaker: zero Circuit, want one made by NewCircuit"
	assert.EqualError(t, cfg.Validate(), want)
	assert.PanicsWithError(t, want, func() { pipeline.Standard[int](cfg) })
}

func TestATimeoutOfANanosecondIsATimeout(t *testing.T) {
	own := retry.Config{Backoff: retry.Constant(0)}
	total := pipeline.Standard[int](pipeline.StandardConfig{TotalTimeout: 1, AttemptTimeout: -1, Retry: own})
	assert.Equal(t, "timeout(total, 1ns) > retry(3)", total.String())
	attempt := pipeline.Standard[int](pipeline.StandardConfig{TotalTimeout: -1, AttemptTimeout: 1})
	assert.Equal(t, "retry(3) > timeout(attempt, 1ns)", attempt.String())
	err := pipeline.StandardConfig{TotalTimeout: 1, AttemptTimeout: 1}.Validate()
	assert.EqualError(t, err, "pipeline: StandardConfig.AttemptTimeout is 1ns, want less than TotalTimeout, 1ns")
	brief := pipeline.Standard[int](pipeline.StandardConfig{TotalTimeout: 3})
	assert.Equal(t, "timeout(total, 3ns) > retry(3) > timeout(attempt, 1ns)", brief.String())
	briefer := pipeline.Standard[int](pipeline.StandardConfig{TotalTimeout: 2})
	assert.Equal(t, "timeout(total, 2ns) > retry(3)", briefer.String(), "a third of 2 ns rounds to zero")
}

func TestTheAttemptTimeoutIsAtMostAThirdOfTheTotal(t *testing.T) {
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

func TestDefaultDelaysAreShortenedToFitInTheTotal(t *testing.T) {
	for name, c := range map[string]struct {
		total time.Duration
		retry retry.Config
		want  []time.Duration
	}{
		"a second":          {time.Second, retry.Config{}, []time.Duration{166666666, 333333333}},
		"as long as needed": {1500*time.Millisecond + 1, retry.Config{}, []time.Duration{time.Second / 2, time.Second}},
		"just too short":    {1500 * time.Millisecond, retry.Config{}, []time.Duration{time.Second / 4, time.Second / 2}},
		"more attempts":     {time.Second, retry.Config{MaxAttempts: 4}, []time.Duration{71428571, 142857143, 285714285}},
		"a cap":             {time.Second, retry.Config{MaxDelay: time.Second / 2}, []time.Duration{time.Second / 4, time.Second / 2}},
		"nanoseconds":       {9, retry.Config{}, []time.Duration{1, 2}},
		"none at all":       {2, retry.Config{}, []time.Duration{0, 0}},
	} {
		clk := fake.NewClock(fake.AutoAdvance())
		c.retry.JitterFactor = retry.NoJitter
		p := pipeline.Standard[int](pipeline.StandardConfig{TotalTimeout: c.total, AttemptTimeout: -1, Retry: c.retry, Clock: clk})
		_, err := p.Do(t.Context(), down)
		require.ErrorIs(t, err, retry.ErrExhausted, name)
		require.Len(t, clk.Sleeps(), len(c.want), name)
		for i, d := range clk.Sleeps() {
			assert.InDelta(t, c.want[i], d, 2, name)
		}
	}
}

func TestVeryManyAttemptsDoNotShortenTheDelaysToNothing(t *testing.T) {
	for _, attempts := range []int{100, 1000, 1_000_000, math.MaxInt32} {
		clk := fake.NewClock(fake.AutoAdvance())
		cfg := pipeline.StandardConfig{Retry: retry.Config{MaxAttempts: attempts, JitterFactor: retry.NoJitter}, Clock: clk}
		_, err := pipeline.Standard[int](cfg).Do(t.Context(), down)
		assert.ErrorIs(t, err, retry.ErrDeadline)
		assert.Equal(t, time.Second/2, clk.Sleeps()[0])
		assert.Less(t, len(clk.Sleeps()), 30, "of %d attempts", attempts)
	}
}

func TestATotalTimeoutAloneIsAValidConfig(t *testing.T) {
	for total := time.Duration(1); total < time.Hour; total *= 3 {
		assert.NoError(t, pipeline.StandardConfig{TotalTimeout: total}.Validate(), "%v", total)
		pipeline.Standard[int](pipeline.StandardConfig{TotalTimeout: total})
	}
}

// kept is a result that outlives its call.
type kept struct {
	ctx   context.Context
	close func()
}

func TestKeepKeepsBothContextsAlive(t *testing.T) {
	hold := func(_ context.Context, v *kept, release func()) *kept {
		inner := v.close
		return &kept{v.ctx, func() { inner(); release() }}
	}
	for name, keep := range map[string]any{
		"typed": hold,
		"any":   func(ctx context.Context, v any, release func()) any { return hold(ctx, v.(*kept), release) },
	} {
		p := pipeline.Standard[*kept](pipeline.StandardConfig{Keep: keep})
		v, err := p.Do(t.Context(), func(ctx context.Context) (*kept, error) { return &kept{ctx, func() {}}, nil })
		require.NoError(t, err)
		assert.NoError(t, v.ctx.Err(), name)
		v.close()
		assert.ErrorIs(t, v.ctx.Err(), context.Canceled, name)
	}
	assert.PanicsWithError(t, "pipeline: StandardConfig.Keep is a func(context.Context, *pipeline_test.kept, func()) *pipeline_test.kept, want a func(context.Context, int, func()) int", func() {
		pipeline.Standard[int](pipeline.StandardConfig{Keep: hold})
	})
	assert.ErrorContains(t, pipeline.StandardConfig{Keep: func() {}}.Validate(), "pipeline: StandardConfig.Keep is a func(), want a func(context.Context, T, func()) T")
}

func TestWithChangesOnlyThePolicies(t *testing.T) {
	rec := fake.NewRecorder()
	p := pipeline.New[int](policy.FallbackValue(7)).WithName("rates").WithObserver(rec.Observe, policy.Finished)
	q := p.With(func(policies []policy.Policy[int]) []policy.Policy[int] {
		policies[0] = policy.FallbackValue(8)
		return append(policies, policy.Timeout[int](time.Second))
	})
	assert.Equal(t, "fallback > timeout(1s)", q.String())
	assert.Equal(t, "fallback", p.String())
	v, err := q.Do(t.Context(), down)
	require.NoError(t, err)
	assert.Equal(t, 8, v)
	require.Len(t, rec.Events(), 1)
	assert.Equal(t, "rates", rec.Events()[0].Pipeline)
	assert.Equal(t, "rates", q.Name())
}

func TestTheRetryUsesStandardsClockUnlessItHasItsOwn(t *testing.T) {
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

func TestANestedPipelineAllocatesNothing(t *testing.T) {
	inner := pipeline.New[int](policy.FallbackValue(7))
	outer := pipeline.New[int](inner, policy.FallbackValue(8))
	ctx := t.Context()
	fn := policy.Func[int](one)
	assert.Zero(t, testing.AllocsPerRun(100, func() { _, _ = outer.Do(ctx, fn) }))
}

func TestAKeepThatReturnsAnotherTypePanics(t *testing.T) {
	other := func(context.Context, any, func()) any { return "seven" }
	p := pipeline.Standard[int](pipeline.StandardConfig{Keep: other})
	assert.PanicsWithValue(t, "pipeline: StandardConfig.Keep returned the type string, want int", func() { _, _ = p.Do(t.Context(), one) })
	var none func(context.Context, any, func()) any
	assert.ErrorContains(t, pipeline.StandardConfig{Keep: none}.Validate(), "that is not nil")
}
