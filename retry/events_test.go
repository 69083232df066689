package retry_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// observed runs fn through r and returns the events.
func observed(ctx context.Context, r *retry.Retry[int], fn policy.Func[int]) ([]policy.Event, error) {
	rec := fake.NewRecorder()
	_, err := policy.NewChain[int]("p", []policy.Listener{{Observe: rec.Observe}}, r).Call(fn).Do(ctx)
	return rec.Events(), err
}

func TestASuccessEmitsOneAttempt(t *testing.T) {
	clk := fake.NewClock(fake.AutoAdvance())
	for _, r := range []*retry.Retry[int]{
		retry.New[int](retry.Config{Clock: clk}),
		retry.New[int](retry.Config{Clock: clk}).WithCondition(func(int, error) bool { return false }),
	} {
		events, err := observed(t.Context(), r, fake.NewFunc[int]().Delay(clk, time.Second).Return(1).Do)
		require.NoError(t, err)
		assert.Equal(t, []policy.Event{
			{Kind: policy.Started, Pipeline: "p"},
			{Kind: policy.Attempted, Pipeline: "p", Policy: "retry", Attempt: 1, Took: time.Second, Elapsed: time.Second},
			{Kind: policy.Finished, Pipeline: "p", Attempt: 1, Elapsed: time.Second},
		}, events)
	}
}

func TestADefaultRetryEmitsItsSuccess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		events, err := observed(t.Context(), retry.New[int](retry.Config{}), func(context.Context) (int, error) {
			time.Sleep(time.Second)
			return 1, nil
		})
		require.NoError(t, err)
		assert.Equal(t, []policy.Event{
			{Kind: policy.Started, Pipeline: "p"},
			{Kind: policy.Attempted, Pipeline: "p", Policy: "retry", Attempt: 1, Took: time.Second, Elapsed: time.Second},
			{Kind: policy.Finished, Pipeline: "p", Attempt: 1, Elapsed: time.Second},
		}, events)
	})
}

func TestEventsReportEveryAttemptDelayAndTheEnd(t *testing.T) {
	clk := fake.NewClock(fake.AutoAdvance())
	var emitted []policy.Event
	r := retry.New[int](retry.Config{
		Name: "fetch", MaxAttempts: 2, Backoff: retry.Constant(time.Minute), Clock: clk,
		OnRetry: func(_ context.Context, e policy.Event) { emitted = append(emitted, e) },
	})
	marked := retry.After(errDown, time.Second)
	events, err := observed(t.Context(), r, fake.NewFunc[int]().Delay(clk, time.Second).Fail(marked).Delay(clk, time.Second).Fail(marked).Do)
	require.ErrorIs(t, err, retry.ErrExhausted)
	retried := policy.Event{Kind: policy.Retried, Pipeline: "p", Policy: "retry", Name: "fetch", Attempt: 1, Delay: time.Minute, Elapsed: time.Second, Reason: "backoff", Err: errDown}
	all := time.Minute + 2*time.Second
	assert.Equal(t, []policy.Event{
		{Kind: policy.Started, Pipeline: "p"},
		{Kind: policy.Attempted, Pipeline: "p", Policy: "retry", Name: "fetch", Attempt: 1, Took: time.Second, Elapsed: time.Second, Err: errDown},
		retried,
		{Kind: policy.Attempted, Pipeline: "p", Policy: "retry", Name: "fetch", Attempt: 2, Took: time.Second, Elapsed: all, Err: errDown},
		{Kind: policy.GaveUp, Pipeline: "p", Policy: "retry", Name: "fetch", Attempt: 2, Elapsed: all, Reason: "exhausted", Err: err},
		{Kind: policy.Finished, Pipeline: "p", Attempt: 2, Elapsed: all, Err: err},
	}, events)
	assert.Equal(t, []policy.Event{retried}, emitted)
}

func TestExecuteBehavesAsDo(t *testing.T) {
	plain := retry.New[int](retry.Config{MaxAttempts: 2, Backoff: retry.Constant(0)})
	picky := plain.WithCondition(func(v int, _ error) bool { return v < 2 })
	for name, run := range map[string]func(*retry.Retry[int], policy.Func[int]) (int, error){
		"Do": func(r *retry.Retry[int], fn policy.Func[int]) (int, error) { return r.Do(t.Context(), fn) },
		"Execute": func(r *retry.Retry[int], fn policy.Func[int]) (int, error) {
			return r.Execute(t.Context(), policy.CallOf(fn))
		},
	} {
		failing := fake.NewFunc[int]().Fail(errDown)
		_, err := run(plain, failing.Do)
		require.ErrorIs(t, err, retry.ErrExhausted, name)
		assert.Equal(t, 2, failing.Calls(), name)

		refused := fake.NewFunc[int]().Return(1).Return(2)
		v, err := run(picky, refused.Do)
		require.NoError(t, err, name)
		assert.Equal(t, 2, v, name)

		accepted := fake.NewFunc[int]().Fail(errDown)
		_, err = run(plain.WithCondition(func(int, error) bool { return false }), accepted.Do)
		assert.Equal(t, errDown, err, name)
	}
}

func TestAFinalErrorDoesNotEmitGaveUp(t *testing.T) {
	clk := fake.NewClock(fake.AutoAdvance())
	for name, final := range map[string]error{"permanent": retry.Permanent(errDown), "refused": policy.ErrRejected} {
		events, err := observed(t.Context(), retry.New[int](retry.Config{Clock: clk}), fake.NewFunc[int]().Fail(final).Do)
		require.Error(t, err, name)
		require.Len(t, events, 3, name)
		assert.Equal(t, policy.Attempted, events[1].Kind, name)
		assert.Equal(t, err, events[1].Err, name)
		assert.Equal(t, policy.Finished, events[2].Kind, name)
	}
}

func TestABudgetAloneReadsNoClockForTheFirstAttempt(t *testing.T) {
	cfg := retry.Config{MaxAttempts: 1, Budget: retry.NewBudget(retry.BudgetConfig{})}
	_, err := retry.Do(t.Context(), cfg, fake.NewFunc[int]().Fail(errDown).Do)
	assert.EqualError(t, err, "retry: gave up after 1 attempt: retry: attempts exhausted: last error: down")
}

func TestEventsNeedNoOnRetry(t *testing.T) {
	clk := fake.NewClock(fake.AutoAdvance())
	events, err := observed(t.Context(), retry.New[int](retry.Config{Clock: clk, MaxAttempts: 2}), fake.NewFunc[int]().Fail(errDown).Return(1).Do)
	require.NoError(t, err)
	require.Len(t, events, 6)
	assert.Equal(t, policy.Retried, events[2].Kind)
	assert.Equal(t, 2, events[3].Attempt)
	assert.Equal(t, policy.Recovered, events[4].Kind)
	assert.Equal(t, errDown, events[4].Err)
	assert.Equal(t, "retry", events[5].Reason, "the policy that rescued the call")
}

func TestARecoveryFromRejectionsHasTheLastOfThem(t *testing.T) {
	clk := fake.NewClock(fake.AutoAdvance())
	refused := &refusal{time.Second}
	for name, c := range map[string]struct {
		fn   *fake.Func[int]
		want error
	}{
		"rejections only":                  {fake.NewFunc[int]().Fail(refused).Return(1), refused},
		"a failure and a rejection":        {fake.NewFunc[int]().Fail(errDown).Fail(refused).Return(1), errDown},
		"a rejection and a rejected value": {fake.NewFunc[int]().Fail(refused).Return(0).Return(1), nil},
	} {
		r := retry.New[int](retry.Config{Clock: clk, RetryRejected: true}).
			WithCondition(func(v int, err error) bool { return err != nil || v == 0 })
		events, err := observed(t.Context(), r, c.fn.Do)
		require.NoError(t, err, name)
		recovered := events[len(events)-2]
		require.Equal(t, policy.Recovered, recovered.Kind, name)
		assert.Equal(t, c.want, recovered.Err, name)
	}
}
