package ductileotel

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/ductile-go/ductile/hedge"
	"github.com/ductile-go/ductile/internal/redact"
	"github.com/ductile-go/ductile/observe"
	"github.com/ductile-go/ductile/policy"
)

// callSpan is the outermost policy of a traced pipeline.
type callSpan[T any] struct {
	t     *tracing
	name  string
	start []trace.SpanStartOption
}

// Execute runs next in a span.
func (p *callSpan[T]) Execute(ctx context.Context, next policy.Call[T]) (T, error) {
	inner, span := p.t.tracer.Start(ctx, p.name, p.start...)
	if !span.IsRecording() {
		defer span.End()
		if scopeOf(ctx) != nil { // of a call around this one, whose spans are not ours
			inner = &scope{Context: inner}
		}
		return next.Do(inner)
	}
	c := &call{span: span}
	end := ending{ctx: ctx, span: span, call: c}
	defer end.end()
	v, err := next.Do(&scope{Context: inner, tracing: p.t, call: c, span: span})
	end.err, end.returned = err, true
	return v, err
}

// attempts is the policy directly around a retry or a hedge.
type attempts[T any] struct{ t *tracing }

// Execute runs next with a list of the attempts that it makes.
func (p *attempts[T]) Execute(ctx context.Context, next policy.Call[T]) (T, error) {
	s := p.t.scope(ctx)
	if s == nil {
		return next.Do(ctx)
	}
	return next.Do(&scope{Context: ctx, tracing: p.t, call: s.call, span: s.span, run: new(run)})
}

// attemptSpan is the policy directly inside a retry or a hedge.
type attemptSpan[T any] struct {
	t      *tracing
	start  []trace.SpanStartOption
	number func(context.Context) int
	beside bool // attempts run side by side
}

// Execute runs next in a span with a link to the attempt before.
func (p *attemptSpan[T]) Execute(ctx context.Context, next policy.Call[T]) (T, error) {
	s := p.t.scope(ctx)
	if s == nil || s.run == nil {
		return next.Do(ctx)
	}
	n := p.number(ctx)
	opts := make([]trace.SpanStartOption, 0, len(p.start)+2)
	opts = append(append(opts, p.start...), trace.WithAttributes(attribute.Int("ductile.attempt.number", n)))
	if last := s.run.before(n); last != nil {
		opts = append(opts, trace.WithLinks(trace.Link{SpanContext: last.span}))
	}
	inner, span := p.t.tracer.Start(ctx, "attempt", opts...)
	s.run.add(n, span.SpanContext(), p.beside)
	end := ending{ctx: ctx, span: span}
	defer end.end()
	v, err := next.Do(&scope{Context: inner, tracing: p.t, call: s.call, span: span})
	end.err, end.returned = err, true
	return v, err
}

// ending ends a span when its part of the call has ended.
type ending struct {
	ctx      context.Context // around the span
	span     trace.Span
	call     *call // nil for an attempt
	err      error
	returned bool // false for a panic or runtime.Goexit, which goes on
}

// end is deferred. Span.End is called inside of it and not deferred itself: it would
// recover a panic and begin another one, which has another stack.
func (e *ending) end() {
	defer e.span.End()
	switch {
	case !e.span.IsRecording():
	case !e.returned:
		e.failed(policy.ErrNoReturn, "panic or runtime.Goexit")
	case e.err == nil:
		e.succeeded()
	case e.call == nil && errors.Is(context.Cause(e.ctx), hedge.ErrLost):
		e.span.SetAttributes(labelled(observe.LabelOutcome, "canceled"))
	default:
		e.failed(e.err, valid(redact.Error(e.err, redact.Text)))
	}
}

func (e *ending) failed(err error, description string) {
	e.span.SetStatus(codes.Error, description)
	e.span.SetAttributes(
		labelled(observe.LabelOutcome, observe.Outcome(e.ctx, err)),
		labelled(observe.LabelErrorType, observe.ErrorType(err)),
	)
}

func (e *ending) succeeded() {
	all := []attribute.KeyValue{labelled(observe.LabelOutcome, "success")}
	if e.call != nil {
		rescue := "none"
		if by := e.call.rescuer.Load(); by != nil {
			rescue = *by
		}
		all = append(all, labelled(observe.LabelRescue, rescue))
	}
	e.span.SetAttributes(all...)
}

// A retry asks the policies inside of it whether its next attempt would be refused. Those
// below pass the question on. In the description of a pipeline they are of kind "span".

// Refusal returns nil, so that the inner policies are asked.
func (*callSpan[T]) Refusal(context.Context, time.Duration) error { return nil }

// Refusal returns nil, so that the inner policies are asked.
func (*attempts[T]) Refusal(context.Context, time.Duration) error { return nil }

// Refusal returns nil, so that the inner policies are asked.
func (*attemptSpan[T]) Refusal(context.Context, time.Duration) error { return nil }

// Describe returns the kind, "span", with the detail "call".
func (*callSpan[T]) Describe() policy.Description {
	return policy.Description{Kind: "span", Detail: "call"}
}

// Describe returns the kind, "span", with the detail "attempts".
func (*attempts[T]) Describe() policy.Description {
	return policy.Description{Kind: "span", Detail: "attempts"}
}

// Describe returns the kind, "span", with the detail "attempt".
func (*attemptSpan[T]) Describe() policy.Description {
	return policy.Description{Kind: "span", Detail: "attempt"}
}
