package throttle_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/throttle"
)

func TestTheRateIsThatOfTheFormula(t *testing.T) {
	for _, c := range []struct {
		cfg                throttle.Config
		failures, accepted int
		want               float64
	}{
		{throttle.Config{}, 0, 0, 0},
		{throttle.Config{}, 0, 1000, 0},
		{throttle.Config{}, 50, 50, 0},
		{throttle.Config{}, 51, 49, 2. / 101},
		{throttle.Config{}, 75, 25, 50. / 101},
		{throttle.Config{}, 10, 0, 10. / 11},
		{throttle.Config{}, 9, 0, 0}, // fewer than MinCalls
		{throttle.Config{MinCalls: 1}, 1, 0, 0.5},
		{throttle.Config{}, 1000, 0, 0.99},
		{throttle.Config{MaxReject: 0.5}, 1000, 0, 0.5},
		{throttle.Config{MaxReject: 0.5}, 75, 25, 50. / 101},
		{throttle.Config{K: 1}, 1, 99, 1. / 101},
		{throttle.Config{K: 1.5}, 40, 60, 10. / 101},
		{throttle.Config{K: 4}, 90, 10, 60. / 101},
	} {
		c.cfg.Clock, c.cfg.Rand = fake.NewClock(), never
		th := filled(c.cfg, c.failures, c.accepted)
		name := fmt.Sprintf("%+v: %d failures, %d accepts", c.cfg, c.failures, c.accepted)
		s := th.Snapshot()
		assert.Equal(t, int64(c.failures+c.accepted), s.Requests, name)
		assert.Equal(t, int64(c.accepted), s.Accepts, name)
		assert.InDelta(t, c.want, s.Rate, 1e-12, name)
		assert.InDelta(t, c.want, th.Rate(policy.Normal), 1e-12, name)
	}
}

func TestACallIsRejectedIfItsNumberIsBelowTheRate(t *testing.T) {
	number := 0.
	th := filled(throttle.Config{Clock: fake.NewClock(), Rand: func() float64 { return number }}, 79, 20) // 59 / 100
	rate := th.Snapshot().Rate
	require.InDelta(t, 0.59, rate, 1e-12)
	number = rate
	_, err := th.Acquire(t.Context())
	assert.NoError(t, err, "at the rate")
	number = 0.589
	_, err = th.Acquire(t.Context())
	assert.ErrorIs(t, err, throttle.ErrThrottled)
	number = -1
	_, err = th.Acquire(t.Context())
	assert.ErrorIs(t, err, throttle.ErrThrottled, "clamped to 0")
	number = 7
	_, err = th.Acquire(t.Context())
	assert.NoError(t, err, "clamped to less than 1")
}

func TestNoRandomNumberIsDrawnWhileNoCallIsRejected(t *testing.T) {
	clk := fake.NewClock()
	draws := 0
	th := throttle.NewThrottle(throttle.Config{Clock: clk, Rand: func() float64 { draws++; return 0.999 }})
	call := func(fn policy.Func[int]) { _, _ = throttle.Do(t.Context(), th, fn) }
	for range 20 {
		call(succeed)
	}
	for range 20 {
		call(fail) // at most half of all calls
	}
	assert.Zero(t, draws)
	call(fail)
	assert.Zero(t, draws, "20 of 40 had failed when this call began")
	call(succeed)
	assert.Equal(t, 1, draws)
	clk.Advance(throttle.DefaultWindow)
	call(succeed)
	assert.Equal(t, 1, draws, "the window has passed")
}

func TestACallCountsAsTheFirstRuleThatAppliesSays(t *testing.T) {
	canceled, cancel := context.WithCancel(t.Context())
	byError := func(err error) policy.Outcome {
		if errors.Is(err, errDown) {
			return policy.Ignored
		}
		return policy.Undecided
	}
	byResult := func(v int, _ error) policy.Outcome {
		if v == 503 {
			return policy.Failure
		}
		return policy.Undecided
	}
	returns := func(v int, err error) policy.Func[int] {
		return func(ctx context.Context) (int, error) {
			if ctx == canceled {
				cancel()
			}
			return v, err
		}
	}
	for name, c := range map[string]struct {
		fn                policy.Func[int]
		ctx               context.Context
		cfg               throttle.Config
		classify          func(int, error) policy.Outcome
		requests, accepts int64
	}{
		"a success":                    {fn: succeed, requests: 1, accepts: 1},
		"a failure":                    {fn: fail, requests: 1},
		"an inner rejection":           {fn: returns(0, fmt.Errorf("full: %w", policy.ErrRejected))},
		"a bare inner rejection":       {fn: returns(0, policy.ErrRejected)},
		"the caller's cancel":          {fn: returns(0, errDown), ctx: canceled},
		"marked as ignored":            {fn: returns(0, breaker.Judge(errDown, policy.Ignored))},
		"marked as a success":          {fn: returns(0, breaker.Judge(errDown, policy.Success)), requests: 1, accepts: 1},
		"a mark before the classifier": {fn: returns(503, breaker.Judge(errDown, policy.Success)), classify: byResult, requests: 1, accepts: 1},
		"a classifier of results":      {fn: returns(503, nil), classify: byResult, requests: 1},
		"a classifier that passes":     {fn: returns(200, nil), classify: byResult, requests: 1, accepts: 1},
		"the classifier first":         {fn: returns(503, errDown), classify: byResult, cfg: throttle.Config{Classify: byError}, requests: 1},
		"then Classify":                {fn: returns(200, errDown), classify: byResult, cfg: throttle.Config{Classify: byError}},
		"Classify alone":               {fn: fail, cfg: throttle.Config{Classify: byError}},
		"Classify that passes":         {fn: returns(0, errors.New("other")), cfg: throttle.Config{Classify: byError}, requests: 1},
		"an unknown outcome":           {fn: succeed, cfg: throttle.Config{Classify: func(error) policy.Outcome { return 77 }}, requests: 1},
	} {
		c.cfg.Clock = fake.NewClock()
		th := throttle.NewThrottle(c.cfg)
		p := throttle.New[int](th)
		if c.classify != nil {
			p = p.WithClassifier(c.classify)
		}
		ctx := t.Context()
		if c.ctx != nil {
			ctx = c.ctx
		}
		_, _ = p.Do(ctx, c.fn)
		assert.Equal(t, throttle.Snapshot{Requests: c.requests, Accepts: c.accepts}, th.Snapshot(), name)
	}
}

func TestPanicsAndGoexitCountAsFailuresAndPassThrough(t *testing.T) {
	th := throttle.NewThrottle(throttle.Config{Clock: fake.NewClock()})
	p := throttle.New[int](th)
	panics := func(context.Context) (int, error) { panic("boom") }
	exits := func(context.Context) (int, error) { runtime.Goexit(); return 0, nil }
	assert.PanicsWithValue(t, "boom", func() { _, _ = p.Do(t.Context(), panics) })
	assert.PanicsWithValue(t, "boom", func() { _, _ = throttle.Do(t.Context(), th, panics) })
	assert.PanicsWithValue(t, "boom", func() {
		_, _ = p.WithClassifier(func(int, error) policy.Outcome { panic("boom") }).Do(t.Context(), succeed)
	})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = p.Do(t.Context(), exits)
	}()
	<-ended
	assert.Equal(t, throttle.Snapshot{Requests: 4}, th.Snapshot())
}

func TestARejectedCallDoesNotRunAndCountsAsARequest(t *testing.T) {
	th := filled(throttle.Config{Name: "db", Clock: fake.NewClock(), Rand: always}, 10, 0)
	chain, rec := observed(throttle.New[int](th))
	ran := fake.NewFunc[int]().Return(1)
	v, err := chain.Call(ran.Do).Do(t.Context())
	assert.Zero(t, v)
	assert.ErrorIs(t, err, throttle.ErrThrottled)
	assert.ErrorIs(t, err, policy.ErrRejected)
	assert.EqualError(t, err, `throttle: call to "db" throttled`)
	assert.Zero(t, ran.Calls())
	assert.Equal(t, throttle.Snapshot{Name: "db", Requests: 11, Rate: 11. / 12}, th.Snapshot())
	require.Len(t, rec.Events(), 1)
	assert.Equal(t, policy.Event{Kind: policy.Rejected, Policy: "throttle", Name: "db", Reason: "throttled", Err: err}, rec.Events()[0])
}

func TestAThrottledErrorKnowsTheRateAsOfNow(t *testing.T) {
	clk := fake.NewClock()
	th := filled(throttle.Config{Clock: clk, Rand: always}, 10, 0)
	_, err := throttle.Do(t.Context(), th, succeed)
	var refused *throttle.ThrottledError
	require.ErrorAs(t, err, &refused)
	assert.EqualError(t, err, "throttle: call throttled")
	assert.InDelta(t, 11./12, refused.Rate(), 1e-12)
	_, again := throttle.Do(t.Context(), th, succeed)
	assert.Same(t, err, again, "rejections share one value")
	_, hinted := policy.RetryAfter(err)
	assert.False(t, hinted, "a throttle does not know when")
	clk.Advance(throttle.DefaultWindow)
	assert.Zero(t, refused.Rate())
	var none *throttle.ThrottledError
	assert.Equal(t, "<nil>", none.Error())
	assert.Zero(t, none.Rate())
	assert.Zero(t, new(throttle.ThrottledError).Rate())
}

func TestAnEndedContextRunsAndCountsNothing(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("gone home")
	cancel(cause)
	th := filled(throttle.Config{Clock: fake.NewClock(), Rand: always}, 10, 0)
	_, err := throttle.Do(ctx, th, succeed)
	assert.ErrorIs(t, err, context.Canceled)
	assert.NotErrorIs(t, err, policy.ErrRejected)
	_, err = th.Acquire(ctx)
	assert.ErrorIs(t, err, context.Canceled)
	assert.EqualValues(t, 10, th.Snapshot().Requests)
}

func TestTheFirstRecordOfAPermitCounts(t *testing.T) {
	th := throttle.NewThrottle(throttle.Config{Clock: fake.NewClock()})
	for i, o := range []policy.Outcome{policy.Success, policy.Failure, policy.Ignored, policy.Undecided, 77} {
		p, err := th.Acquire(t.Context())
		require.NoError(t, err)
		assert.True(t, p.Record(o))
		assert.False(t, p.Record(policy.Failure))
		assert.False(t, p.Record(policy.Success))
		want := []int64{1, 2, 2, 3, 4}[i]
		assert.Equal(t, throttle.Snapshot{Requests: want, Accepts: 1}, th.Snapshot(), "%v", o)
	}
	var zero throttle.Permit
	assert.False(t, zero.Record(policy.Success))
}
