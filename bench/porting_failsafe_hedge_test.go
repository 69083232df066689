package bench_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/budget"
	"github.com/failsafe-go/failsafe-go/hedgepolicy"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/hedge"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// slow is a function whose calls take the given times; the last one repeats. Those with
// an error fail with it.
type slow struct {
	took  []time.Duration
	errs  map[int64]error // by number of the call, from 1
	calls atomic.Int64
}

func (s *slow) run() (T, error) {
	n := s.calls.Add(1)
	time.Sleep(s.took[min(int(n), len(s.took))-1])
	return T(n), s.errs[n]
}

func (s *slow) fn(context.Context) (T, error) { return s.run() }

var failsafeHedgeRows = map[string]func(*testing.T){
	"`hedgepolicy.NewWithDelay[T](d)`": bubble(func(t *testing.T) {
		const d = time.Second
		s := &slow{took: []time.Duration{3 * d, d / 2}}
		their, err := failsafe.With[T](hedgepolicy.NewWithDelay[T](d)).Get(s.run)
		require.NoError(t, err)
		s = &slow{took: []time.Duration{3 * d, d / 2}}
		v, err := hedge.New[T](hedge.Config{Delay: d, Abandon: true}).Do(t.Context(), s.fn)
		require.NoError(t, err)
		assert.Equal(t, 2, their)
		assert.Equal(t, their, v, "the extra attempt's")

		failsSecond := func() *slow { return &slow{[]time.Duration{3 * d, d / 2}, map[int64]error{2: errDown}, atomic.Int64{}} }
		_, err = failsafe.With[T](hedgepolicy.NewWithDelay[T](d)).Get(failsSecond().run)
		require.ErrorIs(t, err, errDown, "it takes the failure")
		_, err = hedge.New[T](hedge.Config{Delay: d}).Do(t.Context(), failsSecond().fn)
		require.NoError(t, err)
	}),
	"`hedgepolicy.NewWithDelayQuantile[T](f, 100, n)`": bubble(func(t *testing.T) {
		const f, n, usual = 0.9, 50, 10 * time.Millisecond
		theirs := failsafe.With[T](hedgepolicy.NewWithDelayQuantile[T](f, 100, n))
		h := hedge.New[T](hedge.Config{Quantile: f, MinCalls: n, Abandon: true})
		for range 2 * n {
			_, _ = theirs.Get((&slow{took: []time.Duration{usual}}).run)
			_, _ = h.Do(t.Context(), (&slow{took: []time.Duration{usual}}).fn)
		}
		tail := func() *slow { return &slow{took: []time.Duration{time.Second, usual}} }
		begun := time.Now()
		_, err := theirs.Get(tail().run)
		require.NoError(t, err)
		assert.InDelta(t, 2*usual, time.Since(begun), float64(usual)/4)
		begun = time.Now()
		_, err = h.Do(t.Context(), tail().fn)
		require.NoError(t, err)
		assert.InDelta(t, 2*usual, time.Since(begun), float64(usual)/4)
	}),
	"`hedgepolicy.NewWithDelayFunc`": bubble(func(t *testing.T) {
		delay := func(failsafe.ExecutionAttempt[T]) time.Duration { return time.Second }
		s := &slow{took: []time.Duration{3 * time.Second, 0}}
		_, err := failsafe.With[T](hedgepolicy.NewWithDelayFunc(delay)).Get(s.run)
		require.NoError(t, err)
		assert.EqualValues(t, 2, s.calls.Load())
	}),
	"`WithMaxHedges(n)`": bubble(func(t *testing.T) {
		const n, d = 3, time.Second
		s := &slow{took: []time.Duration{time.Minute}}
		_, _ = failsafe.With[T](hedgepolicy.NewBuilderWithDelay[T](d).WithMaxHedges(n).Build()).Get(s.run)
		assert.EqualValues(t, n+1, s.calls.Load())
		s = &slow{took: []time.Duration{time.Minute}}
		_, _ = hedge.New[T](hedge.Config{Delay: d, MaxExtra: n, Budget: hedge.NoBudget}).Do(t.Context(), s.fn)
		assert.EqualValues(t, n+1, s.calls.Load())
	}),
	"hedge: `WithBudget(b)`": bubble(func(t *testing.T) {
		const calls, d = 100, time.Second
		through := func(call func(*slow)) int64 {
			s := &slow{took: []time.Duration{3 * d}}
			var wg sync.WaitGroup
			for range calls {
				wg.Go(func() { call(s) })
			}
			wg.Wait()
			return s.calls.Load()
		}
		builder := func() hedgepolicy.Builder[T] { return hedgepolicy.NewBuilderWithDelay[T](d) }
		unbounded := builder().Build()
		assert.EqualValues(t, 2*calls, through(func(s *slow) { _, _ = failsafe.With[T](unbounded).Get(s.run) }))
		b := budget.NewBuilder().WithMaxRate(0.1).WithMinConcurrency(1).Build()
		bounded := builder().WithBudget(b).Build()
		assert.Less(t, through(func(s *slow) { _, _ = failsafe.With[T](bounded).Get(s.run) }), int64(2*calls))

		ctx := t.Context()
		h := hedge.New[T](hedge.Config{Delay: d})
		assert.LessOrEqual(t, through(func(s *slow) { _, _ = h.Do(ctx, s.fn) }), int64(calls+calls/10+10), "10 % and one a second")
		h = hedge.New[T](hedge.Config{Delay: d, Budget: hedge.NoBudget})
		assert.EqualValues(t, 2*calls, through(func(s *slow) { _, _ = h.Do(ctx, s.fn) }))
		own := retry.NewBudget(retry.BudgetConfig{Ratio: 0.1, MinPerSecond: retry.NoMinimum})
		h = hedge.New[T](hedge.Config{Delay: d, Budget: own})
		assert.EqualValues(t, calls+calls/10, through(func(s *slow) { _, _ = h.Do(ctx, s.fn) }))
	}),
	"`CancelOnResult`, `CancelOnErrors`, `CancelIf`": bubble(func(t *testing.T) {
		const d = time.Second
		match := func(v T, _ error) bool { return v == 1 }
		second := func() *slow { return &slow{took: []time.Duration{3 * d, d / 2}} }
		for name, theirs := range map[string]hedgepolicy.HedgePolicy[T]{
			"result": hedgepolicy.NewBuilderWithDelay[T](d).CancelOnResult(1).Build(),
			"if":     hedgepolicy.NewBuilderWithDelay[T](d).CancelIf(match).Build(),
		} {
			v, err := failsafe.With[T](theirs).Get(second().run)
			require.NoError(t, err, name)
			assert.Equal(t, 1, v, name)
		}
		onErrors := hedgepolicy.NewBuilderWithDelay[T](d).CancelOnErrors(errBad).Build()
		_, err := failsafe.With[T](onErrors).Get((&slow{[]time.Duration{3 * d, 0}, map[int64]error{1: errBad}, atomic.Int64{}}).run)
		require.ErrorIs(t, err, errBad)
		v, err := hedge.New[T](hedge.Config{Delay: d}).WithCondition(match).Do(t.Context(), second().fn)
		require.NoError(t, err)
		assert.Equal(t, 1, v)
	}),
	"`OnHedge`": bubble(func(t *testing.T) {
		const d = time.Second
		hedged := 0
		theirs := hedgepolicy.NewBuilderWithDelay[T](d).OnHedge(func(failsafe.ExecutionEvent[T]) { hedged++ }).Build()
		_, _ = failsafe.With[T](theirs).Get((&slow{took: []time.Duration{3 * d, 0}}).run)
		rec := fake.NewRecorder()
		ours := pipeline.New(hedge.New[T](hedge.Config{Delay: d})).WithObserver(rec.Observe, policy.Hedged)
		_, _ = ours.Do(t.Context(), (&slow{took: []time.Duration{3 * d, 0}}).fn)
		assert.Equal(t, 1, hedged)
		assert.Equal(t, []policy.EventKind{policy.Hedged}, rec.Kinds())
	}),
}
