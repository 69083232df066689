package adaptive_test

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/adaptive"
	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/policy"
)

// lowers reports whether a call that takes so long and ends with err lowers the limit. Its
// window has nine calls of 2 ms besides.
func lowers(ctx context.Context, t *testing.T, took time.Duration, err error, cfg adaptive.Config, policies ...func(*adaptive.Adaptive[int]) *adaptive.Adaptive[int]) bool {
	t.Helper()
	cfg.Initial, cfg.Target, cfg.Quantile = 10, 50*ms, 1
	r := newRig(t, cfg)
	a := adaptive.New[int](r.Limiter)
	for _, change := range policies {
		a = change(a)
	}
	for range 9 {
		r.wave(1, 2*ms)
	}
	_, _ = a.Execute(ctx, policy.CallOf(func(ctx context.Context) (int, error) {
		r.clk.Advance(took)
		if leave, ok := ctx.Value(leaving{}).(context.CancelFunc); ok {
			leave()
		}
		return 7, err
	}))
	return r.Limit() < 10
}

// leaving is the key of a function by which the caller leaves during the call.
type leaving struct{}

func TestResultsAreClassifiedInTheOrderOfTheBreaker(t *testing.T) {
	const stays, leaves = false, true
	late := context.DeadlineExceeded
	for name, c := range map[string]struct {
		caller          bool
		err             error
		classify, typed policy.Outcome
		want            bool
	}{
		"by default a deadline lowers":             {stays, late, policy.Undecided, policy.Undecided, true},
		"Classify decides":                         {stays, late, policy.Ignored, policy.Undecided, false},
		"the typed classifier comes first":         {stays, late, policy.Ignored, policy.Failure, true},
		"and may ignore":                           {stays, late, policy.Failure, policy.Ignored, false},
		"a mark comes before all":                  {stays, breaker.Judge(late, policy.Failure), policy.Ignored, policy.Ignored, true},
		"a caller that left comes before Classify": {leaves, late, policy.Failure, policy.Failure, false},
		"but after a mark":                         {leaves, breaker.Judge(late, policy.Failure), policy.Ignored, policy.Ignored, true},
		"a rejection inside, though a failure":     {stays, policy.ErrRejected, policy.Failure, policy.Undecided, true},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		if c.caller == leaves {
			ctx = context.WithValue(ctx, leaving{}, cancel)
		}
		got := lowers(ctx, t, ms, c.err, adaptive.Config{Classify: func(error) policy.Outcome { return c.classify }},
			func(a *adaptive.Adaptive[int]) *adaptive.Adaptive[int] {
				return a.WithClassifier(func(int, error) policy.Outcome { return c.typed })
			})
		assert.Equal(t, c.want, got, name)
		cancel()
	}
}

func TestAnErrorThatIsASuccessGivesItsLatency(t *testing.T) {
	judged := breaker.Judge(errDown, policy.Success)
	var cfg adaptive.Config
	assert.True(t, lowers(t.Context(), t, 60*ms, judged, cfg))
	assert.True(t, lowers(t.Context(), t, 60*ms, nil, cfg))
	assert.False(t, lowers(t.Context(), t, 50*ms, judged, cfg))
	assert.False(t, lowers(t.Context(), t, 60*ms, errDown, cfg))
	failing := func(a *adaptive.Adaptive[int]) *adaptive.Adaptive[int] {
		return a.WithClassifier(func(v int, _ error) policy.Outcome {
			assert.Equal(t, 7, v)
			return policy.Failure
		})
	}
	assert.False(t, lowers(t.Context(), t, 60*ms, nil, cfg, failing), "a value that is a failure")
}

// An error of a queue inside of the limiter may match both.
func TestARejectionThatIsAlsoADeadlineIsARejection(t *testing.T) {
	both := errors.Join(policy.ErrRejected, context.DeadlineExceeded)
	assert.True(t, lowers(t.Context(), t, ms, both, adaptive.Config{}), "aimd")
	r := newRig(t, adaptive.Config{Initial: 1})
	require.Error(t, r.call(t.Context(), 20*ms, both))
	require.Equal(t, 1, r.Limit(), "for Climb it is no sample")
	require.Error(t, r.call(t.Context(), 20*ms, context.DeadlineExceeded))
	assert.Equal(t, 2, r.Limit())
}

func TestAPanicGivesThePlaceBackAndNoSample(t *testing.T) {
	r := newRig(t, adaptive.Config{Initial: 1})
	for _, classify := range []bool{false, true} {
		a := adaptive.New[int](r.Limiter)
		if classify {
			a = a.WithClassifier(func(int, error) policy.Outcome { panic("boom") })
		}
		for range 5 {
			assert.PanicsWithValue(t, "boom", func() {
				_, _ = a.Do(t.Context(), func(context.Context) (int, error) {
					r.clk.Advance(time.Minute)
					if !classify {
						panic("boom")
					}
					return 1, nil
				})
			})
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				_, _ = a.Do(context.Background(), func(context.Context) (int, error) { runtime.Goexit(); return 0, nil })
			}()
			<-ended
		}
	}
	assert.Equal(t, adaptive.Snapshot{Limit: 1, Admitted: 20}, r.Snapshot())
}
