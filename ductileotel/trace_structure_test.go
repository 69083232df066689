package ductileotel_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/ductileotel"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/hedge"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

func TestAttemptsOfAHedgeAreSideBySideAndLinked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := recorded()
		p := tracedBy(s, pipeline.New(hedge.New[int](hedge.Config{Name: "tail", Delay: time.Second, MaxExtra: 2, Budget: hedge.NoBudget})))
		v, err := p.Do(t.Context(), func(ctx context.Context) (int, error) {
			if hedge.Attempt(ctx) < 3 {
				<-ctx.Done()
				return 0, ctx.Err()
			}
			return 3, nil
		})
		require.NoError(t, err)
		require.Equal(t, 3, v)
		synctest.Wait() // the losers return after the call
		call, attempts := s.named(t, "call")[0], s.named(t, "attempt")
		require.Len(t, attempts, 3)
		var before sdktrace.ReadOnlySpan
		for i, attempt := range attempts {
			assert.EqualValues(t, i+1, valueOf(attempt.Attributes(), "ductile.attempt.number"))
			assertChild(t, call, attempt)
			assertLinked(t, before, attempt)
			assertFine(t, attempt)
			before = attempt
		}
		for i, outcome := range []string{"canceled", "canceled", "success"} {
			assert.Equal(t, outcome, valueOf(attempts[i].Attributes(), "ductile.outcome"))
		}
		assert.Equal(t, "hedge", valueOf(call.Attributes(), "ductile.rescue"))
	})
}

func TestAttemptsOfAHedgeInsideARetryAreChildrenOfItsAttempts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := recorded()
		p := tracedBy(s, pipeline.New(
			retry.New[int](retry.Config{Name: "again", MaxAttempts: 2}),
			hedge.New[int](hedge.Config{Name: "tail", Delay: hedge.AtOnce, Budget: hedge.NoBudget}),
		))
		_, err := p.Do(t.Context(), func(context.Context) (int, error) { return 0, errDown })
		require.ErrorIs(t, err, errDown)
		synctest.Wait()
		of := map[string][]sdktrace.ReadOnlySpan{}
		for _, attempt := range s.named(t, "attempt") {
			name := valueOf(attempt.Attributes(), "ductile.policy.name").(string)
			of[name] = append(of[name], attempt)
			assert.Equal(t, codes.Error, attempt.Status().Code)
		}
		require.Len(t, of["again"], 2)
		require.Len(t, of["tail"], 4)
		for i, attempt := range of["tail"] {
			assertChild(t, of["again"][i/2], attempt)
		}
	})
}

func TestRetriesInsideAHedgeLinkOnlyTheirOwnAttempts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := recorded()
		p := tracedBy(s, pipeline.New(
			hedge.New[int](hedge.Config{Name: "tail", Delay: time.Second, Budget: hedge.NoBudget}),
			retry.New[int](retry.Config{Name: "again", MaxAttempts: 2, BaseDelay: time.Second, JitterFactor: retry.NoJitter}),
		))
		_, err := p.Do(t.Context(), func(context.Context) (int, error) {
			time.Sleep(500 * time.Millisecond)
			return 0, errDown
		})
		require.ErrorIs(t, err, errDown)
		synctest.Wait()
		byID := map[trace.SpanID]sdktrace.ReadOnlySpan{}
		for _, attempt := range s.named(t, "attempt") {
			byID[attempt.SpanContext().SpanID()] = attempt
		}
		seconds := 0
		for _, attempt := range byID {
			if valueOf(attempt.Attributes(), "ductile.policy.name") == "again" && valueOf(attempt.Attributes(), "ductile.attempt.number") == int64(2) {
				seconds++
				require.Len(t, attempt.Links(), 1)
				first := byID[attempt.Links()[0].SpanContext.SpanID()]
				assert.Equal(t, attempt.Parent().SpanID(), first.Parent().SpanID())
				event(t, byID[attempt.Parent().SpanID()], "ductile.retry")
			}
		}
		assert.Equal(t, 2, seconds)
	})
}

func TestAttemptsOfANestedPipelineBelongToTheCall(t *testing.T) {
	s := recorded()
	inner := pipeline.New[int](retries()).WithName("inner")
	p := tracedBy(s, pipeline.New[int](policy.FallbackValue(7), inner).WithName("outer"))
	v, err := p.Do(t.Context(), fake.NewFunc[int]().Fail(errDown).Do)
	require.NoError(t, err)
	require.Equal(t, 7, v)
	all := s.all(t)
	require.Len(t, all, 4)
	assert.Equal(t, "outer", all[0].Name())
	assert.Equal(t, "fallback", valueOf(all[0].Attributes(), "ductile.rescue"))
	for _, attempt := range all[1:] {
		assertChild(t, all[0], attempt)
		assert.Equal(t, "inner", valueOf(attempt.Attributes(), "ductile.pipeline.name"))
	}
	assert.Len(t, all[0].Events(), 2)
}

func TestANestedPipelineThatIsTracedItselfHasItsOwnCallsAndTellsEventsOnce(t *testing.T) {
	s := recorded()
	inner := tracedBy(s, pipeline.New[int](retries()).WithName("inner"))
	p := tracedBy(s, pipeline.New[int](retries(), inner).WithName("outer"))
	_, err := p.Do(t.Context(), fake.NewFunc[int]().Fail(errDown).Return(1).Do)
	require.NoError(t, err)
	all := s.all(t) // outer, its attempt, inner, its two attempts
	require.Len(t, all, 5)
	for i, parent := range []int{0, 1, 2, 2} {
		assertChild(t, all[parent], all[i+1])
	}
	event(t, all[2], "ductile.retry")
	assert.Empty(t, all[0].Events())
	assert.Empty(t, all[1].Events())
}

func TestAPipelineIsTracedOnce(t *testing.T) {
	s := recorded()
	p := tracedBy(s, pipeline.New[int](retries()))
	assert.Same(t, p, tracedBy(s, p))
}

func TestNameAndObserversAreKeptAndEachCallIsObservedOnce(t *testing.T) {
	before, after := fake.NewRecorder(), fake.NewRecorder()
	s := recorded()
	p := tracedBy(s, pipeline.New[int](retries()).WithName("charge").WithObserver(before.Observe)).WithObserver(after.Observe)
	assert.Equal(t, "charge", p.Name())
	_, err := p.Do(t.Context(), fake.NewFunc[int]().Fail(errDown).Return(1).Do)
	require.NoError(t, err)
	for _, rec := range []*fake.Recorder{before, after} {
		var kinds []policy.EventKind
		for _, e := range rec.Events() {
			kinds = append(kinds, e.Kind)
			assert.Equal(t, "charge", e.Pipeline)
		}
		assert.Equal(t, []policy.EventKind{policy.Started, policy.Attempted, policy.Retried, policy.Attempted, policy.Recovered, policy.Finished}, kinds)
	}
}

func TestARetryStillSeesThatItsNextAttemptWouldBeRefused(t *testing.T) {
	s := recorded()
	circuit := breaker.NewCircuit(breaker.Config{FailureThreshold: 1})
	p := tracedBy(s, pipeline.New[int](retries(), breaker.New[int](circuit)))
	fn := fake.NewFunc[int]().Fail(errDown)
	_, err := p.Do(t.Context(), fn.Do)
	require.ErrorIs(t, err, breaker.ErrOpen)
	require.ErrorIs(t, err, errDown)
	assert.Len(t, s.named(t, "attempt"), 1)
	assert.EqualValues(t, 0, circuit.Snapshot().Counts.Rejected)
}

func TestAPanicEndsTheSpansAndIsNotRecovered(t *testing.T) {
	s := recorded()
	p := tracedBy(s, pipeline.New[int](retries()))
	assert.PanicsWithValue(t, "boom", func() {
		_, _ = p.Do(t.Context(), func(context.Context) (int, error) { panic("boom") })
	})
	for _, span := range s.all(t) {
		assertFailed(t, span, "panic")
		assert.Empty(t, span.Events(), "Span.End would recover the panic")
	}
	assert.Len(t, s.all(t), 2)
}

func TestGoexitEndsTheSpans(t *testing.T) {
	s := recorded()
	p := tracedBy(s, pipeline.New[int](retries()))
	var done sync.WaitGroup
	done.Go(func() {
		_, _ = p.Do(context.Background(), func(context.Context) (int, error) { runtime.Goexit(); return 0, nil })
	})
	done.Wait()
	for _, span := range s.all(t) {
		assertFailed(t, span, "panic")
	}
	assert.Len(t, s.all(t), 2)
}

func TestACallThatIsNotSampledHasNoSpans(t *testing.T) {
	s := recorded(sdktrace.WithSampler(sdktrace.NeverSample()))
	p := tracedBy(s, pipeline.New[int](retries()))
	_, err := p.Do(t.Context(), func(ctx context.Context) (int, error) {
		assert.False(t, trace.SpanFromContext(ctx).IsRecording())
		assert.True(t, trace.SpanContextFromContext(ctx).IsValid(), "the trace goes on to the server, which may record")
		return 0, errDown
	})
	require.Error(t, err)
	assert.Empty(t, s.all(t))
}

// byName samples the spans of one name.
type byName string

func (n byName) Description() string { return "by name" }

func (n byName) ShouldSample(p sdktrace.SamplingParameters) sdktrace.SamplingResult {
	if p.Name == string(n) || p.Name == "attempt" {
		return sdktrace.SamplingResult{Decision: sdktrace.RecordAndSample}
	}
	return sdktrace.SamplingResult{Decision: sdktrace.Drop}
}

func TestACallThatIsNotSampledLeavesNothingOnTheCallAroundIt(t *testing.T) {
	s := recorded(sdktrace.WithSampler(byName("outer")))
	inner := tracedBy(s, pipeline.New[int](retries()).WithName("inner"))
	outer := tracedBy(s, pipeline.New[int]().WithName("outer"))
	_, err := outer.Do(t.Context(), func(ctx context.Context) (int, error) {
		return inner.Do(ctx, fake.NewFunc[int]().Fail(errDown).Return(1).Do)
	})
	require.NoError(t, err)
	all := s.all(t)
	require.Len(t, all, 1)
	assert.Empty(t, all[0].Events())
}

func TestALateAttemptOfAnAbandonedCallEndsItsSpan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := recorded()
		p := tracedBy(s, pipeline.New(
			policy.NewTimeout[int](policy.TimeoutConfig{After: time.Second, Abandon: true}),
			retry.New[int](retry.Config{}),
		))
		release := make(chan struct{})
		_, err := p.Do(t.Context(), func(context.Context) (int, error) { <-release; return 0, errDown })
		require.ErrorIs(t, err, context.DeadlineExceeded)
		close(release)
		synctest.Wait()
		assert.Len(t, s.all(t), 2)
	})
}

func TestConcurrentCallsShareNoSpans(t *testing.T) {
	s := recorded()
	p := tracedBy(s, pipeline.New[int](retries()))
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			_, err := p.Do(context.Background(), func(ctx context.Context) (int, error) {
				if retry.Attempt(ctx) < 3 {
					return 0, errors.New("not yet")
				}
				return 1, nil
			})
			assert.NoError(t, err)
		})
	}
	all.Wait()
	byTrace := map[trace.TraceID][]sdktrace.ReadOnlySpan{}
	for _, span := range s.all(t) {
		byTrace[span.SpanContext().TraceID()] = append(byTrace[span.SpanContext().TraceID()], span)
	}
	require.Len(t, byTrace, 50)
	for _, of := range byTrace {
		require.Len(t, of, 4)
		for i := 2; i < 4; i++ {
			assertLinked(t, of[i-1], of[i])
		}
	}
}

func TestTraceOfNilPanics(t *testing.T) {
	assert.PanicsWithValue(t, "ductileotel: Trace: pipeline is nil, want one made by pipeline.New", func() {
		ductileotel.Trace[int](nil)
	})
}
