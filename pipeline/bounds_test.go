package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/hedge"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

func TestAWrappedFunctionReturnsErrorsWithoutTheirMarks(t *testing.T) {
	cause := errors.New("down")
	fn := pipeline.New[int]().Wrap(func(context.Context) (int, error) { return 0, retry.Permanent(cause) })
	_, err := fn(t.Context())
	assert.Equal(t, cause, err)
}

func TestAPipelineNestedInTwoOthersAllocatesNothing(t *testing.T) {
	inner := pipeline.New[int](policy.FallbackValue(7))
	a, b := pipeline.New[int](inner, policy.FallbackValue(8)), pipeline.New[int](inner, policy.FallbackValue(9))
	ctx := t.Context()
	fn := policy.Func[int](one)
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		_, _ = a.Do(ctx, fn)
		_, _ = b.Do(ctx, fn)
	}))
}

func TestRunRefusesAValueThatDoesNotImplementItsInterface(t *testing.T) {
	p := pipeline.New[any](policy.FallbackValue[any](7))
	_, err := pipeline.Run(t.Context(), p, func(context.Context) (fmt.Stringer, error) { return nil, errors.New("down") })
	assert.EqualError(t, err, "pipeline: Run: a policy returned the type int, want fmt.Stringer")
}

func TestAKeepOfAnyMayReturnNilForAnInterface(t *testing.T) {
	p := pipeline.Standard[fmt.Stringer](pipeline.StandardConfig{Keep: func(context.Context, any, func()) any { return nil }})
	v, err := p.Do(t.Context(), func(context.Context) (fmt.Stringer, error) { return time.Second, nil })
	require.NoError(t, err)
	assert.Nil(t, v)
}

func TestAKeepOfAnotherShapeIsRefused(t *testing.T) {
	for _, keep := range []any{
		7,
		func(context.Context, int) int { return 0 },
		func(context.Context, int, func(), int) int { return 0 },
		func(context.Context, int, ...func()) int { return 0 },
		func(context.Context, int, func()) {},
		func(context.Context, int, func()) (int, error) { return 0, nil },
		func(string, int, func()) int { return 0 },
		func(context.Context, int, func()) string { return "" },
		func(context.Context, int, int) int { return 0 },
	} {
		want := fmt.Sprintf("pipeline: StandardConfig.Keep is a %T, want a func(context.Context, T, func()) T that is not nil", keep)
		assert.EqualError(t, pipeline.StandardConfig{Keep: keep}.Validate(), want)
	}
}

// door counts how often one of them is closed.
type door struct{}

var closed atomic.Int64

func (*door) Close() error {
	closed.Add(1)
	return nil
}

func TestOnlyALosingValueThatIsNotNilIsClosed(t *testing.T) {
	for _, loser := range []*door{nil, {}} {
		synctest.Test(t, func(t *testing.T) {
			closed.Store(0)
			p := pipeline.Standard[*door](pipeline.StandardConfig{
				Hedge: &hedge.Config{Delay: time.Second, Budget: hedge.NoBudget},
				Keep:  func(_ context.Context, v *door, _ func()) *door { return v },
			})
			_, err := p.Do(t.Context(), func(ctx context.Context) (*door, error) {
				if hedge.Attempt(ctx) == 1 {
					time.Sleep(2 * time.Second)
					return &door{}, nil
				}
				time.Sleep(3 * time.Second)
				return loser, nil
			})
			require.NoError(t, err)
			time.Sleep(time.Minute)
			assert.Equal(t, loser != nil, closed.Load() == 1)
		})
	}
}

func TestDelaysNeedNotFitIfThereIsNoTotalOrNoDelay(t *testing.T) {
	for _, cfg := range []pipeline.StandardConfig{
		{TotalTimeout: -1, Retry: retry.Config{BaseDelay: time.Hour, MaxDelay: time.Hour}},
		{Retry: retry.Config{BaseDelay: retry.NoDelay, MaxAttempts: math.MaxInt32}},
		{TotalTimeout: 1, AttemptTimeout: -1, Retry: retry.Config{BaseDelay: retry.NoDelay}},
		{Retry: retry.Config{BaseDelay: time.Second, MaxAttempts: retry.Unlimited}},
		{Retry: retry.Config{BaseDelay: time.Hour, Backoff: retry.Constant(time.Second)}}, // replaces BaseDelay
	} {
		assert.NoError(t, cfg.Validate())
	}
	for _, cfg := range []pipeline.StandardConfig{
		{TotalTimeout: 1, AttemptTimeout: -1, Retry: retry.Config{BaseDelay: 1}},
		{TotalTimeout: math.MaxInt64 / 4, Retry: retry.Config{BaseDelay: 1e17, MaxDelay: 1e18, MaxAttempts: math.MaxInt32}}, // more than fits in a Duration
	} {
		assert.ErrorContains(t, cfg.Validate(), "pipeline: StandardConfig.Retry.BaseDelay is "+cfg.Retry.BaseDelay.String())
	}
}

func TestDelaysWithinAnyTotal(t *testing.T) {
	cap727 := []time.Duration{500 * time.Millisecond}
	for range 8 {
		cap727 = append(cap727, 727272727)
	}
	for name, c := range map[string]struct {
		total    time.Duration
		attempts int
		first    []time.Duration
	}{
		"no total":             {-1, 3, []time.Duration{time.Second / 2, time.Second}},
		"one nanosecond":       {1, 3, []time.Duration{0, 0}},
		"the cap is scaled":    {10 * time.Second, 10, cap727},
		"at least a twentieth": {time.Second, 100, []time.Duration{50 * time.Millisecond}},
	} {
		clk := fake.NewClock(fake.AutoAdvance())
		p := pipeline.Standard[int](pipeline.StandardConfig{
			TotalTimeout: c.total, AttemptTimeout: -1, Clock: clk,
			Retry: retry.Config{MaxAttempts: c.attempts, JitterFactor: retry.NoJitter},
		})
		_, err := p.Do(t.Context(), down)
		require.Error(t, err, name)
		require.GreaterOrEqual(t, len(clk.Sleeps()), len(c.first), name)
		for i, d := range c.first {
			assert.InDelta(t, d, clk.Sleeps()[i], 2, name)
		}
	}
}

func TestATotalOfAFewNanosecondsLeavesNoDelay(t *testing.T) {
	p := pipeline.Standard[int](pipeline.StandardConfig{TotalTimeout: 2})
	cfg := p.Policies()[1].(interface{ Describe() policy.Description }).Describe().Config.(retry.Config)
	assert.Equal(t, retry.NoDelay, cfg.BaseDelay)
	assert.Equal(t, retry.DefaultMaxDelay, cfg.MaxDelay)
}
