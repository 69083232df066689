package console

import (
	"slices"
	"sync"
	"time"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/policy"
)

// watched is a circuit, with what the console has noted of it.
type watched struct {
	*breaker.Circuit
	clock policy.Clock // the circuit's
	stop  func()

	// mu guards the fields below. A transition may be heard on another goroutine than that
	// of the action which caused it, and while a snapshot is made.
	mu      sync.Mutex
	ribbon  ribbon
	actions []*done
}

// done is an action that was carried out, until the transition that it caused is heard.
type done struct {
	Action
	actor string
	to    breaker.State
	cause string    // the Reason of its transition
	until time.Time // on the circuit's clock, when it had ended; zero before
	heard bool      // its transition was heard
}

// maxActions bounds the actions of a circuit whose transitions were not heard yet. An action
// that changed nothing stays until the circuit moves.
const maxActions = 1024

func (c *Console) watch(circuit *breaker.Circuit) *watched {
	w := &watched{Circuit: circuit, clock: circuit.Config().Clock}
	w.stop = circuit.Watch(func(t breaker.Transition) { c.moved(w, t) })
	s := circuit.Snapshot()
	now := policy.Now(c.cfg.Clock)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ribbon.begin(s.State, s.Since, now)
	return w
}

// moved notes a transition. It runs on the goroutine of a call, so it formats nothing.
func (c *Console) moved(w *watched, t breaker.Transition) {
	now := policy.Now(c.cfg.Clock)
	e := &event{At: t.At, Kind: string(policy.StateChanged), Name: t.Name, From: t.From.String(), To: t.To.String(), Reason: t.Reason, cause: t.Cause}
	if t.Reason == breaker.ReasonReconfigured && t.From == t.To {
		e.Kind = breaker.ReasonReconfigured
	}
	w.mu.Lock()
	w.ribbon.move(t.To, now)
	w.mu.Unlock()
	w.sign(e, t)
	c.journal.add(e)
}

// sign puts the actor and the reason of the action that caused t on its event.
func (w *watched) sign(e *event, t breaker.Transition) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if a := w.claim(t); a != nil {
		e.Actor = a.actor
		if a.Reason != "" {
			e.Reason = a.Reason
		}
	}
}

// claim returns the action that caused t, or nil. The transition of an action that has ended
// was made before its end. So once a later one is heard, in order, an action that has none
// yet has changed nothing. Of two resets at the same moment, either may get the transition of
// the other; the action that has one already is then the only one left for the second. The
// caller holds mu.
func (w *watched) claim(t breaker.Transition) (found *done) {
	w.actions = slices.DeleteFunc(w.actions, func(a *done) bool { return !a.until.IsZero() && t.At.After(a.until) })
	for _, a := range w.actions {
		if a.to == t.To && a.cause == t.Reason && (found == nil || found.heard && !a.heard) {
			found = a
		}
	}
	if found != nil {
		found.heard = true
		w.actions = slices.DeleteFunc(w.actions, func(a *done) bool { return a.heard && !a.until.IsZero() })
	}
	return found
}

// do carries out an action, and reports whether its transition has been heard. It has not if
// nothing changed, or if another goroutine is about to hear it.
func (w *watched) do(a Action, actor string) (heard bool) {
	d := &done{Action: a, actor: actor}
	switch a.Action {
	case Trip:
		d.to, d.cause = breaker.Open, orByHand(a.Reason)
	case Isolate:
		d.to, d.cause = breaker.Isolated, orByHand(a.Reason)
	case Reset:
		d.to, d.cause = breaker.Closed, breaker.ReasonReset
	}
	w.mu.Lock()
	if len(w.actions) == maxActions {
		w.actions = w.actions[1:]
	}
	w.actions = append(w.actions, d)
	w.mu.Unlock()

	switch a.Action {
	case Trip:
		w.Trip(a.For, d.cause)
	case Isolate:
		w.Isolate(d.cause)
	case Reset:
		w.Reset()
	}

	now := policy.Now(w.clock)
	w.mu.Lock()
	defer w.mu.Unlock()
	d.until = now
	w.actions = slices.DeleteFunc(w.actions, func(a *done) bool { return a == d && d.heard })
	return d.heard
}

func orByHand(reason string) string {
	if reason == "" {
		return "by hand"
	}
	return reason
}
