package sim

import (
	"context"
	"fmt"
	"time"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
)

// setUp asks for all pipelines.
func (w *world) setUp() {
	if w.variant.Pipeline == nil {
		return
	}
	for _, c := range w.clients {
		for _, o := range c.replicas {
			if w.engine.outside.stop.Load() { // an interrupt; there may be a million replicas
				return
			}
			o.ask()
		}
	}
	for _, h := range w.services {
		if len(h.Calls) > 0 {
			for _, r := range h.replicas {
				if w.engine.outside.stop.Load() {
					return
				}
				r.owner.ask()
			}
		}
	}
}

// ask asks for the pipeline of o.
func (o *owner) ask() {
	w := o.world
	p := w.variant.Pipeline(&call{world: w, owner: o}, o.name, o.replica)
	if p == nil {
		return
	}
	o.pipeline = p
	if _, ok := w.result.Pipelines[o.name]; !ok {
		w.result.Pipelines[o.name] = p.String()
	}
	o.look(p)
}

// look checks the clocks of policies and watches their circuits.
func (o *owner) look(p any) {
	if nested, ok := p.(*pipeline.Pipeline[any]); ok {
		for _, inner := range nested.Policies() {
			o.look(inner)
		}
		return
	}
	if c, ok := p.(interface{ Clock() policy.Clock }); ok && c.Clock() != policy.Clock(o.world.engine.clock) {
		o.world.engine.abort(fmt.Errorf("%s: the policy %v has another clock, %v; make policies with Clock(ctx) of the context that Variant.Pipeline is given",
			o.name, policy.Describe(p), clockName(c.Clock())))
	}
	if c, ok := p.(interface{ Circuit() *breaker.Circuit }); ok {
		o.watch(c.Circuit())
	}
}

func clockName(c policy.Clock) string {
	if c == nil {
		return "real time"
	}
	return fmt.Sprintf("%T", c)
}

// Watch records the states of circuits, in Result.Circuits, for the replica that ctx belongs
// to. Those of the breakers in a pipeline, and in pipelines in it, are recorded without it: it
// is for circuits of a registry or of a keyed map, which a pipeline does not show. Call it in
// Variant.Pipeline, or when a circuit is made. It panics if ctx is not from a simulation, or a
// circuit is nil.
func Watch(ctx context.Context, circuits ...*breaker.Circuit) {
	o := of(ctx, "Watch").owner
	for _, c := range circuits {
		if c == nil {
			panic("sim: Watch: a circuit is nil, want one made by breaker.NewCircuit")
		}
		o.watch(c)
	}
}

// circuitLine records the states of a circuit.
type circuitLine struct {
	owner   *owner
	circuit *breaker.Circuit
	stop    func()
	since   time.Duration
	state   breaker.State
	spans   []Span
}

// watch records the states of a circuit. One that several replicas share has one line.
func (o *owner) watch(c *breaker.Circuit) {
	w := o.world
	if w.watched[c] {
		return
	}
	w.watched[c] = true
	l := &circuitLine{owner: o, circuit: c, state: breaker.Closed}
	w.lines = append(w.lines, l)
	l.stop = c.Watch(func(t breaker.Transition) { l.enter(t.To) })
	l.enter(c.State())
}

// enter records that the circuit is in a state from now on.
func (l *circuitLine) enter(s breaker.State) {
	now := time.Duration(l.owner.world.engine.now)
	if l.state != breaker.Closed && now > l.since {
		l.spans = append(l.spans, Span{From: l.since, To: now, State: l.state})
	}
	l.since, l.state = now, s
}

// finishLines ends the recording of circuits.
func (w *world) finishLines() {
	for _, l := range w.lines {
		l.stop()
		l.enter(breaker.Closed)
		w.result.Circuits = append(w.result.Circuits, CircuitLine{
			Client: l.owner.name, Replica: l.owner.replica, Name: l.circuit.Name(), Spans: l.spans,
		})
	}
}
