package ductileotel

import (
	"context"
	"slices"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/ductile-go/ductile/hedge"
	"github.com/ductile-go/ductile/observe"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// Trace returns a copy of p that makes spans, with the same name and observers. It panics
// if p is nil.
//
// Each call has a span of kind INTERNAL, named after the pipeline, or "call" if that has no
// name. Inside it, each attempt of a retry has a span "attempt", which stands directly
// inside the retry: it contains the inner policies and the function, whose context carries
// it. It has the attribute ductile.attempt.number, from 1 on, and a link to the attempt
// before. The attempts of a hedge have spans in the same way, side by side; inside of a
// retry they are children of its attempts. Without a retry and a hedge, the function's
// context carries the span of the call.
//
// A span of an attempt that fails has the status Error; that of the call has it only if the
// call fails, and then it has error.type. A panic or runtime.Goexit ends the spans, with
// the error type "panic". An attempt of a hedge that lost is no error. Descriptions of
// errors are without the credentials and queries of URLs.
//
// Events of a span are
//
//   - ductile.retry, before a delay, with ductile.retry.delay in seconds, and error.type of
//     the failed attempt, on the span around the retry: usually that of the call
//   - ductile.rejected, ductile.timeout and ductile.circuit.transition, the last with
//     ductile.from and ductile.to, on the span of the attempt that they happened in, or
//     that of the call
//
// Attempts of a nested pipeline belong to the call. A nested pipeline that Trace made
// itself has calls of its own, children of the attempts around it. Pipelines that a call
// reaches through Select or a keyed map are not known to Trace: trace each of them.
// Policies that are added to the copy have no attempts, and a p that is traced already is
// returned as it is.
//
// A call whose span is not sampled has no other spans, and none of these attributes is
// made. A call whose context has ended before it began has no span.
func Trace[T any](p *pipeline.Pipeline[T], opts ...Option) *pipeline.Pipeline[T] {
	if p == nil {
		panic("ductileotel: Trace: pipeline is nil, want one made by pipeline.New")
	}
	if traced(p) {
		return p
	}
	cfg := configOf(opts)
	t := &tracing{
		tracer:     cfg.tracers.Tracer(ScopeName, trace.WithInstrumentationVersion(Version)),
		attributes: cfg.attributes,
	}
	name := labelled(observe.LabelPipeline, p.Name())
	outer := &callSpan[T]{t: t, name: valid(p.Name()), start: []trace.SpanStartOption{
		trace.WithSpanKind(trace.SpanKindInternal), trace.WithAttributes(name),
	}}
	if outer.name == "" {
		outer.name = "call"
	}
	return p.With(func(policies []policy.Policy[T]) []policy.Policy[T] {
		return append([]policy.Policy[T]{outer}, withAttempts(t, name, policies)...)
	}).WithObserver(t.observe, policy.Retried, policy.Rejected, policy.TimedOut, policy.StateChanged, policy.Recovered)
}

// traced reports whether a pipeline was made by Trace.
func traced[T any](p *pipeline.Pipeline[T]) bool {
	return slices.ContainsFunc(p.Policies(), func(one policy.Policy[T]) bool {
		_, ok := one.(*callSpan[T])
		return ok
	})
}

// withAttempts returns policies with spans inside of those that make attempts.
func withAttempts[T any](t *tracing, pipelineName attribute.KeyValue, policies []policy.Policy[T]) []policy.Policy[T] {
	var all []policy.Policy[T]
	around := func(p policy.Policy[T], kind, name string, number func(context.Context) int) {
		if name == "" {
			name = kind
		}
		start := []trace.SpanStartOption{trace.WithAttributes(pipelineName, labelled(observe.LabelPolicy, name))}
		all = append(all, &attempts[T]{t}, p, &attemptSpan[T]{t: t, start: start, number: number, beside: kind == "hedge"})
	}
	for _, p := range policies {
		switch p := p.(type) {
		case *retry.Retry[T]:
			around(p, "retry", p.Describe().Name, retry.Attempt)
		case *hedge.Hedge[T]:
			around(p, "hedge", p.Name(), hedge.Attempt)
		case *pipeline.Pipeline[T]:
			if !traced(p) {
				own := labelled(observe.LabelPipeline, p.Name())
				p = p.With(func(inner []policy.Policy[T]) []policy.Policy[T] { return withAttempts(t, own, inner) })
			}
			all = append(all, p)
		default:
			all = append(all, p)
		}
	}
	return all
}
