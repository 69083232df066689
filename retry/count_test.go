package retry_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// This file counts how often a retry reads a clock, looks at a context and draws a random
// number. Each of the three may be a user's.

func TestARetryReadsItsClockOnlyForATimeThatIsUsed(t *testing.T) {
	for name, c := range map[string]struct {
		kinds []policy.EventKind
		want  int
	}{
		"without an observer":             {nil, 1},
		"for an observer of Finished":     {[]policy.EventKind{policy.Finished}, 1 + 2}, // the pipeline's two
		"for an observer of Recovered":    {[]policy.EventKind{policy.Recovered}, 1 + 1},
		"for an observer of Retried":      {[]policy.EventKind{policy.Retried}, 1 + 2},
		"for an observer of each attempt": {[]policy.EventKind{policy.Attempted}, 1 + 3 + 2},
	} {
		reads := 0
		clk := &readClock{fake.NewClock(fake.AutoAdvance()), func() { reads++ }}
		p := pipeline.New[int](retry.New[int](retry.Config{Clock: clk}))
		if c.kinds != nil {
			p = p.WithObserver(func(context.Context, policy.Event) {}, c.kinds...)
		}
		_, err := p.Do(t.Context(), fake.NewFunc[int]().Fail(errDown, errDown).Return(1).Do)
		require.NoError(t, err, name)
		assert.Equal(t, c.want, reads, name)
	}
}

func TestTheFirstStepOfARetryThatIsNotTimedHasNoElapsedTime(t *testing.T) {
	var elapsed []time.Duration
	backoff := func(s retry.Step) time.Duration {
		if s.Attempt == 1 {
			elapsed = append(elapsed, s.Elapsed)
		}
		return 0
	}
	r := retry.New[int](retry.Config{Backoff: backoff})
	for range 100 {
		_, err := r.Do(t.Context(), fail(errDown))
		require.ErrorIs(t, err, errDown)
	}
	assert.Equal(t, make([]time.Duration, 100), elapsed)
}

// asked is a context that counts the calls of its Err method.
type asked struct {
	context.Context
	times int
}

func (a *asked) Err() error {
	a.times++
	return a.Context.Err()
}

func TestACallThatSucceedsAtOnceChecksItsContextOnce(t *testing.T) {
	one := func(context.Context) (int, error) { return 1, nil }
	r := retry.New[int](retry.Config{})
	clocked := retry.New[int](retry.Config{Clock: fake.NewClock()})
	for name, call := range map[string]func(ctx context.Context) (int, error){
		"retry.Do":      func(ctx context.Context) (int, error) { return retry.Do(ctx, retry.Config{}, one) },
		"Do":            func(ctx context.Context) (int, error) { return r.Do(ctx, one) },
		"Do on a clock": func(ctx context.Context) (int, error) { return clocked.Do(ctx, one) },
		"Execute":       func(ctx context.Context) (int, error) { return r.Execute(ctx, policy.CallOf(one)) },
		"Execute with a discard": func(ctx context.Context) (int, error) {
			return r.WithDiscard(func(int) {}).Execute(ctx, policy.CallOf(one))
		},
	} {
		ctx := &asked{Context: t.Context()}
		v, err := call(ctx)
		require.NoError(t, err, name)
		assert.Equal(t, 1, v, name)
		assert.Equal(t, 1, ctx.times, name)
	}
}

func TestADelayThatIsNotRandomDrawsNoNumber(t *testing.T) {
	drawn := 0
	rnd := func() float64 { drawn++; return 0.9 }

	_, err := retry.Do(t.Context(), retry.Config{BaseDelay: retry.NoDelay, Rand: rnd}, fail(errDown))
	require.ErrorIs(t, err, retry.ErrExhausted)
	assert.Zero(t, drawn, "NoDelay")

	clk := fake.NewClock(fake.AutoAdvance())
	cfg := retry.Config{JitterFactor: retry.NoJitter, Rand: rnd, Clock: clk}
	_, err = retry.Do(t.Context(), cfg, fail(retry.After(errDown, 20*time.Second)))
	require.ErrorIs(t, err, retry.ErrExhausted)
	assert.Equal(t, []time.Duration{20 * time.Second, 20 * time.Second}, clk.Sleeps())
	assert.Zero(t, drawn, "NoJitter")

	assert.Zero(t, retry.Constant(0).Jittered(0.5)(retry.Step{Attempt: 1, Rand: rnd}))
	assert.Zero(t, drawn, "a jittered delay of 0")
}

func TestAnErrorMadeByHandMatchesTheRejectionThatIsItsReason(t *testing.T) {
	require.ErrorIs(t, &retry.Error{Reason: policy.ErrRejected}, policy.ErrRejected)
	require.NotErrorIs(t, &retry.Error{Reason: retry.ErrExhausted}, policy.ErrRejected)
}

// shut is a policy that would refuse each further attempt with an error that counts what it
// is asked.
type shut struct{ asked *int }

func (s shut) Error() string { return "shut" }

func (s shut) Is(target error) bool {
	*s.asked++
	return target == policy.ErrRejected
}

func (s shut) Refusal(context.Context, time.Duration) error { return s }

func (s shut) Execute(ctx context.Context, next policy.Call[int]) (int, error) { return next.Do(ctx) }

func TestARefusalIsNotClassifiedForAnEventThatNothingObserves(t *testing.T) {
	asked := 0
	chain := policy.NewChain[int]("", nil, retry.New[int](retry.Config{}), shut{&asked})
	_, err := chain.Call(fail(errDown)).Do(t.Context())
	assert.Zero(t, asked)
	require.ErrorIs(t, err, shut{&asked})
}
