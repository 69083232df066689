package bench_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/circuitbreaker"
	"github.com/failsafe-go/failsafe-go/retrypolicy"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// viaFailsafe runs a trail through a policy of theirs.
func viaFailsafe(policies ...failsafe.Policy[T]) func(context.Context, *trail) error {
	return func(ctx context.Context, tr *trail) error {
		_, err := failsafe.With(policies...).WithContext(ctx).Get(tr.value)
		return err
	}
}

// viaRetry runs a trail through a retry of ours, without jitter.
func viaRetry(cfg retry.Config) func(context.Context, *trail) error {
	cfg.JitterFactor = retry.NoJitter
	return func(ctx context.Context, tr *trail) error {
		_, err := retry.Do(ctx, cfg, tr.fn)
		return err
	}
}

var failsafeRetryRows = map[string]func(*testing.T){
	"`retrypolicy.NewBuilder[T]().WithBackoff(d, limit).WithMaxRetries(n)`": func(t *testing.T) {
		const d, limit, n = time.Second, 3 * time.Second, 4
		ours, _ := sameWay(t, n+1, nil,
			viaFailsafe(retrypolicy.NewBuilder[T]().WithBackoff(d, limit).WithMaxRetries(n).Build()),
			viaRetry(retry.Config{BaseDelay: d, MaxDelay: limit, MaxAttempts: n + 1}))
		assert.Equal(t, []time.Duration{d, 2 * d, limit, limit}, ours.gaps())
	},
	"`WithMaxRetries(-1)`": func(t *testing.T) {
		sameWay(t, 50, succeedsAt(50),
			viaFailsafe(retrypolicy.NewBuilder[T]().WithMaxRetries(-1).WithDelay(time.Second).Build()),
			viaRetry(retry.Config{MaxAttempts: retry.Unlimited, Backoff: retry.Constant(time.Second)}))
		assert.Len(t, follow(t, nil, viaRetry(retry.Config{MaxAttempts: -1 + 1})).at, 3)
	},
	"retry: `WithDelay(d)`": func(t *testing.T) {
		const d = time.Second
		sameWay(t, 3, nil,
			viaFailsafe(retrypolicy.NewBuilder[T]().WithDelay(d).Build()),
			viaRetry(retry.Config{Backoff: retry.Constant(d)}))
	},
	"retry: `WithDelay(0)`, or none": func(t *testing.T) {
		sameWay(t, 3, nil,
			viaFailsafe(retrypolicy.NewBuilder[T]().WithDelay(0).Build()),
			viaRetry(retry.Config{BaseDelay: retry.NoDelay}))
		sameWay(t, 3, nil, viaFailsafe(retrypolicy.NewWithDefaults[T]()), viaRetry(retry.Config{BaseDelay: retry.NoDelay}))
		assert.Equal(t, []time.Duration{500 * time.Millisecond, time.Second},
			follow(t, nil, viaRetry(retry.Config{BaseDelay: 0})).gaps())
	},
	"`WithRandomDelay(low, high)`": func(t *testing.T) {
		const low, high, n = time.Second, 3 * time.Second, 200
		theirs := follow(t, nil, viaFailsafe(retrypolicy.NewBuilder[T]().WithRandomDelay(low, high).WithMaxRetries(n).Build()))
		ours := follow(t, nil, viaRetry(retry.Config{
			MaxAttempts: n + 1, Backoff: retry.Constant((low + high) / 2).Jittered(float64(high-low) / float64(high+low)),
		}))
		for _, w := range []way{theirs, ours} {
			assert.GreaterOrEqual(t, slices.Min(w.gaps()), low)
			assert.LessOrEqual(t, slices.Max(w.gaps()), high)
			assert.Greater(t, slices.Max(w.gaps())-slices.Min(w.gaps()), (high-low)/2)
		}
	},
	"retry: `WithJitterFactor(f)`": func(t *testing.T) {
		const f, d, n = 0.5, time.Second, 200
		theirs := follow(t, nil, viaFailsafe(retrypolicy.NewBuilder[T]().WithBackoff(d, d).WithJitterFactor(f).WithMaxRetries(n).Build()))
		ours := follow(t, nil, func(ctx context.Context, tr *trail) error {
			_, err := retry.Do(ctx, retry.Config{BaseDelay: d, MaxDelay: d, JitterFactor: f, MaxAttempts: n + 1}, tr.fn)
			return err
		})
		assert.Greater(t, slices.Max(theirs.gaps()), d, "of 200 delays")
		assert.LessOrEqual(t, slices.Max(ours.gaps()), d)
		for _, w := range []way{theirs, ours} {
			assert.Less(t, slices.Min(w.gaps()), 3*d/4)
			assert.GreaterOrEqual(t, slices.Min(w.gaps()), d/2)
		}
	},
	"`WithMaxDuration(d)`": func(t *testing.T) {
		const d = 5 * time.Second
		slow := func(int) error { time.Sleep(time.Millisecond); return errDown }
		theirs := follow(t, slow, viaFailsafe(retrypolicy.NewBuilder[T]().
			WithMaxRetries(-1).WithBackoff(time.Second, time.Minute).WithMaxDuration(d).Build()))
		ours := follow(t, slow, viaRetry(retry.Config{MaxAttempts: retry.Unlimited, BaseDelay: time.Second, MaxElapsed: d}))
		assert.Len(t, ours.at, 3, "the delay of 4 s does not fit, and is not begun")
		assert.Less(t, ours.over, d)
		assert.Equal(t, ours.at, theirs.at[:3])
		assert.Equal(t, d, theirs.at[3], "theirs is cut to fit")
		assert.ErrorIs(t, ours.err, retry.ErrElapsed)
		assert.ErrorIs(t, theirs.err, retrypolicy.ErrExceeded)
	},
	"retry: `HandleIf(match)`": func(t *testing.T) {
		match := func(v T, err error) bool { return v < 0 || errors.Is(err, errBusy) }
		for _, end := range []struct {
			v     T
			err   error
			calls int
		}{{-1, nil, 3}, {1, nil, 1}, {0, errBusy, 3}, {0, errDown, 1}} {
			theirs, ours := 0, 0
			_, _ = failsafe.With(retrypolicy.NewBuilder[T]().HandleIf(match).Build()).
				Get(func() (T, error) { theirs++; return end.v, end.err })
			_, _ = retry.New[T](retry.Config{BaseDelay: retry.NoDelay}).WithCondition(match).
				Do(t.Context(), func(context.Context) (T, error) { ours++; return end.v, end.err })
			assert.Equal(t, end.calls, theirs)
			assert.Equal(t, end.calls, ours)
		}
	},
	"retry: `HandleErrors(errBusy)`": func(t *testing.T) {
		theirs := viaFailsafe(retrypolicy.NewBuilder[T]().HandleErrors(errBusy).Build())
		ours := viaRetry(retry.Config{BaseDelay: retry.NoDelay, RetryIf: func(err error) bool { return errors.Is(err, errBusy) }})
		sameWay(t, 3, returns(errBusy), theirs, ours)
		sameWay(t, 1, returns(errDown), theirs, ours)
	},
	"`AbortOnErrors(errBad)`": func(t *testing.T) {
		theirs := follow(t, returns(errBad), viaFailsafe(retrypolicy.NewBuilder[T]().AbortOnErrors(errBad).Build()))
		ours := follow(t, returns(retry.Permanent(errBad)), viaRetry(retry.Config{}))
		assert.Len(t, theirs.at, 1)
		assert.Len(t, ours.at, 1)
		assert.Equal(t, errBad, theirs.err)
		assert.Equal(t, errBad, ours.err)
		ours = follow(t, returns(errBad), func(ctx context.Context, tr *trail) error {
			_, err := retry.New[T](retry.Config{}).WithCondition(func(_ T, err error) bool {
				return err != nil && !errors.Is(err, errBad)
			}).Do(ctx, tr.fn)
			return err
		})
		assert.Len(t, ours.at, 1)
		assert.Equal(t, errBad, ours.err)
	},
	"a retry around `circuitbreaker.ErrOpen`": func(t *testing.T) {
		const d = 20 * time.Second
		theirs := follow(t, nil, func(ctx context.Context, tr *trail) error {
			cb := circuitbreaker.NewBuilder[T]().WithDelay(d).Build()
			cb.Open()
			return viaFailsafe(retrypolicy.NewBuilder[T]().WithDelay(time.Second).Build(), cb)(ctx, tr)
		})
		assert.Equal(t, 2*time.Second, theirs.over, "all attempts are spent")
		assert.ErrorIs(t, theirs.err, circuitbreaker.ErrOpen)
		assert.ErrorIs(t, theirs.err, retrypolicy.ErrExceeded)
		ours := func(cfg retry.Config) way {
			return follow(t, succeedsAt(1), func(ctx context.Context, tr *trail) error {
				cfg.JitterFactor = retry.NoJitter
				circuit := breaker.NewCircuit(breaker.Config{})
				circuit.Trip(d, "")
				_, err := pipeline.New(retry.New[T](cfg), breaker.New[T](circuit)).Do(ctx, tr.fn)
				return err
			})
		}
		w := ours(retry.Config{})
		assert.Zero(t, w.over, "no delay is begun")
		assert.ErrorIs(t, w.err, breaker.ErrOpen)
		assert.NotErrorIs(t, w.err, retry.ErrGaveUp)
		w = ours(retry.Config{RetryRejected: true})
		require.NoError(t, w.err)
		assert.Equal(t, []time.Duration{d}, w.at, "it waits for the circuit")
	},
}

var failsafeErrorRows = map[string]func(*testing.T){
	"`ReturnLastFailure()`": func(t *testing.T) {
		ours, theirs := sameWay(t, 3, nil,
			viaFailsafe(retrypolicy.NewBuilder[T]().ReturnLastFailure().Build()),
			viaRetry(retry.Config{BaseDelay: retry.NoDelay}))
		assert.Equal(t, errDown, theirs.err)
		var gaveUp *retry.Error
		require.ErrorAs(t, ours.err, &gaveUp)
		assert.Equal(t, errDown, gaveUp.Last)
	},
	"`retrypolicy.ErrExceeded`": func(t *testing.T) {
		ours, theirs := sameWay(t, 3, nil,
			viaFailsafe(retrypolicy.NewBuilder[T]().Build()), viaRetry(retry.Config{BaseDelay: retry.NoDelay}))
		assert.ErrorIs(t, theirs.err, retrypolicy.ErrExceeded)
		assert.ErrorIs(t, ours.err, retry.ErrGaveUp)
		assert.ErrorIs(t, ours.err, retry.ErrExhausted)
	},
	"`retrypolicy.ExceededError`, its `LastError` and `LastResult`": func(t *testing.T) {
		v, err := failsafe.With(retrypolicy.NewBuilder[T]().HandleResult(7).Build()).Get(func() (T, error) { return 7, nil })
		var exceeded retrypolicy.ExceededError
		require.ErrorAs(t, err, &exceeded)
		assert.Equal(t, 7, exceeded.LastResult)
		assert.Zero(t, v, "theirs is in the error alone")
		v, err = retry.New[T](retry.Config{BaseDelay: retry.NoDelay}).
			WithCondition(func(v T, _ error) bool { return v == 7 }).
			Do(t.Context(), func(context.Context) (T, error) { return 7, nil })
		var gaveUp *retry.Error
		require.ErrorAs(t, err, &gaveUp)
		assert.Equal(t, 7, v)
		assert.NoError(t, gaveUp.Last)

		ours, theirs := sameWay(t, 3, nil,
			viaFailsafe(retrypolicy.NewBuilder[T]().Build()), viaRetry(retry.Config{BaseDelay: retry.NoDelay}))
		require.ErrorAs(t, theirs.err, &exceeded)
		require.ErrorAs(t, ours.err, &gaveUp)
		assert.Equal(t, exceeded.LastError, gaveUp.Last)
	},
	"`OnRetryScheduled`": func(t *testing.T) {
		var theirs, ours []time.Duration
		sameWay(t, 3, nil,
			viaFailsafe(retrypolicy.NewBuilder[T]().WithBackoff(time.Second, time.Minute).
				OnRetryScheduled(func(e failsafe.ExecutionScheduledEvent[T]) { theirs = append(theirs, e.Delay) }).Build()),
			viaRetry(retry.Config{
				BaseDelay: time.Second,
				OnRetry:   func(_ context.Context, e policy.Event) { ours = append(ours, e.Delay) },
			}))
		assert.Equal(t, []time.Duration{time.Second, 2 * time.Second}, theirs)
		assert.Equal(t, theirs, ours)
	},
	"retry: `OnRetry`": func(t *testing.T) {
		var theirs, ours []time.Duration
		follow(t, nil, func(ctx context.Context, tr *trail) error {
			return viaFailsafe(retrypolicy.NewBuilder[T]().WithDelay(time.Second).
				OnRetry(func(failsafe.ExecutionEvent[T]) { theirs = append(theirs, time.Since(tr.begun)) }).Build())(ctx, tr)
		})
		follow(t, nil, func(ctx context.Context, tr *trail) error {
			cfg := retry.Config{Backoff: retry.Constant(time.Second)}
			_, err := retry.Do(ctx, cfg, func(ctx context.Context) (T, error) {
				if retry.Attempt(ctx) > 1 {
					ours = append(ours, time.Since(tr.begun))
				}
				return tr.fn(ctx)
			})
			return err
		})
		assert.Equal(t, []time.Duration{time.Second, 2 * time.Second}, theirs, "after the delays")
		assert.Equal(t, theirs, ours)
	},
	"`OnRetriesExceeded`": func(t *testing.T) {
		theirs, ours := 0, 0
		for _, end := range []func(int) error{returns(errDown), succeedsAt(2)} {
			follow(t, end, viaFailsafe(retrypolicy.NewBuilder[T]().
				OnRetriesExceeded(func(failsafe.ExecutionEvent[T]) { theirs++ }).Build()))
			follow(t, end, func(ctx context.Context, tr *trail) error {
				p := pipeline.New(retry.New[T](retry.Config{})).
					WithObserver(func(context.Context, policy.Event) { ours++ }, policy.GaveUp)
				_, err := p.Do(ctx, tr.fn)
				return err
			})
		}
		assert.Equal(t, 1, theirs)
		assert.Equal(t, 1, ours)
	},
}
