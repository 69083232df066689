//go:build ductile_explore

package explore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
)

const recovery = 2 * time.Second // more than the second for which probes are waited for at least

// rig is a circuit under exploration, with what is known of it from outside.
type rig struct {
	*breaker.Circuit
	clk    *fake.Clock
	places int
	// recovers is the longest recovery timeout of its configs.
	recovers time.Duration
	cfg      breaker.Config
	told     []breaker.Transition
	out      int // permits that are out in the half-open state that the rig began in
	most     int
	got      []*breaker.Permit // permits that were taken before the threads began
	faults   []string
	atEnd    func() // checked beside the scenario's own
}

func newRig(cfg breaker.Config) *rig {
	r := &rig{clk: fake.NewClock(), places: max(1, cfg.HalfOpenMaxCalls), recovers: recovery}
	cfg.Clock, cfg.RecoveryTimeout, cfg.HalfOpenMaxCalls = r.clk, recovery, r.places
	cfg.OnStateChange = func(t breaker.Transition) { r.told = append(r.told, t) }
	r.cfg = cfg
	r.Circuit = breaker.NewCircuit(cfg)
	return r
}

// reconfigure is a thread that changes the rig's config.
func (r *rig) reconfigure(change func(*breaker.Config)) func() {
	cfg := r.cfg
	change(&cfg)
	r.recovers = max(r.recovers, cfg.RecoveryTimeout)
	return func() {
		if err := r.Reconfigure(cfg); err != nil {
			r.fault("%v", err)
		}
	}
}

// take acquires n permits before the threads begin.
func (r *rig) take(n int) *rig {
	for range n {
		p := new(breaker.Permit)
		var err error
		if *p, err = r.Acquire(); err != nil {
			panic(err)
		}
		r.got = append(r.got, p)
	}
	return r
}

// elapsed opens the circuit and lets the recovery timeout pass.
func (r *rig) elapsed() *rig {
	r.Trip(recovery, "test")
	r.clk.Advance(recovery)
	return r
}

// halfOpen is elapsed with the move made.
func (r *rig) halfOpen() *rig {
	r.elapsed()
	if r.State() != breaker.HalfOpen {
		panic("not half-open")
	}
	return r
}

// call is a thread that makes one call which comes to o.
func (r *rig) call(o policy.Outcome) func() {
	return func() {
		p, err := r.Acquire()
		if err != nil {
			return
		}
		r.in()
		touch(&r.out)
		r.out-- // before the report: from its first step on, the place may be another's
		p.Record(o)
	}
}

// in counts a permit that is out.
func (r *rig) in() {
	touch(&r.out)
	r.out++
	r.most = max(r.most, r.out)
}

// do is a thread that makes one call through a policy.
func (r *rig) do(err error) func() {
	return func() {
		_, got := breaker.Do(context.Background(), r.Circuit, func(context.Context) (int, error) { return 0, err })
		if !errors.Is(got, err) && !errors.Is(got, breaker.ErrOpen) {
			r.fault("a call that ended with %v came back with %v", err, got)
		}
	}
}

// lost is a thread whose call panics.
func (r *rig) lost() {
	defer func() {
		if got := recover(); got != nil && got != errDown { //nolint:errorlint // identity
			panic(got)
		}
	}()
	_, _ = breaker.Do(context.Background(), r.Circuit, func(context.Context) (int, error) { panic(errDown) })
}

// report is a thread that reports permit n.
func (r *rig) report(n int, o policy.Outcome) func() {
	return func() { r.got[n].Record(o) }
}

// opens is a thread that reports a failure of permit n, which opens the circuit
// in whatever order it comes to the others.
func (r *rig) opens(n int) func() {
	return func() {
		r.got[n].Record(bad)
		if state := r.State(); state != breaker.Open {
			r.fault("%v when the Record that opens it has returned", state)
		}
	}
}

// keep is a thread that takes a permit and never reports.
func (r *rig) keep() {
	if _, err := r.Acquire(); err == nil {
		r.in()
	}
}

func (r *rig) fault(format string, args ...any) {
	r.faults = append(r.faults, fmt.Sprintf(format, args...))
}

// path is the states that were told of, "open, half-open".
func (r *rig) path() string {
	var states []string
	for _, t := range r.told {
		states = append(states, t.To.String())
	}
	return strings.Join(states, ", ")
}

// settle is what must hold of every circuit when its threads have ended: each
// move was told once and in order, the last one is where the circuit is, and it
// is not stuck there.
func (r *rig) settle() {
	state, at := r.State(), breaker.Closed
	for _, t := range r.told {
		if t.From != at || t.To == at || t.Reason == "" {
			r.fault("told of a move from %v to %v when it was %v", t.From, t.To, at)
		}
		at = t.To
	}
	if at != state {
		r.fault("the last move told is to %v, and it is %v", at, state)
	}
	r.clk.Advance(r.recovers)
	if state == breaker.Open && r.State() != breaker.HalfOpen {
		r.fault("open for ever")
	}
	if r.State() == breaker.HalfOpen {
		r.probes()
	}
	r.Reset()
	if p, err := r.Acquire(); err != nil || r.State() != breaker.Closed {
		r.fault("refuses after Reset: %v", err)
	} else {
		p.Record(policy.Success)
	}
}

// probes takes all places; where some are still out, the recovery timeout that
// has passed gives them back.
func (r *rig) probes() {
	n := 0
	for ; n <= r.places; n++ {
		if _, err := r.Acquire(); err != nil {
			break
		}
	}
	if n == 0 || n > r.places && !r.cfg.Shadow {
		r.fault("half-open with %d places, want 1 to %d", n, r.places)
	}
}
