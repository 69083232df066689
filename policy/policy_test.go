package policy_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/policy"
)

var errDown = errors.New("down")

func fail(err error) policy.Func[int] {
	return func(context.Context) (int, error) { return 0, err }
}

func TestEndedMatchesErrAndCause(t *testing.T) {
	ctx, cancel := context.WithCancelCause(context.Background())
	require.NoError(t, policy.Ended(ctx))
	cancel(errDown)
	err := policy.Ended(ctx)
	assert.ErrorIs(t, err, context.Canceled)
	assert.ErrorIs(t, err, errDown)
}

func TestEndedIsThePlainErrorWithoutACause(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	assert.Equal(t, context.Canceled, policy.Ended(ctx))
}

func TestCallOfPanicsOnANilFunction(t *testing.T) {
	assert.PanicsWithValue(t, "policy: CallOf: fn is nil, want a function", func() { policy.CallOf[int](nil) })
}

func TestTheZeroOutcomeIsUndecided(t *testing.T) {
	var zero policy.Outcome
	assert.Equal(t, policy.Undecided, zero)
	assert.Equal(t, "undecided success failure ignored outcome(9)",
		zero.String()+" "+policy.Success.String()+" "+policy.Failure.String()+" "+policy.Ignored.String()+" "+policy.Outcome(9).String())
}

func TestFallbackReplacesAnError(t *testing.T) {
	v, err := policy.FallbackValue(7).Do(context.Background(), fail(errDown))
	require.NoError(t, err)
	assert.Equal(t, 7, v)
}

func TestFallbackLeavesASuccessUnchanged(t *testing.T) {
	v, err := policy.FallbackValue(7).Do(context.Background(), func(context.Context) (int, error) { return 1, nil })
	require.NoError(t, err)
	assert.Equal(t, 1, v)
}

func TestFallbackConditionSeesValues(t *testing.T) {
	f := policy.FallbackValue(7).WithCondition(func(v int, _ error) bool { return v < 0 })
	v, err := f.Do(context.Background(), func(context.Context) (int, error) { return -1, nil })
	require.NoError(t, err)
	assert.Equal(t, 7, v)
	_, err = f.Do(context.Background(), fail(errDown))
	assert.Equal(t, errDown, err)
}

func TestAFailedFallbackForAValueReturnsOnlyItsOwnError(t *testing.T) {
	f := policy.Fallback(func(context.Context, error) (int, error) { return 0, errDown }).WithCondition(func(int, error) bool { return true })
	_, err := f.Do(context.Background(), func(context.Context) (int, error) { return -1, nil })
	assert.Equal(t, errDown, err)
}

func TestAFailedFallbackMatchesBothErrors(t *testing.T) {
	errToo := errors.New("cache empty")
	f := policy.Fallback(func(context.Context, error) (int, error) { return 0, errToo })
	_, err := f.Do(context.Background(), fail(errDown))
	assert.ErrorIs(t, err, errDown)
	assert.ErrorIs(t, err, errToo)
}

func TestFallbackDoesNotRunAfterTheCallersCancel(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	_, err := policy.FallbackValue(7).Do(ctx, func(ctx context.Context) (int, error) {
		cancel()
		return 0, ctx.Err()
	})
	assert.ErrorIs(t, err, context.Canceled)
}

func TestFallbackGetsTheCallersContext(t *testing.T) {
	f := policy.Fallback(func(ctx context.Context, _ error) (int, error) { return 7, ctx.Err() })
	timeout := policy.Timeout[int](time.Nanosecond)
	v, err := f.Do(context.Background(), func(ctx context.Context) (int, error) {
		return timeout.Do(ctx, func(ctx context.Context) (int, error) {
			<-ctx.Done()
			return 0, ctx.Err()
		})
	})
	require.NoError(t, err)
	assert.Equal(t, 7, v)
}

func TestAnEndedContextRunsNothing(t *testing.T) {
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(errDown)
	for name, p := range map[string]policy.Policy[int]{
		"fallback": policy.FallbackValue(7),
		"timeout":  policy.Timeout[int](time.Second),
		"abandon":  policy.NewTimeout[int](policy.TimeoutConfig{After: time.Second, Abandon: true}),
	} {
		_, err := p.Execute(ctx, policy.CallOf(func(context.Context) (int, error) {
			t.Errorf("%s ran", name)
			return 1, nil
		}))
		assert.ErrorIs(t, err, context.Canceled, name)
		assert.ErrorIs(t, err, errDown, name)
	}
}

func TestEndedIsTheCauseIfItMatchesErrToo(t *testing.T) {
	ctx, cancel := context.WithCancelCause(context.Background())
	cause := fmt.Errorf("shutting down: %w", context.Canceled)
	cancel(cause)
	assert.Equal(t, cause, policy.Ended(ctx))
}

// hears returns o as the only listener, for all kinds, or none if o is nil.
func hears(o policy.Observer) []policy.Listener {
	if o == nil {
		return nil
	}
	return []policy.Listener{{Observe: o}}
}

func TestEachPriorityReadsAsItsName(t *testing.T) {
	var got []string
	for p := policy.Sheddable - 1; p <= policy.Critical+1; p++ {
		got = append(got, p.String())
	}
	assert.Equal(t, []string{"priority(-3)", "sheddable", "low", "normal", "high", "critical", "priority(3)"}, got)
	assert.Equal(t, "priority(-128) priority(127)", fmt.Sprint(policy.Priority(math.MinInt8), policy.Priority(math.MaxInt8)))
}

func TestContextsCarryPriorityAndSpeculation(t *testing.T) {
	ctx := t.Context()
	assert.Equal(t, policy.Normal, policy.PriorityOf(ctx))
	assert.Zero(t, policy.Normal)
	assert.Equal(t, policy.Critical, policy.PriorityOf(policy.WithPriority(ctx, policy.Critical)))
	assert.Equal(t, []policy.Priority{-2, -1, 0, 1, 2}, []policy.Priority{policy.Sheddable, policy.Low, policy.Normal, policy.High, policy.Critical})
	assert.False(t, policy.Speculative(ctx))
	assert.True(t, policy.Speculative(policy.WithSpeculative(ctx)))
}
