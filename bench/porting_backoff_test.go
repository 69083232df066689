package bench_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cenkalti/backoff/v7"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/retry"
)

// viaBackoff runs a trail through their Retry.
func viaBackoff(options ...backoff.RetryOption) func(context.Context, *trail) error {
	return func(ctx context.Context, tr *trail) error {
		_, err := backoff.Retry(ctx, tr.value, options...)
		return err
	}
}

// everySecond makes their delays constant.
func everySecond() backoff.RetryOption {
	return backoff.WithBackOff(backoff.NewConstantBackOff(time.Second))
}

var backoffRows = map[string]func(*testing.T){
	"`backoff.Retry(ctx, op)`": func(t *testing.T) {
		ctx, op := t.Context(), succeed.value
		v, err := backoff.Retry(ctx, op)
		require.NoError(t, err)
		w, err := retry.Do(ctx, retry.Config{
			MaxAttempts: retry.Unlimited, MaxElapsed: 15 * time.Minute, Multiplier: 1.5, MaxDelay: time.Minute, JitterFactor: 0.5,
		}, succeed.fn)
		require.NoError(t, err)
		assert.Equal(t, v, w)
		TestBackoffsRowsTryAsOften(t)
		TestDefaultsTryThreeTimesAndBackoffsForAQuarterOfAnHour(t)
	},
	"`op()`": func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		calls := 0
		op := func() (T, error) { calls++; return 0, errDown }
		_, _ = backoff.Retry(ctx, op)
		assert.Equal(t, 1, calls, "theirs runs once")
		_, err := retry.Do(ctx, retry.Config{}, func(context.Context) (T, error) { return op() })
		assert.Equal(t, 1, calls)
		assert.ErrorIs(t, err, context.Canceled)
		type key struct{}
		ctx = context.WithValue(t.Context(), key{}, "a value")
		_, _ = retry.Do(ctx, retry.Config{}, func(ctx context.Context) (T, error) {
			assert.Equal(t, "a value", ctx.Value(key{}))
			return 0, nil
		})
	},
	"`backoff.WithMaxTries(n)`": func(t *testing.T) {
		const n = 5
		sameWay(t, n, nil, viaBackoff(everySecond(), backoff.WithMaxTries(n)),
			viaRetry(retry.Config{MaxAttempts: n, Backoff: retry.Constant(time.Second)}))
	},
	"`backoff.WithMaxTries(0)`": func(t *testing.T) {
		sameWay(t, 100, succeedsAt(100), viaBackoff(everySecond(), backoff.WithMaxTries(0)),
			viaRetry(retry.Config{MaxAttempts: retry.Unlimited, Backoff: retry.Constant(time.Second)}))
		assert.Len(t, follow(t, nil, viaRetry(retry.Config{MaxAttempts: 0})).at, 3)
	},
	"`backoff.WithMaxElapsedTime(d)`": func(t *testing.T) {
		const d = 10 * time.Second
		ours, theirs := sameWay(t, 11, nil, viaBackoff(everySecond(), backoff.WithMaxElapsedTime(d)),
			viaRetry(retry.Config{MaxAttempts: retry.Unlimited, MaxElapsed: d, Backoff: retry.Constant(time.Second)}))
		assert.ErrorIs(t, theirs.err, backoff.ErrMaxElapsedTime)
		assert.ErrorIs(t, ours.err, retry.ErrElapsed)
		assert.Len(t, follow(t, nil, viaRetry(retry.Config{MaxElapsed: d})).at, 3, "MaxElapsed alone")
	},
	"`backoff.WithMaxElapsedTime(0)`": func(t *testing.T) {
		hour := func(n int) error {
			if time.Sleep(time.Hour); n == 5 {
				return nil
			}
			return errDown
		}
		sameWay(t, 5, hour, viaBackoff(everySecond(), backoff.WithMaxElapsedTime(0)),
			viaRetry(retry.Config{MaxAttempts: retry.Unlimited, MaxElapsed: 0, Backoff: retry.Constant(time.Second)}))
	},
	"`backoff.NewConstantBackOff(d)`": func(t *testing.T) {
		const d = 2 * time.Second
		sameWay(t, 3, nil, viaBackoff(backoff.WithBackOff(backoff.NewConstantBackOff(d)), backoff.WithMaxTries(3)),
			viaRetry(retry.Config{Backoff: retry.Constant(d)}))
	},
	"`backoff.ZeroBackOff`": func(t *testing.T) {
		sameWay(t, 3, nil, viaBackoff(backoff.WithBackOff(&backoff.ZeroBackOff{}), backoff.WithMaxTries(3)),
			viaRetry(retry.Config{BaseDelay: retry.NoDelay}))
	},
	"`backoff.StopBackOff`": func(t *testing.T) {
		ours, theirs := sameWay(t, 1, nil, viaBackoff(backoff.WithBackOff(&backoff.StopBackOff{})), viaRetry(retry.Config{MaxAttempts: 1}))
		assert.ErrorIs(t, theirs.err, backoff.ErrExhausted)
		assert.ErrorIs(t, ours.err, retry.ErrExhausted)
	},
	"a BackOff that returns `backoff.Stop`": func(t *testing.T) {
		stops := func(s retry.Step) time.Duration {
			if s.Attempt == 2 {
				return retry.Stop
			}
			return time.Second
		}
		ours, theirs := sameWay(t, 2, nil, viaBackoff(backoff.WithBackOff(&twice{})),
			viaRetry(retry.Config{MaxAttempts: retry.Unlimited, Backoff: stops}))
		assert.ErrorIs(t, theirs.err, backoff.ErrExhausted)
		assert.ErrorIs(t, ours.err, retry.ErrExhausted)
		negative := func(retry.Step) time.Duration { return backoff.Stop }
		assert.Len(t, follow(t, nil, viaRetry(retry.Config{Backoff: negative})).at, 3, "their Stop is a delay of 0 here")
	},
	"`backoff.WithNotify(fn)`": func(t *testing.T) {
		var theirs, ours []time.Duration
		fn := func(_ error, d time.Duration) { theirs = append(theirs, d) }
		sameWay(t, 3, nil,
			viaBackoff(everySecond(), backoff.WithMaxTries(3), backoff.WithNotify(fn)),
			viaRetry(retry.Config{Backoff: retry.Constant(time.Second), OnRetry: collect(&ours)}))
		assert.Equal(t, []time.Duration{time.Second, time.Second}, theirs)
		assert.Equal(t, theirs, ours)
	},
	"`backoff.Permanent(err)`": func(t *testing.T) {
		err := errBad
		theirs := follow(t, returns(backoff.Permanent(err)), viaBackoff())
		ours := follow(t, returns(retry.Permanent(err)), viaRetry(retry.Config{}))
		assert.Len(t, theirs.at, 1)
		assert.Len(t, ours.at, 1)
		assert.ErrorIs(t, theirs.err, backoff.ErrPermanent)
		var their *backoff.RetryError
		assert.ErrorAs(t, theirs.err, &their)
		assert.Equal(t, errBad, ours.err, "untouched")
	},
	"`backoff.RetryAfter(d, err)`": func(t *testing.T) {
		const d = 5 * time.Second
		err := errBusy
		their, our := returns(backoff.RetryAfter(d, err)), returns(retry.After(err, d))
		theirs := follow(t, their, viaBackoff(everySecond(), backoff.WithMaxTries(3)))
		ours := follow(t, our, viaRetry(retry.Config{Backoff: retry.Constant(time.Second)}))
		assert.Equal(t, theirs.at, ours.at)
		// Theirs replaces a longer delay, and so does Exactly.
		minute := backoff.WithBackOff(backoff.NewConstantBackOff(time.Minute))
		exactly := returns(retry.Exactly(err, d))
		theirs = follow(t, their, viaBackoff(minute, backoff.WithMaxTries(3)))
		assert.Equal(t, []time.Duration{d, d}, theirs.gaps())
		assert.Equal(t, theirs.gaps(), follow(t, exactly, viaRetry(retry.Config{Backoff: retry.Constant(time.Minute)})).gaps())
		assert.Equal(t, []time.Duration{time.Minute, time.Minute}, follow(t, our, viaRetry(retry.Config{Backoff: retry.Constant(time.Minute)})).gaps())
		assert.ErrorIs(t, follow(t, our, viaRetry(retry.Config{MaxRetryAfter: time.Second})).err, retry.ErrRetryAfter)
	},
	"`backoff.ErrExhausted`, `backoff.ErrMaxElapsedTime`": func(t *testing.T) {
		ours, theirs := sameWay(t, 3, nil, viaBackoff(everySecond(), backoff.WithMaxTries(3)),
			viaRetry(retry.Config{Backoff: retry.Constant(time.Second)}))
		assert.ErrorIs(t, theirs.err, backoff.ErrExhausted)
		assert.ErrorIs(t, ours.err, retry.ErrExhausted)
		ours, theirs = sameWay(t, 3, nil, viaBackoff(everySecond(), backoff.WithMaxElapsedTime(2*time.Second)),
			viaRetry(retry.Config{MaxAttempts: retry.Unlimited, Backoff: retry.Constant(time.Second), MaxElapsed: 2 * time.Second}))
		assert.ErrorIs(t, theirs.err, backoff.ErrMaxElapsedTime)
		assert.ErrorIs(t, ours.err, retry.ErrElapsed)
	},
	"`backoff.AsRetryError(err)`, its `Cause` and `LastErr`": func(t *testing.T) {
		ours, theirs := sameWay(t, 3, nil, viaBackoff(everySecond(), backoff.WithMaxTries(3)),
			viaRetry(retry.Config{Backoff: retry.Constant(time.Second)}))
		err := theirs.err
		their := backoff.AsRetryError(err)
		require.NotNil(t, their)
		var gaveUp *retry.Error
		require.True(t, errors.As(ours.err, &gaveUp))
		assert.Equal(t, backoff.ErrExhausted, their.Cause)
		assert.Equal(t, retry.ErrExhausted, gaveUp.Reason)
		assert.Equal(t, their.LastErr, gaveUp.Last)
	},
	"`backoff.NewTicker(b)`": func(t *testing.T) {
		ticked := func(_ context.Context, tr *trail) error {
			b := backoff.NewConstantBackOff(time.Second)
			ticker := backoff.NewTicker(b)
			defer ticker.Stop()
			for range ticker.C {
				if err := tr.call(); err == nil {
					return nil
				}
				synctest.Wait()
			}
			return errDown
		}
		ours := func(ctx context.Context, tr *trail) error {
			cfg := retry.Config{MaxAttempts: retry.Unlimited, Backoff: retry.Constant(time.Second)}
			fn := tr.fn
			_, err := retry.Do(ctx, cfg, fn)
			return err
		}
		sameWay(t, 4, succeedsAt(4), ticked, ours)
		slow := func(n int) error { time.Sleep(700 * time.Millisecond); return succeedsAt(4)(n) }
		assert.Equal(t, time.Second, follow(t, slow, ticked).gaps()[0], "theirs ticks from the beginning of a call")
		assert.Equal(t, 1700*time.Millisecond, follow(t, slow, ours).gaps()[0])
	},
}

// twice is a BackOff of theirs that stops after two attempts.
type twice struct{ asked int }

func (b *twice) Reset() { b.asked = 0 }
func (b *twice) NextBackOff() time.Duration {
	if b.asked++; b.asked == 2 {
		return backoff.Stop
	}
	return time.Second
}
