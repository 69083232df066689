package ductileotel_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/ductile-go/ductile/ductileotel"
	"github.com/ductile-go/ductile/pipeline"
)

// spans records the spans of a test.
type spans struct {
	recorder *tracetest.SpanRecorder
	provider *sdktrace.TracerProvider
}

func recorded(opts ...sdktrace.TracerProviderOption) spans {
	recorder := tracetest.NewSpanRecorder()
	return spans{recorder, sdktrace.NewTracerProvider(append(opts, sdktrace.WithSpanProcessor(recorder))...)}
}

func tracedBy[T any](s spans, p *pipeline.Pipeline[T], opts ...ductileotel.Option) *pipeline.Pipeline[T] {
	return ductileotel.Trace(p, append(opts, ductileotel.WithTracerProvider(s.provider))...)
}

// all returns the spans in the order that they began in, and checks that each has ended.
func (s spans) all(t *testing.T) []sdktrace.ReadOnlySpan {
	t.Helper()
	var all []sdktrace.ReadOnlySpan
	for _, one := range s.recorder.Started() {
		all = append(all, one)
	}
	require.Len(t, s.recorder.Ended(), len(all), "a span has not ended")
	return all
}

// named returns the spans of a name.
func (s spans) named(t *testing.T, name string) []sdktrace.ReadOnlySpan {
	t.Helper()
	var of []sdktrace.ReadOnlySpan
	for _, one := range s.all(t) {
		if one.Name() == name {
			of = append(of, one)
		}
	}
	return of
}

// valueOf returns an attribute, or nil if it is absent.
func valueOf(all []attribute.KeyValue, key attribute.Key) any {
	for _, kv := range all {
		if kv.Key == key {
			return kv.Value.AsInterface()
		}
	}
	return nil
}

func assertChild(t *testing.T, parent, child sdktrace.ReadOnlySpan) {
	t.Helper()
	assert.Equal(t, parent.SpanContext().SpanID(), child.Parent().SpanID(), "%s is a child of %s", child.Name(), parent.Name())
	assert.Equal(t, parent.SpanContext().TraceID(), child.SpanContext().TraceID())
}

// assertLinked checks that a span has one link, to the one before, or none if that is nil.
func assertLinked(t *testing.T, before, span sdktrace.ReadOnlySpan) {
	t.Helper()
	if before == nil {
		assert.Empty(t, span.Links())
		return
	}
	if assert.Len(t, span.Links(), 1) {
		assert.Equal(t, before.SpanContext().SpanID(), span.Links()[0].SpanContext.SpanID())
	}
}

func assertFailed(t *testing.T, span sdktrace.ReadOnlySpan, errorType string) {
	t.Helper()
	assert.Equal(t, codes.Error, span.Status().Code, span.Name())
	assert.Equal(t, errorType, valueOf(span.Attributes(), "error.type"), span.Name())
}

func assertFine(t *testing.T, span sdktrace.ReadOnlySpan) {
	t.Helper()
	assert.Equal(t, codes.Unset, span.Status().Code, span.Name())
	assert.Nil(t, valueOf(span.Attributes(), "error.type"), span.Name())
}

// event returns the only event of that name.
func event(t *testing.T, span sdktrace.ReadOnlySpan, name string) sdktrace.Event {
	t.Helper()
	var found []sdktrace.Event
	for _, e := range span.Events() {
		if e.Name == name {
			found = append(found, e)
		}
	}
	require.Len(t, found, 1, "%s of %s among %v", name, span.Name(), span.Events())
	return found[0]
}
