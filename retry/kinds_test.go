package retry_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// slow sleeps for a second in each attempt, fails n times, and then succeeds.
func slow(n int) policy.Func[int] {
	return func(ctx context.Context) (int, error) {
		time.Sleep(time.Second)
		if retry.Attempt(ctx) <= n {
			return 0, errDown
		}
		return 1, nil
	}
}

func TestAnObserverOfOneKindGetsTheTimeSinceTheFirstAttemptBegan(t *testing.T) {
	for kind, want := range map[policy.EventKind][]time.Duration{
		policy.Attempted: {time.Second, 2 * time.Second},
		policy.Retried:   {time.Second},
		policy.Recovered: {2 * time.Second},
		policy.GaveUp:    {2 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			rec := fake.NewRecorder()
			p := pipeline.New[int](retry.New[int](retry.Config{MaxAttempts: 2, BaseDelay: retry.NoDelay})).WithObserver(rec.Observe, kind)
			failures := 1
			if kind == policy.GaveUp {
				failures = 2
			}
			_, _ = p.Do(t.Context(), slow(failures))
			var elapsed []time.Duration
			for _, e := range rec.Events() {
				assert.Equal(t, kind, e.Kind)
				elapsed = append(elapsed, e.Elapsed)
			}
			assert.Equal(t, want, elapsed, kind)
		})
	}
}

func TestFinishedNamesTheRescuerToAnObserverOfFinishedAlone(t *testing.T) {
	for failures, reason := range map[int]string{0: "", 1: "retry"} {
		synctest.Test(t, func(t *testing.T) {
			rec := fake.NewRecorder()
			p := pipeline.New[int](retry.New[int](retry.Config{BaseDelay: retry.NoDelay})).WithObserver(rec.Observe, policy.Finished)
			_, err := p.Do(t.Context(), slow(failures))
			require.NoError(t, err)
			require.Len(t, rec.Events(), 1)
			assert.Equal(t, reason, rec.Events()[0].Reason)
		})
	}
}

func TestFinishedIncludesTheTimeOfAFallbackAfterOneFailedAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec := fake.NewRecorder()
		f := policy.Fallback(func(context.Context, error) (int, error) { time.Sleep(time.Minute); return 2, nil })
		p := pipeline.New[int](f, retry.New[int](retry.Config{MaxAttempts: 1})).WithObserver(rec.Observe)
		_, err := p.Do(t.Context(), slow(1))
		require.NoError(t, err)
		finished := rec.Events()[len(rec.Events())-1]
		assert.Equal(t, policy.Finished, finished.Kind)
		assert.Equal(t, time.Minute+time.Second, finished.Elapsed)
	})
}

func TestFinishedIncludesTheTimeOfACondition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec := fake.NewRecorder()
		r := retry.New[int](retry.Config{}).WithCondition(func(int, error) bool { time.Sleep(time.Minute); return false })
		b := breaker.New[int](breaker.NewCircuit(breaker.Config{}))
		p := pipeline.New[int](r, b).WithObserver(rec.Observe)
		_, err := p.Do(t.Context(), slow(0))
		require.NoError(t, err)
		finished := rec.Events()[len(rec.Events())-1]
		assert.Equal(t, policy.Finished, finished.Kind)
		assert.Equal(t, time.Minute+time.Second, finished.Elapsed)
	})
}

func TestTheTimeOfAnAttemptOmitsTheTimeOfInnerObservers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var took time.Duration
		b := breaker.New[int](breaker.NewCircuit(breaker.Config{}))
		p := pipeline.New[int](retry.New[int](retry.Config{}), b).WithObserver(func(_ context.Context, e policy.Event) {
			switch e.Kind {
			case policy.Judged:
				time.Sleep(time.Minute)
			case policy.Attempted:
				took = e.Took
			}
		})
		_, err := p.Do(t.Context(), slow(0))
		require.NoError(t, err)
		assert.Equal(t, time.Second, took)
	})
}

func TestGaveUpSaysWhy(t *testing.T) {
	clk := fake.NewClock(fake.AutoAdvance())
	empty := retry.NewBudget(retry.BudgetConfig{Ratio: 1e-9, MinPerSecond: retry.NoMinimum, Clock: clk})
	shut := each(func(ctx context.Context, next policy.Call[int]) (int, error) {
		if retry.Attempt(ctx) > 1 {
			return 0, policy.ErrRejected
		}
		return next.Do(ctx)
	})
	for want, c := range map[string]struct {
		cfg   retry.Config
		inner policy.Policy[int]
		limit time.Duration
		cause error
		err   error
	}{
		"exhausted":   {cfg: retry.Config{MaxAttempts: 1}, err: errDown},
		"elapsed":     {cfg: retry.Config{MaxElapsed: 1}, err: errDown},
		"budget":      {cfg: retry.Config{Budget: empty}, err: errDown},
		"retry_after": {err: retry.After(errDown, time.Hour)},
		"rejected":    {inner: shut, err: errDown},
		"canceled":    {cause: errors.New("user left"), err: errDown},
		"deadline":    {limit: time.Millisecond, err: errDown},
		"clock":       {cfg: retry.Config{Clock: brokenClock{fake.NewClock()}}, err: errDown},
	} {
		rec := fake.NewRecorder()
		if c.cfg.Clock == nil {
			c.cfg.Clock = clk
		}
		policies := []policy.Policy[int]{retry.New[int](c.cfg)}
		if c.inner != nil {
			policies = append(policies, c.inner)
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		if c.limit > 0 {
			ctx = withDeadline{ctx, clk.Now().Add(c.limit)}
		}
		_, err := pipeline.New(policies...).WithObserver(rec.Observe, policy.GaveUp).Do(ctx, func(context.Context) (int, error) {
			if c.cause != nil {
				cancel(c.cause)
			}
			return 0, c.err
		})
		cancel(nil)
		require.Error(t, err, want)
		require.Len(t, rec.Events(), 1, want)
		assert.Equal(t, want, rec.Events()[0].Reason)
	}
}

func TestGaveUpSaysDeadlineIfTheContextsDeadlineEndedTheRetry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		rec := fake.NewRecorder()
		p := pipeline.New[int](retry.New[int](retry.Config{})).WithObserver(rec.Observe, policy.GaveUp)
		_, err := p.Do(ctx, slow(1))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.NotErrorIs(t, err, retry.ErrDeadline)
		require.Len(t, rec.Events(), 1)
		assert.Equal(t, "deadline", rec.Events()[0].Reason)
	})
}

func TestAnInstantAttemptTakesNoTime(t *testing.T) {
	events, err := observed(t.Context(), retry.New[int](retry.Config{Clock: fake.NewClock()}), fake.NewFunc[int]().Return(1).Do)
	require.NoError(t, err)
	assert.Equal(t, policy.Event{Kind: policy.Attempted, Pipeline: "p", Policy: "retry", Attempt: 1}, events[1])
}
