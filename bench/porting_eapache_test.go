package bench_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	eapache "github.com/eapache/go-resiliency/breaker"
	"github.com/eapache/go-resiliency/deadline"
	"github.com/eapache/go-resiliency/retrier"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// viaRetrier runs a trail through theirs.
func viaRetrier(r *retrier.Retrier) func(context.Context, *trail) error {
	return func(ctx context.Context, tr *trail) error { return r.RunCtx(ctx, tr.ofCtx) }
}

var eapacheRetrierRows = map[string]func(*testing.T){
	"`retrier.New(retrier.ConstantBackoff(n, d), nil)`": func(t *testing.T) {
		const n, d = 4, time.Second
		ours, theirs := sameWay(t, n+1, nil, viaRetrier(retrier.New(retrier.ConstantBackoff(n, d), nil)),
			viaRetry(retry.Config{MaxAttempts: n + 1, Backoff: retry.Constant(d)}))
		assert.Equal(t, errDown, theirs.err, "the last error, bare")
		var gaveUp *retry.Error
		require.ErrorAs(t, ours.err, &gaveUp)
		assert.Equal(t, errDown, gaveUp.Last)
	},
	"`retrier.ExponentialBackoff(n, d)`": func(t *testing.T) {
		const n, d, limit = 6, time.Second, time.Hour
		sameWay(t, n+1, nil, viaRetrier(retrier.New(retrier.ExponentialBackoff(n, d), nil)),
			viaRetry(retry.Config{MaxAttempts: n + 1, BaseDelay: d, MaxDelay: limit}))
	},
	"`retrier.LimitedExponentialBackoff(n, d, limit)`": func(t *testing.T) {
		const n, d, limit = 6, time.Second, 8 * time.Second
		sameWay(t, n+1, nil, viaRetrier(retrier.New(retrier.LimitedExponentialBackoff(n, d, limit), nil)),
			viaRetry(retry.Config{MaxAttempts: n + 1, BaseDelay: d, MaxDelay: limit}))
	},
	"`retrier.New(delays, nil)`": func(t *testing.T) {
		delays := []time.Duration{time.Second, 5 * time.Second, 2 * time.Second, 0}
		sameWay(t, 5, nil, viaRetrier(retrier.New(delays, nil)),
			viaRetry(retry.Config{MaxAttempts: len(delays) + 1, Backoff: retry.Sequence(delays...)}))
		assert.Len(t, follow(t, nil, viaRetry(retry.Config{Backoff: retry.Sequence(delays...)})).at, 3, "3 attempts by default")
	},
	"`WithInfiniteRetry()`": func(t *testing.T) {
		sameWay(t, 50, succeedsAt(50), viaRetrier(retrier.New(retrier.ConstantBackoff(1, time.Second), nil).WithInfiniteRetry()),
			viaRetry(retry.Config{MaxAttempts: retry.Unlimited, Backoff: retry.Constant(time.Second)}))
	},
	"`retrier.WhitelistClassifier{errBusy}`": func(t *testing.T) {
		theirs := viaRetrier(retrier.New(retrier.ConstantBackoff(2, time.Second), retrier.WhitelistClassifier{errBusy}))
		ours := viaRetry(retry.Config{
			Backoff: retry.Constant(time.Second), RetryIf: func(err error) bool { return errors.Is(err, errBusy) },
		})
		sameWay(t, 3, returns(errBusy), theirs, ours)
		sameWay(t, 1, returns(errDown), theirs, ours)
	},
	"`retrier.BlacklistClassifier{errBad}`": func(t *testing.T) {
		theirs := viaRetrier(retrier.New(retrier.ConstantBackoff(2, time.Second), retrier.BlacklistClassifier{errBad}))
		ours := viaRetry(retry.Config{
			Backoff: retry.Constant(time.Second), RetryIf: func(err error) bool { return !errors.Is(err, errBad) },
		})
		sameWay(t, 3, returns(errBusy), theirs, ours)
		sameWay(t, 1, returns(errBad), theirs, ours)
	},
	"`SetJitter(f)`": func(t *testing.T) {
		const f, n = 0.3, 300
		r := retrier.New(retrier.ConstantBackoff(n, time.Second), nil)
		r.SetJitter(f)
		b := retry.Constant(time.Second)
		for _, w := range []way{
			follow(t, nil, viaRetrier(r)),
			follow(t, nil, viaRetry(retry.Config{MaxAttempts: n + 1, Backoff: b.Jittered(f)})),
		} {
			assert.GreaterOrEqual(t, slices.Min(w.gaps()), 700*time.Millisecond)
			assert.Less(t, slices.Min(w.gaps()), 750*time.Millisecond)
			assert.Greater(t, slices.Max(w.gaps()), 1250*time.Millisecond)
			assert.LessOrEqual(t, slices.Max(w.gaps()), 1300*time.Millisecond)
		}
	},
	"`r.RunCtx(ctx, fn)`, `WithSurfaceWorkErrors()`": func(t *testing.T) {
		leaves := func(run func(context.Context, *trail) error) way {
			return follow(t, nil, func(ctx context.Context, tr *trail) error {
				ctx, cancel := context.WithCancel(ctx)
				defer time.AfterFunc(1500*time.Millisecond, cancel).Stop()
				return run(ctx, tr)
			})
		}
		backoff := retrier.ConstantBackoff(4, time.Second)
		plain := leaves(func(ctx context.Context, tr *trail) error {
			r, fn := retrier.New(backoff, nil), tr.ofCtx
			return r.RunCtx(ctx, fn)
		})
		surfacing := leaves(viaRetrier(retrier.New(backoff, nil).WithSurfaceWorkErrors()))
		ours := leaves(func(ctx context.Context, tr *trail) error {
			cfg, fn := retry.Config{MaxAttempts: 5, Backoff: retry.Constant(time.Second)}, tr.fn
			_, err := retry.Do(ctx, cfg, fn)
			return err
		})
		assert.Equal(t, plain.at, ours.at)
		assert.Equal(t, plain.over, ours.over)
		assert.Equal(t, context.Canceled, plain.err)
		assert.Equal(t, errDown, surfacing.err)
		assert.ErrorIs(t, ours.err, context.Canceled)
		assert.ErrorIs(t, ours.err, errDown)
	},
}

// viaEapache runs functions through a breaker of theirs.
func viaEapache(b *eapache.Breaker) func(fn func() error) {
	return func(fn func() error) { _ = b.Run(fn) }
}

var eapacheBreakerRows = map[string]func(*testing.T){
	"`breaker.New(f, s, d)`": bubble(func(t *testing.T) {
		const f, s, d = 3, 2, 10 * time.Second
		row := breaker.Config{FailureThreshold: f, SuccessThreshold: s, RecoveryTimeout: d}
		theirs, ours := eapache.New(f, s, d), breaker.NewCircuit(row)
		assert.Equal(t, 3, refusedAt("FFFS", 0, viaEapache(theirs)))
		assert.Equal(t, 3, refusedAt("FFFS", 0, through(ours)))
		time.Sleep(d + 1)
		assert.Equal(t, 2, refusedAt("SF", 0, viaEapache(theirs)))
		assert.Equal(t, 2, refusedAt("SF", 0, through(ours)))
		assert.Equal(t, eapache.Open, theirs.GetState())
		assert.Equal(t, breaker.Open, ours.State())
		time.Sleep(d + 1)
		assert.Equal(t, 2, refusedAt("SS", 0, viaEapache(theirs)))
		assert.Equal(t, 2, refusedAt("SS", 0, through(ours)))
		assert.Equal(t, eapache.Closed, theirs.GetState())
		assert.Equal(t, breaker.Closed, ours.State())
	}),
	"its row of failures": bubble(func(t *testing.T) {
		const f, s, d = 3, 1, 10 * time.Second
		windowed := breaker.Config{Window: d, FailureThreshold: f, SuccessThreshold: s, RecoveryTimeout: d}
		assert.Equal(t, 5, refusedAt("FSFSFS", time.Second, viaEapache(eapache.New(f, s, d))), "a success does not end it")
		assert.Equal(t, 6, refusedAt("FSFSFS", time.Second, through(breaker.NewCircuit(breaker.Config{FailureThreshold: f}))))
		assert.Equal(t, 5, refusedAt("FSFSFS", time.Second, through(breaker.NewCircuit(windowed))))
		// Only d without a failure ends theirs: three in 12 s open it.
		assert.Equal(t, 3, refusedAt("FFFS", 6*time.Second, viaEapache(eapache.New(f, s, d))))
		assert.Equal(t, 4, refusedAt("FFFS", 6*time.Second, through(breaker.NewCircuit(windowed))))
		assert.Equal(t, 4, refusedAt("FFFS", 11*time.Second, viaEapache(eapache.New(f, s, d))))
	}),
	"its half-open state": bubble(func(t *testing.T) {
		const d = time.Second
		theirs := eapache.New(1, 1, d)
		ours := breaker.NewCircuit(breaker.Config{FailureThreshold: 1, RecoveryTimeout: d})
		viaEapache(theirs)(failing)
		through(ours)(failing)
		time.Sleep(d + 1)
		hold := make(chan struct{})
		assert.Equal(t, 5, admitted(5, func() bool { return theirs.Go(func() error { <-hold; return nil }) == nil }), "any number of probes")
		assert.Equal(t, 3, admitted(5, func() bool { _, err := ours.Acquire(); return err == nil }))
		close(hold)
	}),
	"`breaker.ErrBreakerOpen`": bubble(func(t *testing.T) {
		theirs, ours := eapache.New(1, 1, time.Second), breaker.NewCircuit(breaker.Config{FailureThreshold: 1})
		viaEapache(theirs)(failing)
		through(ours)(failing)
		assert.ErrorIs(t, theirs.Run(succeeding), eapache.ErrBreakerOpen)
		assert.ErrorIs(t, refusal(ours, succeeding), breaker.ErrOpen)
	}),
	"`deadline.New(d).Run(fn)`": func(t *testing.T) {
		const d = time.Second
		deaf := func() error { time.Sleep(3 * d); return errDown }
		var late error
		theirs := follow(t, nil, func(context.Context, *trail) error {
			fn := func(<-chan struct{}) error { return deaf() }
			return deadline.New(d).Run(fn)
		})
		ours := follow(t, nil, func(ctx context.Context, _ *trail) error {
			limit := policy.NewTimeout[T](policy.TimeoutConfig{After: d, Abandon: true}).
				WithOnLate(func(_ T, err error) { late = err })
			_, err := limit.Do(ctx, func(context.Context) (T, error) { return 0, deaf() })
			return err
		})
		assert.Equal(t, d, theirs.over)
		assert.Equal(t, d, ours.over)
		assert.ErrorIs(t, theirs.err, deadline.ErrTimedOut)
		assert.ErrorIs(t, ours.err, context.DeadlineExceeded)
		assert.Equal(t, errDown, late, "theirs loses it")
	},
}
