package pipeline_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
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

var errDown = errors.New("down")

func one(context.Context) (int, error)  { return 1, nil }
func down(context.Context) (int, error) { return 0, errDown }

func four(c *breaker.Circuit) *pipeline.Pipeline[int] {
	return pipeline.New(
		policy.FallbackValue(7),
		retry.New[int](retry.Config{}),
		breaker.New[int](c),
		policy.Timeout[int](10*time.Second),
	)
}

func TestTheFirstPolicyIsOutermost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := four(breaker.NewCircuit(breaker.Config{Name: "stripe"}))
		assert.Equal(t, "fallback > retry(3) > breaker(stripe) > timeout(10s)", p.String())
		v, err := p.Do(t.Context(), down)
		require.NoError(t, err)
		assert.Equal(t, 7, v)
	})
}

func TestNewWithoutPoliciesOnlyRunsTheFunction(t *testing.T) {
	v, err := pipeline.New[int]().Wrap(one)(context.Background())
	require.NoError(t, err)
	assert.Equal(t, 1, v)
}

func TestStringOfAnEmptyPipelineIsPassThrough(t *testing.T) {
	assert.Equal(t, "pass-through", pipeline.New[int]().String())
	assert.Equal(t, "fallback > (pass-through)", pipeline.New[int](policy.FallbackValue(1), &pipeline.Pipeline[int]{}).String())
}

func TestTheZeroPipelineOnlyRunsTheFunction(t *testing.T) {
	var zero pipeline.Pipeline[int]
	ended := 0
	observed := zero.WithName("zero").WithObserver(func(context.Context, policy.Event) { ended++ })
	for _, do := range []policy.Func[int]{
		zero.Wrap(one), pipeline.New[int](&zero).Wrap(one), observed.Wrap(one),
		func(ctx context.Context) (int, error) { return zero.Execute(ctx, policy.CallOf(one)) },
	} {
		v, err := do(t.Context())
		require.NoError(t, err)
		assert.Equal(t, 1, v)
	}
	assert.Equal(t, 2, ended, "started and finished")
	assert.Empty(t, zero.Policies())
}

func TestAnOuterBreakerCountsARetryThatEndedByARejection(t *testing.T) {
	clk := fake.NewClock(fake.AutoAdvance())
	outer := breaker.NewCircuit(breaker.Config{FailureThreshold: 1, Clock: clk})
	inner := breaker.NewCircuit(breaker.Config{FailureThreshold: 2, Clock: clk})
	retried := retry.New[int](retry.Config{Clock: clk, JitterFactor: retry.NoJitter})
	call := fake.NewFunc[int]().Fail(errDown)
	_, err := pipeline.New(breaker.New[int](outer), retried, breaker.New[int](inner)).Do(t.Context(), call.Do)
	var refused *breaker.OpenError
	require.ErrorAs(t, err, &refused)
	assert.Equal(t, errDown, refused.Cause)
	assert.NotErrorIs(t, err, policy.ErrRejected, "the function has run")
	assert.ErrorIs(t, err, errDown)
	assert.Equal(t, 2, call.Calls())
	assert.Equal(t, []time.Duration{500 * time.Millisecond}, clk.Sleeps(), "no delay after the attempt that opened the circuit")
	assert.Equal(t, breaker.Open, outer.State())
	assert.Equal(t, breaker.Open, inner.State())
}

func TestANilPolicyIsReportedByPosition(t *testing.T) {
	assert.PanicsWithValue(t, "pipeline: New: policy 2 of 2 is nil, want a policy", func() {
		pipeline.New[int](policy.FallbackValue(1), (*retry.Retry[int])(nil))
	})
}

func TestCopiesShareNothing(t *testing.T) {
	policies := []policy.Policy[int]{policy.FallbackValue(7)}
	p := pipeline.New(policies...)
	policies[0] = policy.FallbackValue(8)
	q := p.WithName("q").WithObserver(func(context.Context, policy.Event) { t.Error("the observer got an event of another pipeline") })
	p.Policies()[0] = nil
	v, err := p.Do(context.Background(), down)
	require.NoError(t, err)
	assert.Equal(t, 7, v)
	assert.NotSame(t, p, q)
}

func TestEventsReportTheWholeCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var emitted []string
		observe := func(who string) policy.Observer {
			return func(_ context.Context, e policy.Event) {
				emitted = append(emitted, fmt.Sprintf("%s %s/%s %v", who, e.Pipeline, cmp.Or(e.Name, e.Policy), e.Kind))
			}
		}
		c := breaker.NewCircuit(breaker.Config{Name: "stripe", FailureThreshold: 2})
		inner := pipeline.New(breaker.New[int](c)).WithName("in").WithObserver(observe("1"))
		outer := pipeline.New(retry.New[int](retry.Config{}), inner).WithName("out").WithObserver(observe("2"))
		_, err := outer.Do(t.Context(), down)
		assert.ErrorIs(t, err, breaker.ErrOpen)
		assert.Equal(t, []string{
			"2 out/ started", "1 in/ started", "2 in/ started", "1 in/stripe judged", "2 in/stripe judged",
			"1 in/ finished", "2 in/ finished", "2 out/retry attempted", "2 out/retry retried",
			"1 in/ started", "2 in/ started", "1 in/stripe judged", "2 in/stripe judged",
			"1 in/stripe state_changed", "2 in/stripe state_changed", "1 in/ finished", "2 in/ finished",
			"2 out/retry attempted", "2 out/retry gave_up", "2 out/ finished",
		}, emitted)
		emitted = nil
		_, err = outer.Do(t.Context(), down)
		assert.ErrorIs(t, err, policy.ErrRejected)
		assert.Equal(t, []string{
			"2 out/ started", "1 in/ started", "2 in/ started", "1 in/stripe rejected", "2 in/stripe rejected",
			"1 in/ finished", "2 in/ finished", "2 out/retry attempted", "2 out/ finished",
		}, emitted)
	})
}

// around is a user's policy that runs a pipeline.
type around struct{ inner *pipeline.Pipeline[int] }

func (a around) Execute(ctx context.Context, next policy.Call[int]) (int, error) {
	return a.inner.Execute(ctx, next)
}

func TestAPipelineInsideAUsersPolicyReachesBothObservers(t *testing.T) {
	var emitted []string
	observe := func(_ context.Context, e policy.Event) { emitted = append(emitted, e.Pipeline) }
	p := pipeline.New[int](around{pipeline.New[int]().WithName("in")}).WithName("out").WithObserver(observe)
	_, err := p.Do(context.Background(), one)
	require.NoError(t, err)
	assert.Equal(t, []string{"out", "in", "in", "out"}, emitted)
	assert.Equal(t, "pipeline_test.around", p.String())
}

func TestOnePipelineRunsEveryType(t *testing.T) {
	p := pipeline.New[any](policy.FallbackValue[any]("seven"))
	s, err := pipeline.Run(context.Background(), p, func(context.Context) (string, error) { return "", errDown })
	require.NoError(t, err)
	assert.Equal(t, "seven", s)
	_, err = pipeline.Run(context.Background(), p, down)
	assert.EqualError(t, err, "pipeline: Run: a policy returned the type string, want int")
	require.NoError(t, pipeline.Exec(context.Background(), p, func(context.Context) error { return errDown }))
}

func TestAnEndedContextRunsNothing(t *testing.T) {
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(errDown)
	c := breaker.NewCircuit(breaker.Config{})
	for _, do := range []func() (int, error){
		func() (int, error) { return four(c).Do(ctx, one) },
		func() (int, error) { return four(c).Wrap(one)(ctx) },
		func() (int, error) { return four(c).Execute(ctx, policy.CallOf(one)) },
	} {
		v, err := do()
		assert.Zero(t, v)
		assert.ErrorIs(t, err, context.Canceled)
		assert.ErrorIs(t, err, errDown)
	}
}

func TestTheTimeoutOfAnAttemptIsRetried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pipeline.Standard[int](pipeline.StandardConfig{Name: "std", Circuit: breaker.NewCircuit(breaker.Config{Name: "c"}), AttemptTimeout: time.Second})
		assert.Equal(t, "timeout(total, 30s) > retry(3) > breaker(c) > timeout(attempt, 1s)", p.String())
		calls := 0
		_, err := p.Do(t.Context(), func(ctx context.Context) (int, error) {
			calls++
			<-ctx.Done()
			return 0, ctx.Err()
		})
		assert.Equal(t, 3, calls)
		assert.ErrorIs(t, err, retry.ErrExhausted)
		assert.ErrorIs(t, err, context.DeadlineExceeded)
	})
}

func TestStandardRefusesDelaysThatCannotFit(t *testing.T) {
	for want, cfg := range map[string]pipeline.StandardConfig{
		"StandardConfig.AttemptTimeout is 30s": {AttemptTimeout: 30 * time.Second},
		"StandardConfig.Retry.BaseDelay is 500ms, want less": {
			TotalTimeout: time.Second, AttemptTimeout: time.Millisecond, Retry: retry.Config{BaseDelay: time.Second / 2},
		},
		"StandardConfig.Retry.MaxAttempts is -2": {Retry: retry.Config{MaxAttempts: -2}},
		"StandardConfig.Keep is a int":           {Keep: 7},
	} {
		assert.ErrorContains(t, cfg.Validate(), want)
		assert.Panics(t, func() { pipeline.Standard[int](cfg) })
	}
}

func TestASuccessAllocatesOnlyForTheTimeout(t *testing.T) {
	ctx := context.Background()
	c := breaker.NewCircuit(breaker.Config{})
	three := pipeline.New(policy.FallbackValue(7), retry.New[int](retry.Config{}), breaker.New[int](c))
	assert.Zero(t, testing.AllocsPerRun(100, func() { _, _ = three.Do(ctx, one) }))
	nested := pipeline.New[int](three)
	assert.Zero(t, testing.AllocsPerRun(100, func() { _, _ = nested.Do(ctx, one) }))
	p := four(c)
	assert.LessOrEqual(t, testing.AllocsPerRun(100, func() { _, _ = p.Do(ctx, one) }), 1.0)
}

// BenchmarkPipeline compares compositions with the bare call: an empty pipeline, each
// policy alone, three of them together, and the three with a timeout.
func BenchmarkPipeline(b *testing.B) {
	c := breaker.NewCircuit(breaker.Config{})
	three := pipeline.New(policy.FallbackValue(7), retry.New[int](retry.Config{}), breaker.New[int](c))
	all := four(c)
	none := pipeline.New[int]()
	fallback := pipeline.New[int](policy.FallbackValue(7))
	retrying := pipeline.New[int](retry.New[int](retry.Config{}))
	breaking := pipeline.New[int](breaker.New[int](c))
	for _, bench := range []struct {
		name string
		call policy.Func[int]
	}{
		{"bare", one},
		{"none", func(ctx context.Context) (int, error) { return none.Do(ctx, one) }},
		{"fallback", func(ctx context.Context) (int, error) { return fallback.Do(ctx, one) }},
		{"retry", func(ctx context.Context) (int, error) { return retrying.Do(ctx, one) }},
		{"breaker", func(ctx context.Context) (int, error) { return breaking.Do(ctx, one) }},
		{"three", func(ctx context.Context) (int, error) { return three.Do(ctx, one) }},
		{"four", func(ctx context.Context) (int, error) { return all.Do(ctx, one) }},
	} {
		b.Run(bench.name, func(b *testing.B) {
			ctx := context.Background()
			b.ReportAllocs()
			for b.Loop() {
				_, _ = bench.call(ctx)
			}
		})
		b.Run(bench.name+"/parallel", func(b *testing.B) {
			ctx := context.Background()
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					_, _ = bench.call(ctx)
				}
			})
		})
	}
}

func ExampleNew() {
	ctx := context.Background()
	charge := func(context.Context) (string, error) { return "charged", nil }
	stripe := breaker.NewCircuit(breaker.Config{Name: "stripe"})

	p := pipeline.New(
		policy.FallbackValue("queued"),
		retry.New[string](retry.Config{}),
		breaker.New[string](stripe),
		policy.Timeout[string](10*time.Second),
	)
	answer, err := p.Do(ctx, charge) // charge is a func(ctx) (string, error)
	fmt.Println(p)
	fmt.Println(answer, err)
	// Output:
	// fallback > retry(3) > breaker(stripe) > timeout(10s)
	// charged <nil>
}
