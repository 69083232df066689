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

const recovery = 2 * time.Second // more than the second that a circuit waits at least for its probes

// rig is a circuit under exploration, with what can be seen of it from outside.
type rig struct {
	*breaker.Circuit
	clk    *fake.Clock
	places int
	// recovers is the longest recovery timeout of its configs.
	recovers time.Duration
	cfg      breaker.Config
	told     []breaker.Transition
	out      int // permits that are out
	most     int
	got      []*breaker.Permit // permits that were taken before the threads began
	faults   []string
	atEnd    func() // one more check
}

func newRig(cfg breaker.Config) *rig {
	r := &rig{clk: fake.NewClock(), places: max(1, cfg.HalfOpenMaxCalls), recovers: recovery}
	cfg.Clock, cfg.RecoveryTimeout, cfg.HalfOpenMaxCalls = r.clk, recovery, r.places
	cfg.OnStateChange = func(t breaker.Transition) { r.told = append(r.told, t) }
	r.cfg = cfg
	r.Circuit = breaker.NewCircuit(cfg)
	return r
}

// reconfigure returns a thread that changes the config of the rig.
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

// halfOpen is elapsed, and makes the move to half-open.
func (r *rig) halfOpen() *rig {
	r.elapsed()
	if r.State() != breaker.HalfOpen {
		panic("not half-open")
	}
	return r
}

// call returns a thread that makes one call with outcome o.
func (r *rig) call(o policy.Outcome) func() {
	return func() {
		p, err := r.Acquire()
		if err != nil {
			return
		}
		r.in()
		touch(&r.out)
		r.out-- // before the report, which may give the permit to another thread at its first step
		p.Record(o)
	}
}

// in counts a permit as out.
func (r *rig) in() {
	touch(&r.out)
	r.out++
	r.most = max(r.most, r.out)
}

// do returns a thread that makes one call through a policy.
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

// report returns a thread that reports permit n.
func (r *rig) report(n int, o policy.Outcome) func() {
	return func() { r.got[n].Record(o) }
}

// opens returns a thread that reports permit n as a failure, which opens the circuit whatever its
// order among the others.
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

// path returns the states that were reported: "open, half-open".
func (r *rig) path() string {
	var states []string
	for _, t := range r.told {
		states = append(states, t.To.String())
	}
	return strings.Join(states, ", ")
}

// settle checks what must hold for every circuit when its threads have ended: each move was
// reported once and in order, the circuit is where the last one led, and it is not stuck there.
func (r *rig) settle() {
	state, at := r.State(), breaker.Closed
	for _, t := range r.told {
		if t.From != at || t.To == at || t.Reason == "" {
			r.fault("reported a move from %v to %v when it was %v", t.From, t.To, at)
		}
		at = t.To
	}
	if at != state {
		r.fault("the last move reported is to %v, and it is %v", at, state)
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

// probes takes all permits. If some are still out, the recovery timeout that has passed begins a
// new round.
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
