package bench_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	retrygo "github.com/avast/retry-go/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// viaRetryGo runs a trail through theirs, without jitter.
func viaRetryGo(options ...retrygo.Option) func(context.Context, *trail) error {
	options = append([]retrygo.Option{retrygo.DelayType(retrygo.BackOffDelay)}, options...)
	return func(ctx context.Context, tr *trail) error {
		return retrygo.New(append(options, retrygo.Context(ctx))...).Do(tr.plain)
	}
}

var retryGoRows = map[string]func(*testing.T){
	"`retry.NewWithData[T](retry.Attempts(n), retry.Delay(d), retry.MaxDelay(m)).Do(fn)`": func(t *testing.T) {
		const n, d, m = 5, time.Second, 3 * time.Second
		theirs := func(_ context.Context, tr *trail) error {
			fn := tr.value
			_, err := retrygo.NewWithData[T](retrygo.Attempts(n), retrygo.Delay(d), retrygo.MaxDelay(m)).Do(fn)
			return err
		}
		ours := func(ctx context.Context, tr *trail) error {
			fn := policy.Func[T](tr.fn)
			_, err := retry.New[T](retry.Config{MaxAttempts: n, BaseDelay: d, MaxDelay: m}).Do(ctx, fn)
			return err
		}
		a, b := follow(t, nil, theirs), follow(t, nil, ours)
		assert.Len(t, a.at, n)
		assert.Len(t, b.at, n)
		for i, delay := range []time.Duration{d, 2 * d, m, m} {
			assert.LessOrEqual(t, a.gaps()[i], min(m, delay+100*time.Millisecond), "theirs adds up to 100 ms")
			assert.GreaterOrEqual(t, a.gaps()[i], delay)
			assert.InDelta(t, delay, b.gaps()[i], float64(delay)/10)
			assert.LessOrEqual(t, b.gaps()[i], m)
		}
		sameWay(t, n, nil, viaRetryGo(retrygo.Attempts(n), retrygo.Delay(d), retrygo.MaxDelay(m)),
			viaRetry(retry.Config{MaxAttempts: n, BaseDelay: d, MaxDelay: m}))
		assert.Len(t, follow(t, nil, viaRetryGo()).at, 10, "by default")
		assert.Len(t, follow(t, nil, viaRetry(retry.Config{})).at, 3)
	},
	"`retry.Attempts(0)`, `retry.UntilSucceeded()`": func(t *testing.T) {
		ours := viaRetry(retry.Config{MaxAttempts: retry.Unlimited, Backoff: retry.Constant(time.Second)})
		for _, unlimited := range []retrygo.Option{retrygo.Attempts(0), retrygo.UntilSucceeded()} {
			sameWay(t, 100, succeedsAt(100),
				viaRetryGo(unlimited, retrygo.DelayType(retrygo.FixedDelay), retrygo.Delay(time.Second)), ours)
		}
		assert.Len(t, follow(t, nil, viaRetry(retry.Config{MaxAttempts: 0})).at, 3)
	},
	"`retry.Delay(0)`": func(t *testing.T) {
		sameWay(t, 3, nil, viaRetryGo(retrygo.Attempts(3), retrygo.Delay(0)), viaRetry(retry.Config{BaseDelay: retry.NoDelay}))
		assert.Equal(t, 500*time.Millisecond, follow(t, nil, viaRetry(retry.Config{BaseDelay: 0})).gaps()[0])
	},
	"`retry.Delay(d)` longer than `retry.MaxDelay(m)`": func(t *testing.T) {
		const d, m = 5 * time.Second, 2 * time.Second
		require.ErrorContains(t, retry.Config{BaseDelay: d, MaxDelay: m}.Validate(), "BaseDelay is 5s")
		sameWay(t, 3, nil, viaRetryGo(retrygo.Attempts(3), retrygo.Delay(d), retrygo.MaxDelay(m)),
			viaRetry(retry.Config{BaseDelay: m, MaxDelay: m}))
	},
	"`retry.DelayType(retry.FixedDelay)`": func(t *testing.T) {
		const d = time.Second
		sameWay(t, 3, nil, viaRetryGo(retrygo.Attempts(3), retrygo.Delay(d), retrygo.DelayType(retrygo.FixedDelay)),
			viaRetry(retry.Config{Backoff: retry.Constant(d)}))
	},
	"`retry.DelayType(retry.FullJitterBackoffDelay)`": func(t *testing.T) {
		const d, m, n = time.Second, 4 * time.Second, 400
		theirs := follow(t, nil, viaRetryGo(retrygo.Attempts(n), retrygo.Delay(d), retrygo.MaxDelay(m),
			retrygo.DelayType(retrygo.FullJitterBackoffDelay)))
		ours := follow(t, nil, viaRetry(retry.Config{MaxAttempts: n, Backoff: retry.FullJitter(2*d, m)}))
		for _, w := range []way{theirs, ours} {
			assert.Less(t, slices.Min(w.gaps()), m/20)
			assert.Greater(t, slices.Max(w.gaps()), m-m/20)
			assert.LessOrEqual(t, slices.Max(w.gaps()), m)
		}
		longest := time.Duration(0)
		for range 200 {
			w := follow(t, nil, viaRetryGo(retrygo.Attempts(2), retrygo.Delay(d), retrygo.DelayType(retrygo.FullJitterBackoffDelay)))
			longest = max(longest, w.gaps()[0])
		}
		assert.Greater(t, longest, d, "theirs begins at up to 2*d")
		assert.LessOrEqual(t, longest, 2*d)
	},
	"`retry.OnRetry`": func(t *testing.T) {
		var theirs []uint
		var ours []int
		sameWay(t, 3, nil,
			viaRetryGo(retrygo.Attempts(3), retrygo.Delay(time.Second), retrygo.OnRetry(func(n uint, _ error) { theirs = append(theirs, n) })),
			viaRetry(retry.Config{
				BaseDelay: time.Second,
				OnRetry:   func(_ context.Context, e policy.Event) { ours = append(ours, e.Attempt) },
			}))
		assert.Equal(t, []uint{0, 1, 2}, theirs, "from 0, the last attempt included")
		assert.Equal(t, []int{1, 2}, ours)
	},
	"`retry.Context(ctx)`": func(t *testing.T) {
		leaves := func(run func(context.Context, *trail) error) way {
			return follow(t, nil, func(ctx context.Context, tr *trail) error {
				ctx, cancel := context.WithCancel(ctx)
				defer time.AfterFunc(1500*time.Millisecond, cancel).Stop()
				return run(ctx, tr)
			})
		}
		theirs := leaves(viaRetryGo(retrygo.Attempts(5), retrygo.Delay(time.Second)))
		ours := leaves(viaRetry(retry.Config{MaxAttempts: 5, BaseDelay: time.Second}))
		assert.Equal(t, theirs.at, ours.at)
		assert.Equal(t, theirs.over, ours.over)
		for _, w := range []way{theirs, ours} {
			assert.ErrorIs(t, w.err, context.Canceled)
			assert.ErrorIs(t, w.err, errDown)
		}
	},
	"`retry.WithTimer(timer)`": func(t *testing.T) {
		clk := fake.NewClock(fake.AutoAdvance())
		timer := &ticking{}
		_ = retrygo.New(retrygo.Attempts(3), retrygo.Delay(time.Second), retrygo.DelayType(retrygo.BackOffDelay), retrygo.WithTimer(timer)).Do(fail.plain)
		_, _ = retry.Do(t.Context(), retry.Config{BaseDelay: time.Second, JitterFactor: retry.NoJitter, Clock: clk}, fail.fn)
		assert.Equal(t, []time.Duration{time.Second, 2 * time.Second}, timer.asked)
		assert.Equal(t, timer.asked, clk.Sleeps())
	},
}

// ticking is a timer of theirs that waits for nothing.
type ticking struct{ asked []time.Duration }

func (t *ticking) After(d time.Duration) <-chan time.Time {
	t.asked = append(t.asked, d)
	c := make(chan time.Time, 1)
	c <- time.Time{}
	return c
}

var retryGoErrorRows = map[string]func(*testing.T){
	"`retry.RetryIf`": func(t *testing.T) {
		busy := func(err error) bool { return errors.Is(err, errBusy) }
		for err, calls := range map[error]int{errBusy: 3, errDown: 1} {
			sameWay(t, calls, returns(err), viaRetryGo(retrygo.Attempts(3), retrygo.Delay(time.Second), retrygo.RetryIf(busy)),
				viaRetry(retry.Config{BaseDelay: time.Second, RetryIf: busy}))
		}
	},
	"`retry.Unrecoverable(err)`": func(t *testing.T) {
		err := errBad
		theirs := follow(t, returns(retrygo.Unrecoverable(err)), viaRetryGo(retrygo.LastErrorOnly(true)))
		ours := follow(t, returns(retry.Permanent(err)), viaRetry(retry.Config{}))
		assert.Len(t, theirs.at, 1)
		assert.Len(t, ours.at, 1)
		assert.Equal(t, errBad, theirs.err)
		assert.Equal(t, errBad, ours.err)
	},
	"`retry.RetryIf` beside `retry.Unrecoverable(err)`": func(t *testing.T) {
		all := func(error) bool { return true }
		err := errBad
		their, our := returns(retrygo.Unrecoverable(err)), returns(retry.Permanent(err))
		theirs := follow(t, their, viaRetryGo(retrygo.Attempts(3), retrygo.RetryIf(all)))
		assert.Len(t, theirs.at, 3, "theirs: RetryIf replaces the mark")
		assert.Len(t, follow(t, their, viaRetryGo(retrygo.Attempts(0), retrygo.RetryIf(all))).at, 1, "but not with Attempts(0)")
		assert.Len(t, follow(t, our, viaRetry(retry.Config{RetryIf: all})).at, 1)
		assert.Len(t, follow(t, our, viaRetry(retry.Config{MaxAttempts: retry.Unlimited, RetryIf: all})).at, 1)
	},
	"the list `retry.Error`": func(t *testing.T) {
		const n = 3
		end := func(call int) error { return []error{errBusy, errBad, errDown}[call-1] }
		ours, theirs := sameWay(t, n, end, viaRetryGo(retrygo.Attempts(n), retrygo.Delay(time.Second)),
			viaRetry(retry.Config{MaxAttempts: n, BaseDelay: time.Second, KeepErrors: n}))
		var list retrygo.Error
		require.ErrorAs(t, theirs.err, &list)
		var gaveUp *retry.Error
		require.ErrorAs(t, ours.err, &gaveUp)
		assert.Equal(t, []error(list), gaveUp.Errs)
		assert.ErrorIs(t, theirs.err, errBusy, "theirs matches each of them")
		assert.NotErrorIs(t, ours.err, errBusy, "ours matches the last")
		assert.ErrorIs(t, ours.err, errDown)
		w := follow(t, end, viaRetry(retry.Config{}))
		require.ErrorAs(t, w.err, &gaveUp)
		assert.Equal(t, []error{errDown}, gaveUp.Errs, "without KeepErrors")
	},
	"`retry.LastErrorOnly(true)`": func(t *testing.T) {
		ours, theirs := sameWay(t, 3, nil, viaRetryGo(retrygo.Attempts(3), retrygo.Delay(time.Second), retrygo.LastErrorOnly(true)),
			viaRetry(retry.Config{BaseDelay: time.Second}))
		assert.Equal(t, errDown, theirs.err)
		var gaveUp *retry.Error
		require.ErrorAs(t, ours.err, &gaveUp)
		assert.Equal(t, errDown, gaveUp.Last)
	},
	"`retry.AttemptsForError(n, errBusy)`": func(t *testing.T) {
		const n = 2
		theirs := viaRetryGo(retrygo.Attempts(5), retrygo.Delay(time.Second), retrygo.DelayType(retrygo.FixedDelay), retrygo.AttemptsForError(n, errBusy))
		ours := viaRetry(retry.Config{MaxAttempts: 5, Backoff: func(s retry.Step) time.Duration {
			if errors.Is(s.Err, errBusy) && s.Attempt >= n {
				return retry.Stop
			}
			return time.Second
		}})
		sameWay(t, n, returns(errBusy), theirs, ours)
		sameWay(t, 5, returns(errDown), theirs, ours)
		late := func(call int) error { return []error{errDown, errDown, errBusy, errBusy, errBusy}[call-1] }
		assert.Len(t, follow(t, late, theirs).at, 4, "theirs counts the attempts that met errBusy")
		assert.Len(t, follow(t, late, ours).at, 3, "ours all of them")
		assert.ErrorIs(t, follow(t, returns(errBusy), ours).err, retry.ErrExhausted)
	},
	"`retry.WrapContextErrorWithLastError(true)`": func(t *testing.T) {
		leaves := func(run func(context.Context, *trail) error) error {
			return follow(t, nil, func(ctx context.Context, tr *trail) error {
				ctx, cancel := context.WithCancel(ctx)
				defer time.AfterFunc(1500*time.Millisecond, cancel).Stop()
				return run(ctx, tr)
			}).err
		}
		assert.NotErrorIs(t, leaves(viaRetryGo(retrygo.Attempts(0))), errDown, "theirs loses it by default")
		for _, err := range []error{
			leaves(viaRetryGo(retrygo.Attempts(0), retrygo.WrapContextErrorWithLastError(true))),
			leaves(viaRetry(retry.Config{MaxAttempts: retry.Unlimited})),
		} {
			assert.ErrorIs(t, err, context.Canceled)
			assert.ErrorIs(t, err, errDown)
		}
	},
}
