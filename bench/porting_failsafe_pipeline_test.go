package bench_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/circuitbreaker"
	"github.com/failsafe-go/failsafe-go/fallback"
	"github.com/failsafe-go/failsafe-go/retrypolicy"
	"github.com/failsafe-go/failsafe-go/timeout"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

var failsafePipelineRows = map[string]func(*testing.T){
	"`timeout.New[T](d)`": func(t *testing.T) {
		const d = time.Second
		late := func(int) error { time.Sleep(2 * d); return nil }
		theirs := follow(t, late, viaFailsafe(timeout.New[T](d)))
		ours := follow(t, late, func(ctx context.Context, tr *trail) error {
			_, err := policy.Timeout[T](d).Do(ctx, tr.fn)
			return err
		})
		assert.Equal(t, theirs.over, ours.over, "both wait for the function")
		assert.ErrorIs(t, theirs.err, timeout.ErrExceeded)
		assert.NoError(t, ours.err, "a late success is a success")
	},
	"`timeout.ErrExceeded`": func(t *testing.T) {
		const d = time.Second
		theirs := follow(t, nil, func(context.Context, *trail) error {
			return failsafe.With(timeout.New[T](d)).RunWithExecution(func(exec failsafe.Execution[T]) error {
				<-exec.Context().Done()
				return exec.Context().Err()
			})
		})
		ours := follow(t, nil, func(ctx context.Context, _ *trail) error {
			_, err := policy.Timeout[T](d).Do(ctx, func(ctx context.Context) (T, error) { <-ctx.Done(); return 0, ctx.Err() })
			return err
		})
		assert.Equal(t, d, theirs.over)
		assert.Equal(t, d, ours.over)
		assert.ErrorIs(t, theirs.err, timeout.ErrExceeded)
		assert.NotErrorIs(t, theirs.err, context.DeadlineExceeded)
		assert.ErrorIs(t, ours.err, context.DeadlineExceeded)
		var exceeded *policy.TimeoutError
		assert.ErrorAs(t, ours.err, &exceeded)
	},
	"`fallback.NewWithResult(v)`": func(t *testing.T) {
		const v = 7
		theirs, err := failsafe.With(fallback.NewWithResult(v)).Get(fail.value)
		require.NoError(t, err)
		ours, err := policy.FallbackValue(v).Do(t.Context(), fail.fn)
		require.NoError(t, err)
		assert.Equal(t, theirs, ours)
	},
	"`fallback.NewWithFunc`": func(t *testing.T) {
		var given, ourGiven error
		_, theirs := failsafe.With(fallback.NewWithFunc(func(exec failsafe.Execution[T]) (T, error) {
			given = exec.LastError()
			return 0, errBusy
		})).Get(fail.value)
		_, ours := policy.Fallback(func(_ context.Context, err error) (T, error) {
			ourGiven = err
			return 0, errBusy
		}).Do(t.Context(), fail.fn)
		assert.Equal(t, errDown, given)
		assert.Equal(t, errDown, ourGiven)
		assert.ErrorIs(t, theirs, errBusy)
		assert.NotErrorIs(t, theirs, errDown, "theirs loses the first error")
		assert.ErrorIs(t, ours, errBusy)
		assert.ErrorIs(t, ours, errDown)
	},
	"`failsafe.With(fallback, retry, breaker).GetWithExecution(fn)`": func(t *testing.T) {
		runTheirs := func(fallback, retry, breaker failsafe.Policy[T], fn func(exec failsafe.Execution[T]) (T, error)) (T, error) {
			return failsafe.With(fallback, retry, breaker).GetWithExecution(fn)
		}
		runOurs := func(ctx context.Context, fallback, retry, breaker policy.Policy[T], fn policy.Func[T]) (T, error) {
			return pipeline.New(fallback, retry, breaker).Do(ctx, fn)
		}
		for _, threshold := range []int{2, 5} {
			theirCalls, calls := 0, 0
			v, err := runTheirs(fallback.NewWithResult(7), retrypolicy.NewWithDefaults[T](),
				circuitbreaker.NewBuilder[T]().WithFailureThreshold(uint(threshold)).Build(),
				func(failsafe.Execution[T]) (T, error) { theirCalls++; return 0, errDown })
			require.NoError(t, err)
			ours, err := runOurs(t.Context(), policy.FallbackValue(7), retry.New[T](retry.Config{BaseDelay: retry.NoDelay}),
				breaker.New[T](breaker.NewCircuit(breaker.Config{FailureThreshold: threshold})),
				func(context.Context) (T, error) { calls++; return 0, errDown })
			require.NoError(t, err)
			assert.Equal(t, v, ours)
			assert.Equal(t, min(3, threshold), theirCalls)
			assert.Equal(t, theirCalls, calls)
		}
	},
	"`exec.Attempts()`, `exec.LastError()`": func(t *testing.T) {
		var theirs, ours []int
		_, _ = failsafe.With(retrypolicy.NewWithDefaults[T]()).GetWithExecution(func(exec failsafe.Execution[T]) (T, error) {
			theirs = append(theirs, exec.Attempts())
			assert.Equal(t, exec.Attempts() > 1, errors.Is(exec.LastError(), errDown))
			return 0, errDown
		})
		_, _ = retry.Do(t.Context(), retry.Config{BaseDelay: retry.NoDelay}, func(ctx context.Context) (T, error) {
			ours = append(ours, retry.Attempt(ctx))
			return 0, errDown
		})
		assert.Equal(t, []int{1, 2, 3}, theirs)
		assert.Equal(t, theirs, ours)
	},
}
