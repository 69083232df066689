package chaos_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	bclock "github.com/benbjohnson/clock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/chaos"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
)

var errLeft = errors.New("the caller left")

func TestALatencyEndsWithItsContextAndLeavesNoTimer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := chaos.Latency[int](always, lasting(24*time.Hour))
		fn := fake.NewFunc[int]().Return(1)
		begun := time.Now()
		ctx, cancel := context.WithCancelCause(t.Context())
		policy.AfterFunc(nil, time.Minute, func() { cancel(errLeft) })
		_, err := p.Do(ctx, fn.Do)
		assert.ErrorIs(t, err, context.Canceled)
		assert.ErrorIs(t, err, errLeft)
		assert.NotErrorIs(t, err, chaos.ErrInjected, "the caller's own end")
		assert.Equal(t, time.Minute, time.Since(begun))
		assert.Zero(t, fn.Calls())
		assert.EqualValues(t, 1, p.Snapshot().Injected)

		late, stop := context.WithTimeout(t.Context(), time.Minute)
		defer stop()
		_, err = p.Do(late, fn.Do)
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, 2*time.Minute, time.Since(begun))
		assert.Zero(t, fn.Calls())
	})
}

func TestAnEndedContextInjectsNothing(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errLeft)
	for name, p := range kinds(always) {
		for _, c := range []chaotic{p, chaos.Mix(p)} {
			for _, turn := range []func(){c.Off, c.On} {
				turn()
				fn := fake.NewFunc[int]().Return(1)
				_, err := c.Execute(ctx, policy.CallOf(fn.Do))
				assert.ErrorIs(t, err, context.Canceled, name)
				assert.ErrorIs(t, err, errLeft, name)
				assert.Zero(t, fn.Calls(), name)
			}
		}
		assert.Zero(t, p.Snapshot().Calls, name)
	}
}

// An off injector leaves the check to the pipeline, since inside of a timeout it would read
// the clock.
func TestAPipelineChecksTheContextForAnInjectorThatIsOff(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errLeft)
	fn := fake.NewFunc[int]().Return(1)
	inner := pipeline.New[int](chaos.Fault[int](chaos.Config{}, failing))
	for _, p := range []policy.Policy[int]{inner, pipeline.New[int](inner), pipeline.New[int](pass{}, chaos.Mix(chaos.Fault[int](chaos.Config{}, failing)))} {
		_, err := p.Execute(ctx, policy.CallOf(fn.Do))
		assert.ErrorIs(t, err, errLeft)
	}
	assert.Zero(t, fn.Calls())
}

func TestACallWhoseContextEndsInAnAuthorsFunctionDoesNotRun(t *testing.T) {
	var cancel context.CancelFunc
	leave := func(context.Context) error { cancel(); return nil }
	for name, build := range map[string]func() *chaos.Injector[int]{
		"fault":    func() *chaos.Injector[int] { return chaos.Fault[int](always, leave) },
		"behavior": func() *chaos.Injector[int] { return chaos.Behavior[int](always, leave) },
		"latency": func() *chaos.Injector[int] {
			return chaos.Latency[int](always, func(context.Context) time.Duration { cancel(); return time.Hour })
		},
		"no latency": func() *chaos.Injector[int] {
			return chaos.Latency[int](always, func(context.Context) time.Duration { cancel(); return 0 })
		},
		"when": func() *chaos.Injector[int] {
			return chaos.Outcome(chaos.Config{Rate: 1, When: func(context.Context) bool { cancel(); return true }}, answer(7))
		},
		"not when": func() *chaos.Injector[int] {
			return chaos.Outcome(chaos.Config{Rate: 1, When: func(context.Context) bool { cancel(); return false }}, answer(7))
		},
		"rate": func() *chaos.Injector[int] {
			return chaos.Outcome(chaos.Config{Enabled: true, RateFunc: func(context.Context) float64 { cancel(); return 1 }}, answer(7))
		},
	} {
		for _, p := range []policy.Policy[int]{build(), chaos.Mix(build())} {
			ctx, stop := context.WithCancel(t.Context())
			cancel = stop
			fn := fake.NewFunc[int]().Return(1)
			_, err := p.Execute(ctx, policy.CallOf(fn.Do))
			stop()
			assert.ErrorIs(t, err, context.Canceled, name)
			assert.Zero(t, fn.Calls(), name)
		}
	}
}

func TestALatencyIsNoInjectionIfTheContextEndsBeforeItBegins(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	p := chaos.Latency[int](always, func(context.Context) time.Duration { cancel(); return time.Hour })
	_, err := p.Do(ctx, answer(1))
	assert.ErrorIs(t, err, context.Canceled)
	assert.Zero(t, p.Snapshot().Injected)
}

func TestAnOutcomeIsASuccessThoughItsContextHasEnded(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	v, err := chaos.Outcome(always, func(context.Context) (int, error) { cancel(); return 7, nil }).Do(ctx, answer(1))
	require.NoError(t, err)
	assert.Equal(t, 7, v)
}

// A caller that leaves during an injected latency says nothing of the dependency.
func TestACircuitIgnoresCallersThatLeaveDuringALatency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		circuit := breaker.NewCircuit(breaker.Config{FailureThreshold: 1})
		p := pipeline.New[int](breaker.New[int](circuit), chaos.Latency[int](always, lasting(time.Hour)))
		ctx, cancel := context.WithCancel(t.Context())
		policy.AfterFunc(nil, time.Minute, cancel)
		_, err := p.Do(ctx, answer(1))
		assert.ErrorIs(t, err, context.Canceled)
		assert.Equal(t, breaker.Closed, circuit.State())
	})
}

func TestTheBenbjohnsonMockWorksAsAClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clk := bclock.NewMock()
		cfg := always
		cfg.Clock = clk
		done := make(chan int)
		go func() {
			v, err := chaos.Latency[int](cfg, lasting(time.Hour)).Do(t.Context(), answer(1))
			assert.NoError(t, err)
			done <- v
		}()
		synctest.Wait()
		clk.Add(time.Hour - 1)
		synctest.Wait()
		select {
		case <-done:
			t.Error("the call did not wait for the hour to pass")
		default:
		}
		clk.Add(1)
		assert.Equal(t, 1, <-done)
	})
}

func TestAFakeClockCountsACallThatWaits(t *testing.T) {
	clk := fake.NewClock(fake.For(t))
	cfg := always
	cfg.Clock = clk
	done := make(chan int)
	go func() {
		v, err := chaos.Latency[int](cfg, lasting(time.Hour)).Do(t.Context(), answer(1))
		assert.NoError(t, err)
		done <- v
	}()
	require.NoError(t, clk.BlockUntil(t.Context(), 1))
	clk.Advance(time.Hour)
	assert.Equal(t, 1, <-done)
}

func TestOneInjectorServesSeveralBubbles(t *testing.T) {
	p := chaos.Latency[int](always, lasting(time.Hour))
	for range 3 {
		synctest.Test(t, func(t *testing.T) {
			begun := time.Now()
			_, err := p.Do(t.Context(), answer(1))
			require.NoError(t, err)
			assert.Equal(t, time.Hour, time.Since(begun))
		})
	}
}

// failingClock is a clock whose Sleep fails.
type failingClock struct{ policy.Clock }

func (failingClock) Sleep(context.Context, time.Duration) error { return errDown }

func TestALatencyReturnsTheErrorOfAClockThatFails(t *testing.T) {
	cfg := always
	cfg.Clock = failingClock{}
	fn := fake.NewFunc[int]().Return(1)
	_, err := chaos.Latency[int](cfg, lasting(time.Hour)).Do(t.Context(), fn.Do)
	assert.ErrorIs(t, err, errDown)
	assert.Zero(t, fn.Calls())
}

// looks counts how often a context is asked whether it has ended.
type looks struct {
	context.Context
	n int
}

func (l *looks) Err() error {
	l.n++
	return l.Context.Err()
}

// The pipeline has looked, and inside of a timeout a look may read the clock.
func TestWhatIsOffDoesNotLookAtTheContextInAPipeline(t *testing.T) {
	all := map[string]policy.Policy[int]{}
	for kind, p := range kinds(chaos.Config{Rate: 1}) {
		all[kind], all["mix of a "+kind] = p, chaos.Mix(p)
	}
	for name, p := range all {
		ctx := &looks{Context: t.Context()}
		v, err := policy.NewChain("", nil, p).Call(answer(1)).Do(ctx)
		require.NoError(t, err, name)
		assert.Equal(t, 1, v, name)
		assert.Zero(t, ctx.n, name)
	}
}
