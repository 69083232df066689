package ductileotel

import (
	"context"
	"slices"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/ductile-go/ductile/observe"
	"github.com/ductile-go/ductile/policy"
)

// observe adds an event of the pipeline to the span that it happened in. Events of calls
// that are not recorded, or of a pipeline inside that has spans of its own, are left out.
func (t *tracing) observe(ctx context.Context, e policy.Event) {
	s := t.scope(ctx)
	if s == nil {
		return
	}
	switch e.Kind {
	case policy.Recovered:
		by := e.Policy
		s.call.rescuer.Store(&by)
	case policy.Retried:
		all := []attribute.KeyValue{
			attribute.Float64("ductile.retry.delay", e.Delay.Seconds()),
			labelled(observe.LabelPolicy, nameOf(&e)), labelled(observe.LabelSource, e.Reason),
		}
		if e.Err != nil {
			all = append(all, labelled(observe.LabelErrorType, observe.ErrorType(e.Err)))
		}
		t.add(ctx, s.span, "ductile.retry", &e, all...)
	case policy.Rejected:
		t.add(ctx, s.span, "ductile.rejected", &e, labelled(observe.LabelPolicy, nameOf(&e)),
			labelled(observe.LabelPolicyType, e.Policy), labelled(observe.LabelReason, e.Reason))
	case policy.TimedOut:
		t.add(ctx, s.span, "ductile.timeout", &e, labelled(observe.LabelPolicy, nameOf(&e)))
	case policy.StateChanged:
		t.add(ctx, s.span, "ductile.circuit.transition", &e, labelled(observe.LabelCircuit, nameOf(&e)),
			labelled(observe.LabelFrom, e.From), labelled(observe.LabelTo, e.To))
	}
}

// add adds an event to a span, with the attributes of the user.
func (t *tracing) add(ctx context.Context, span trace.Span, name string, e *policy.Event, all ...attribute.KeyValue) {
	if !span.IsRecording() {
		return
	}
	if t.attributes != nil {
		all = append(slices.Clone(t.attributes(ctx, *e)), all...)
	}
	span.AddEvent(name, trace.WithAttributes(all...))
}
