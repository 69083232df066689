package ductileotel_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/ductileotel"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// retries returns a retry in virtual time with delays of one second.
func retries() *retry.Retry[int] {
	return retry.New[int](retry.Config{
		Name: "again", BaseDelay: time.Second, Multiplier: 1, JitterFactor: retry.NoJitter,
		Clock: fake.NewClock(fake.AutoAdvance()),
	})
}

func TestACallHasASpanWithItsAttemptsInsideEachLinkedToTheOneBefore(t *testing.T) {
	s := recorded()
	p := tracedBy(s, pipeline.New[int](retries()).WithName("charge"))
	_, err := p.Do(t.Context(), fake.NewFunc[int]().Fail(errDown, errDown).Return(1).Do)
	require.NoError(t, err)
	all := s.all(t)
	require.Len(t, all, 4)
	call := all[0]
	assert.Equal(t, "charge", call.Name())
	assert.Equal(t, trace.SpanKindInternal, call.SpanKind())
	assert.Equal(t, "charge", valueOf(call.Attributes(), "ductile.pipeline.name"))
	assert.Equal(t, ductileotel.ScopeName, call.InstrumentationScope().Name)
	assert.Equal(t, ductileotel.Version, call.InstrumentationScope().Version)
	var before sdktrace.ReadOnlySpan
	for i, attempt := range all[1:] {
		assert.Equal(t, "attempt", attempt.Name())
		assert.EqualValues(t, i+1, valueOf(attempt.Attributes(), "ductile.attempt.number"))
		assert.Equal(t, "again", valueOf(attempt.Attributes(), "ductile.policy.name"))
		assertChild(t, call, attempt)
		assertLinked(t, before, attempt)
		before = attempt
	}
}

func TestFailuresOfAttemptsAreNotOnARescuedCall(t *testing.T) {
	s := recorded()
	p := tracedBy(s, pipeline.New[int](retries()))
	_, err := p.Do(t.Context(), fake.NewFunc[int]().Fail(errDown).Return(1).Do)
	require.NoError(t, err)
	call := s.named(t, "call")[0]
	assertFine(t, call)
	assert.Equal(t, "success", valueOf(call.Attributes(), "ductile.outcome"))
	assert.Equal(t, "retry", valueOf(call.Attributes(), "ductile.rescue"))
	attempts := s.named(t, "attempt")
	assertFailed(t, attempts[0], "*errors.errorString")
	assert.Equal(t, "down", attempts[0].Status().Description)
	assertFine(t, attempts[1])
}

func TestACallThatFailsHasTheErrorOfItsLastAttempt(t *testing.T) {
	s := recorded()
	p := tracedBy(s, pipeline.New[int](retries()))
	_, err := p.Do(t.Context(), fake.NewFunc[int]().Fail(errDown, errDown, coded{}).Do)
	require.ErrorIs(t, err, retry.ErrExhausted)
	call := s.named(t, "call")[0]
	assertFailed(t, call, "503")
	assert.Equal(t, "failure", valueOf(call.Attributes(), "ductile.outcome"))
	assert.Nil(t, valueOf(call.Attributes(), "ductile.rescue"))
}

func TestARetryIsAnEventOfTheCallWithItsDelayAndErrorType(t *testing.T) {
	s := recorded()
	p := tracedBy(s, pipeline.New[int](retries()))
	_, err := p.Do(t.Context(), fake.NewFunc[int]().Fail(coded{}).Return(1).Do)
	require.NoError(t, err)
	e := event(t, s.named(t, "call")[0], "ductile.retry")
	assert.Equal(t, 1.0, valueOf(e.Attributes, "ductile.retry.delay"))
	assert.Equal(t, "503", valueOf(e.Attributes, "error.type"))
	assert.Equal(t, "backoff", valueOf(e.Attributes, "ductile.source"))
	for _, attempt := range s.named(t, "attempt") {
		assert.Empty(t, attempt.Events())
	}
}

func TestARejectedValueIsRetriedWithoutAnErrorType(t *testing.T) {
	s := recorded()
	again := retries().WithCondition(func(v int, _ error) bool { return v == 0 })
	_, err := tracedBy(s, pipeline.New[int](again)).Do(t.Context(), fake.NewFunc[int]().Return(0).Return(1).Do)
	require.NoError(t, err)
	assert.Nil(t, valueOf(event(t, s.named(t, "call")[0], "ductile.retry").Attributes, "error.type"))
}

func TestTheFunctionsContextCarriesTheSpanOfItsAttempt(t *testing.T) {
	s := recorded()
	p := tracedBy(s, pipeline.New[int](retries(), breaker.New[int](breaker.NewCircuit(breaker.Config{}))))
	var carried []trace.SpanID
	_, err := p.Do(t.Context(), func(ctx context.Context) (int, error) {
		carried = append(carried, trace.SpanFromContext(ctx).SpanContext().SpanID())
		return 0, errDown
	})
	require.Error(t, err)
	require.Len(t, carried, 3)
	for i, attempt := range s.named(t, "attempt") {
		assert.Equal(t, attempt.SpanContext().SpanID(), carried[i])
	}
}

func TestTheCallIsAChildOfTheCallersSpan(t *testing.T) {
	s := recorded()
	ctx, outer := s.provider.Tracer("test").Start(t.Context(), "handler")
	_, err := tracedBy(s, pipeline.New[int]()).Do(ctx, fake.NewFunc[int]().Return(1).Do)
	require.NoError(t, err)
	outer.End()
	assertChild(t, s.named(t, "handler")[0], s.named(t, "call")[0])
}

func TestWithoutARetryTheFunctionsContextCarriesTheSpanOfTheCall(t *testing.T) {
	s := recorded()
	p := tracedBy(s, pipeline.New(breaker.New[int](breaker.NewCircuit(breaker.Config{}))))
	var carried trace.SpanID
	_, err := p.Do(t.Context(), func(ctx context.Context) (int, error) {
		carried = trace.SpanFromContext(ctx).SpanContext().SpanID()
		return 0, errDown
	})
	require.ErrorIs(t, err, errDown)
	all := s.all(t)
	require.Len(t, all, 1)
	assert.Equal(t, all[0].SpanContext().SpanID(), carried)
	assertFailed(t, all[0], "*errors.errorString")
}

func TestATransitionAndARejectionAreEventsOfTheirAttempts(t *testing.T) {
	s := recorded()
	clock := fake.NewClock(fake.AutoAdvance())
	circuit := breaker.NewCircuit(breaker.Config{Name: "stripe", FailureThreshold: 1, RecoveryTimeout: time.Second, Clock: clock})
	p := tracedBy(s, pipeline.New(
		retry.New[int](retry.Config{Clock: clock, RetryRejected: true, BaseDelay: time.Millisecond, RetryIf: func(error) bool { return true }}),
		breaker.New[int](circuit),
	))
	circuit.Trip(time.Second, "maintenance")
	_, err := p.Do(t.Context(), fake.NewFunc[int]().Return(1).Do)
	require.NoError(t, err)
	attempts := s.named(t, "attempt")
	require.Len(t, attempts, 2)
	rejected := event(t, attempts[0], "ductile.rejected")
	assert.Equal(t, "stripe", valueOf(rejected.Attributes, "ductile.policy.name"))
	assert.Equal(t, "breaker", valueOf(rejected.Attributes, "ductile.policy.type"))
	assert.Equal(t, "open", valueOf(rejected.Attributes, "ductile.reason"))
	assert.Equal(t, "rejected", valueOf(attempts[0].Attributes(), "ductile.outcome"))
	assertFailed(t, attempts[0], "open")
	var moves []string
	for _, e := range attempts[1].Events() {
		require.Equal(t, "ductile.circuit.transition", e.Name)
		require.Equal(t, "stripe", valueOf(e.Attributes, "ductile.circuit.name"))
		moves = append(moves, fmt.Sprint(valueOf(e.Attributes, "ductile.from"), " to ", valueOf(e.Attributes, "ductile.to")))
	}
	assert.Equal(t, []string{"open to half-open", "half-open to closed"}, moves)
}

func TestATimeoutIsAnEventOfTheSpanThatItLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := recorded()
		p := tracedBy(s, pipeline.New(
			policy.NewTimeout[int](policy.TimeoutConfig{Name: "total", After: 5 * time.Second}),
			retry.New[int](retry.Config{BaseDelay: time.Second, MaxAttempts: retry.Unlimited, JitterFactor: retry.NoJitter, Multiplier: 1}),
			policy.Timeout[int](3*time.Second),
		))
		_, err := p.Do(t.Context(), func(ctx context.Context) (int, error) {
			<-ctx.Done()
			return 0, ctx.Err()
		})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		call, attempts := s.named(t, "call")[0], s.named(t, "attempt")
		assert.Equal(t, "total", valueOf(event(t, call, "ductile.timeout").Attributes, "ductile.policy.name"))
		assert.Equal(t, "timeout", valueOf(event(t, attempts[0], "ductile.timeout").Attributes, "ductile.policy.name"))
		assertFailed(t, call, "timeout")
		assertFailed(t, attempts[0], "timeout")
		assert.Equal(t, "timeout", valueOf(call.Attributes(), "ductile.outcome"))
	})
}

func TestACallerThatLeavesCancelsTheCall(t *testing.T) {
	s := recorded()
	ctx, cancel := context.WithCancel(t.Context())
	_, err := tracedBy(s, pipeline.New[int](retries())).Do(ctx, func(ctx context.Context) (int, error) {
		cancel()
		return 0, ctx.Err()
	})
	require.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, "canceled", valueOf(s.named(t, "call")[0].Attributes(), "ductile.outcome"))
	_, err = tracedBy(s, pipeline.New[int](retries())).Do(ctx, fake.NewFunc[int]().Return(1).Do)
	require.ErrorIs(t, err, context.Canceled)
	assert.Len(t, s.named(t, "call"), 1, "a call whose context had ended has no span")
}

func TestSecretsOfURLsAreNotInStatusDescriptions(t *testing.T) {
	s := recorded()
	fail := fmt.Errorf(`Get "https://user:key@api.example/charge?token=1": refused`)
	_, err := tracedBy(s, pipeline.New[int](retries())).Do(t.Context(), fake.NewFunc[int]().Fail(fail).Do)
	require.Error(t, err)
	for _, span := range s.all(t) {
		assert.Contains(t, span.Status().Description, "https://...@api.example/charge")
		assert.NotContains(t, span.Status().Description, "key")
		assert.NotContains(t, span.Status().Description, "token")
	}
}

func TestTheUsersAttributesAreOnTheEventsOfSpans(t *testing.T) {
	s := recorded()
	p := tracedBy(s, pipeline.New[int](retries()), ductileotel.WithAttributes(func(_ context.Context, e policy.Event) []attribute.KeyValue {
		return []attribute.KeyValue{attribute.Int("after", e.Attempt)}
	}))
	_, err := p.Do(t.Context(), fake.NewFunc[int]().Fail(errDown).Return(1).Do)
	require.NoError(t, err)
	assert.EqualValues(t, 1, valueOf(event(t, s.named(t, "call")[0], "ductile.retry").Attributes, "after"))
}

// fmt, and with it testify's mock, reads all fields of a context without a String method.
func TestAContextOfAnAttemptIsPrintedWithoutALookAtItsFields(t *testing.T) {
	var text string
	_, err := tracedBy(recorded(), pipeline.New[int](retries())).Do(context.Background(), func(ctx context.Context) (int, error) {
		text = fmt.Sprint(ctx)
		return 1, nil
	})
	require.NoError(t, err)
	assert.Regexp(t, `^context\.Background(\.WithValue\([^{]*\))+$`, text)
}
