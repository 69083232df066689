package bench_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	sethvargo "github.com/sethvargo/go-retry"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/retry"
)

// viaSethvargo runs a trail through theirs, every error marked as retryable. b is made
// for each run: it keeps what it has counted.
func viaSethvargo(b func() sethvargo.Backoff) func(context.Context, *trail) error {
	return func(ctx context.Context, tr *trail) error {
		return sethvargo.Do(ctx, b(), func(context.Context) error { return sethvargo.RetryableError(tr.call()) })
	}
}

// viaOurs runs a trail through a retry of ours with b and no limit.
func viaOurs(b retry.Backoff) func(context.Context, *trail) error {
	return viaRetry(retry.Config{MaxAttempts: retry.Unlimited, Backoff: b})
}

var sethvargoRows = map[string]func(*testing.T){
	"`retry.Do(ctx, b, fn)`, `retry.DoValue(ctx, b, fn)`": func(t *testing.T) {
		ours := func(ctx context.Context, tr *trail) error {
			b, fn := retry.Constant(time.Second), tr.fn
			_, err := retry.Do(ctx, retry.Config{MaxAttempts: retry.Unlimited, Backoff: b}, fn)
			return err
		}
		sameWay(t, 50, succeedsAt(50), func(ctx context.Context, tr *trail) error {
			b := sethvargo.NewConstant(time.Second)
			fn := func(context.Context) error { return sethvargo.RetryableError(tr.call()) }
			return sethvargo.Do(ctx, b, fn)
		}, ours)
		sameWay(t, 50, succeedsAt(50), func(ctx context.Context, tr *trail) error {
			b := sethvargo.NewConstant(time.Second)
			fn := func(context.Context) (T, error) { return 0, sethvargo.RetryableError(tr.call()) }
			_, err := sethvargo.DoValue(ctx, b, fn)
			return err
		}, ours)
		assert.Len(t, follow(t, nil, viaRetry(retry.Config{Backoff: retry.Constant(time.Second)})).at, 3, "3 attempts by default")
	},
	"`retry.RetryableError(err)`": func(t *testing.T) {
		theirs := func(ctx context.Context, tr *trail) error {
			return sethvargo.Do(ctx, sethvargo.WithMaxRetries(2, sethvargo.NewConstant(time.Second)), func(context.Context) error {
				err := tr.call()
				if errors.Is(err, errBusy) {
					return sethvargo.RetryableError(err)
				}
				return err
			})
		}
		named := viaRetry(retry.Config{
			Backoff: retry.Constant(time.Second), RetryIf: func(err error) bool { return errors.Is(err, errBusy) },
		})
		sameWay(t, 3, returns(errBusy), theirs, named)
		ours, their := sameWay(t, 1, returns(errDown), theirs, named)
		assert.Equal(t, their.err, ours.err)
		assert.Len(t, follow(t, returns(errDown), viaRetry(retry.Config{})).at, 3, "a plain error is retried here")
		assert.Len(t, follow(t, returns(retry.Permanent(errDown)), viaRetry(retry.Config{})).at, 1)
	},
	"`retry.NewConstant(d)`": func(t *testing.T) {
		const d = time.Second
		sameWay(t, 9, succeedsAt(9), viaSethvargo(func() sethvargo.Backoff { return sethvargo.NewConstant(d) }),
			viaOurs(retry.Constant(d)))
	},
	"`retry.NewExponential(d)`": func(t *testing.T) {
		const d, limit = time.Second, time.Hour
		sameWay(t, 9, succeedsAt(9), viaSethvargo(func() sethvargo.Backoff { return sethvargo.NewExponential(d) }),
			viaOurs(retry.Exponential(d, limit, 2)))
	},
	"`retry.NewFibonacci(d)`": func(t *testing.T) {
		const d, limit = time.Second, time.Hour
		theirs := viaSethvargo(func() sethvargo.Backoff { return sethvargo.NewFibonacci(d) })
		assert.Equal(t, []time.Duration{d, 2 * d, 3 * d, 5 * d, 8 * d}, follow(t, succeedsAt(6), theirs).gaps())
		assert.Equal(t, []time.Duration{d, d, 2 * d, 3 * d, 5 * d}, follow(t, succeedsAt(6), viaOurs(retry.Fibonacci(d, limit))).gaps())
		ahead := func(s retry.Step) time.Duration { s.Attempt++; return retry.Fibonacci(d, limit)(s) }
		sameWay(t, 9, succeedsAt(9), theirs, viaOurs(ahead))
	},
	"`retry.WithMaxRetries(n, b)`": func(t *testing.T) {
		const n = 4
		theirs := func() sethvargo.Backoff {
			b := sethvargo.NewConstant(time.Second)
			return sethvargo.WithMaxRetries(n, b)
		}
		b := retry.Constant(time.Second)
		sameWay(t, n+1, nil, viaSethvargo(theirs), viaRetry(retry.Config{MaxAttempts: n + 1, Backoff: b}))
		sameWay(t, n+1, nil, viaSethvargo(theirs), viaOurs(b.Limited(n+1)))
		used := theirs()
		again := viaSethvargo(func() sethvargo.Backoff { return used })
		assert.Len(t, follow(t, nil, again).at, n+1)
		assert.Len(t, follow(t, nil, again).at, 1, "theirs is used up by the first call")
		limited := viaOurs(b.Limited(n + 1))
		assert.Len(t, follow(t, nil, limited).at, n+1)
		assert.Len(t, follow(t, nil, limited).at, n+1)
	},
	"`retry.WithCappedDuration(m, b)`": func(t *testing.T) {
		const m = 5 * time.Second
		b := retry.Exponential(time.Second, time.Hour, 2)
		sameWay(t, 9, succeedsAt(9),
			viaSethvargo(func() sethvargo.Backoff {
				b := sethvargo.NewExponential(time.Second)
				return sethvargo.WithCappedDuration(m, b)
			}),
			viaOurs(b.Capped(m)))
	},
	"`retry.WithMaxDuration(d, b)`": func(t *testing.T) {
		const d = 5 * time.Second
		theirs := follow(t, nil, viaSethvargo(func() sethvargo.Backoff {
			b := sethvargo.NewExponential(time.Second)
			return sethvargo.WithMaxDuration(d, b)
		}))
		ours := follow(t, nil, viaRetry(retry.Config{
			MaxAttempts: retry.Unlimited, Backoff: retry.Exponential(time.Second, time.Hour, 2), MaxElapsed: d,
		}))
		assert.Equal(t, []time.Duration{time.Second, 2 * time.Second, 2 * time.Second}, theirs.gaps(), "theirs cuts the last delay")
		assert.Equal(t, []time.Duration{time.Second, 2 * time.Second}, ours.gaps())
		assert.ErrorIs(t, ours.err, retry.ErrElapsed)
	},
	"`retry.WithJitterPercent(p, b)`": func(t *testing.T) {
		const p, n = 20, 300
		b := retry.Constant(time.Second)
		theirs := follow(t, succeedsAt(n), viaSethvargo(func() sethvargo.Backoff {
			b := sethvargo.NewConstant(time.Second)
			return sethvargo.WithJitterPercent(p, b)
		}))
		ours := follow(t, succeedsAt(n), viaOurs(b.Jittered(float64(p)/100)))
		for _, w := range []way{theirs, ours} {
			assert.GreaterOrEqual(t, slices.Min(w.gaps()), 800*time.Millisecond)
			assert.Less(t, slices.Min(w.gaps()), 850*time.Millisecond)
			assert.Greater(t, slices.Max(w.gaps()), 1150*time.Millisecond)
			assert.LessOrEqual(t, slices.Max(w.gaps()), 1200*time.Millisecond)
		}
	},
	"`retry.WithFullJitter(retry.NewExponential(d))`": func(t *testing.T) {
		const d, limit, n = time.Second, time.Hour, 10
		theirs := func() sethvargo.Backoff { return sethvargo.WithFullJitter(sethvargo.NewExponential(d)) }
		for range 50 {
			for _, w := range []way{
				follow(t, succeedsAt(n), viaSethvargo(theirs)),
				follow(t, succeedsAt(n), viaOurs(retry.FullJitter(d, limit))),
			} {
				for i, delay := range w.gaps() {
					assert.LessOrEqual(t, delay, d<<i)
				}
			}
		}
	},
	"`retry.BackoffFunc` that returns `0, true`": func(t *testing.T) {
		stops := func() sethvargo.Backoff {
			return sethvargo.BackoffFunc(func() (time.Duration, bool) { return 0, true })
		}
		ours, theirs := sameWay(t, 1, nil, viaSethvargo(stops), viaOurs(func(retry.Step) time.Duration { return retry.Stop }))
		assert.Equal(t, errDown, theirs.err, "the last error, bare")
		var gaveUp *retry.Error
		require.ErrorAs(t, ours.err, &gaveUp)
		assert.Equal(t, errDown, gaveUp.Last)
	},
	"a context that ends": func(t *testing.T) {
		leaves := func(run func(context.Context, *trail) error) way {
			return follow(t, nil, func(ctx context.Context, tr *trail) error {
				ctx, cancel := context.WithCancel(ctx)
				defer time.AfterFunc(1500*time.Millisecond, cancel).Stop()
				return run(ctx, tr)
			})
		}
		theirs := leaves(viaSethvargo(func() sethvargo.Backoff { return sethvargo.NewConstant(time.Second) }))
		ours := leaves(viaOurs(retry.Constant(time.Second)))
		assert.Equal(t, theirs.at, ours.at)
		assert.Equal(t, theirs.over, ours.over)
		assert.Equal(t, context.Canceled, theirs.err, "theirs loses the last error")
		assert.ErrorIs(t, ours.err, context.Canceled)
		assert.ErrorIs(t, ours.err, errDown)
	},
}
