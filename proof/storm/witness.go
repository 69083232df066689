package storm

import (
	"context"
	"fmt"
	"maps"
	"time"

	instep "github.com/ductile-go/ductile/internal/ending"
	"github.com/ductile-go/ductile/policy"
)

// verdict is how something ended. It follows from what the functions did and from the rules of the
// policies around them, never from the returned error.
type verdict uint8

const (
	unknown verdict = iota
	succeeded
	failed
	cancelled // by the caller
	rejected
	panicked
	exited
)

func (v verdict) String() string {
	return [...]string{"unknown", "succeeded", "failed", "cancelled", "rejected", "panicked", "exited"}[v]
}

// neverReturned reports whether there is no result, and no error either.
func (v verdict) neverReturned() bool { return v == panicked || v == exited }

// run is one use of what is inside of a policy, or of the whole pipeline.
type run struct {
	how      verdict
	v        int
	err      error
	from, to time.Time
	over     bool
	ended    error         // the error of the context around the policy when the run was over
	asks     time.Duration // the delay that the error asked for then
	exactly  bool          // the delay must be exact
	final    bool          // the error was marked so
	stay     int           // of the circuit, when it began; see tally
	gone     bool          // the context around the policy had ended when the run began
}

// visit is one use of a policy, as its two probes see it.
type visit struct {
	*witness
	c      *call
	ctx    context.Context // that the policy was given
	gone   bool            // it had ended
	came   time.Time
	left   time.Time
	runs   []*run
	own    run // the result of the policy
	heard  map[policy.EventKind]int
	judged []policy.Event
	kept   *kept // the value that a breaker kept, or nil
	asked  int   // how often OnRetry was called
}

// witness stands around a policy and checks it by its rules.
type witness struct {
	s     *scene
	name  string
	deaf  bool   // the observer of the scene does not get the events of the policy
	door  bool   // the policy runs by a door of its own, which removes marks
	key   string // that its events have
	rules rules
	tally *tally // of a breaker's circuit, or nil
}

// rules are what a policy must do.
type rules interface {
	// judge returns how a visit must have ended, and reports a fault if it ended otherwise. An
	// inner run may not be over if its caller has left.
	judge(v *visit) verdict
}

// outside is the probe that calls a policy, and inside is the probe that the policy calls.
type (
	outside struct{ *witness }
	inside  struct{ *witness }
)

type (
	visitKey struct{}
	runKey   struct{}
)

// tagged is a context with one value. Functions that attach to it attach to its parent, or package
// context would need a goroutine.
type tagged struct {
	context.Context
	key, value any
}

func (t *tagged) Value(key any) any {
	if key == t.key {
		return t.value
	}
	return t.Context.Value(key)
}

func (t *tagged) AfterFunc(f func()) (stop func() bool) { return instep.AfterFunc(t.Context, f) }

// visitOf returns the visit that ctx was given to, or derived in.
func visitOf(ctx context.Context) *visit {
	v, _ := ctx.Value(visitKey{}).(*visit)
	return v
}

func (o outside) Execute(ctx context.Context, next policy.Call[int]) (n int, err error) {
	v := &visit{
		witness: o.witness, c: ctx.Value(callKey{}).(*call), ctx: ctx, gone: ctx.Err() != nil,
		came: o.s.now(), heard: map[policy.EventKind]int{},
	}
	around := ctx.Value(runKey{}).(*run)
	v.ctx = &tagged{ctx, visitKey{}, v}
	v.enters()
	returned := false
	defer func() { v.leaves(around, n, err, returned) }()
	n, err = next.Do(v.ctx)
	returned = true
	return n, err
}

func (v *visit) enters() {
	v.s.mu.Lock()
	defer v.s.mu.Unlock()
	if t, ok := v.rules.(*timeoutRules); ok && t.Abandon {
		t.visits = append(t.visits, v)
	}
	if v.tally != nil {
		v.tally.in++
		v.tally.mostIn = max(v.tally.mostIn, v.tally.in)
	}
}

// leaves judges a visit that is over. Abandoned runs are checked when they are over too; see
// timeoutRules.afterwards.
func (v *visit) leaves(around *run, n int, err error, returned bool) {
	v.s.mu.Lock()
	v.left = v.s.now()
	v.own = run{v: n, err: err, over: returned}
	seen := *v
	seen.heard, seen.runs = maps.Clone(v.heard), nil
	for _, r := range v.runs {
		was := *r
		seen.runs = append(seen.runs, &was)
	}
	v.s.mu.Unlock()
	how := v.rules.judge(&seen)
	if how.neverReturned() == returned {
		v.fault("%v, and it returned: %t", how, returned)
	}
	v.s.mu.Lock()
	defer v.s.mu.Unlock()
	around.how = how
	v.attempted(how)
	if v.tally != nil && (v.kept == nil || !v.kept.later) {
		v.tally.in--
	}
	v.s.write("call %d: %s: %v, %d runs, %d, %v", v.c.n, v.name, how, len(seen.runs), n, text(err))
}

// attempted notes what the Finished event must say about the visit.
func (v *visit) attempted(how verdict) {
	if v.deaf {
		return
	}
	switch r := v.rules.(type) {
	case *retryRules:
		v.c.again += max(0, len(v.runs)-1)
		if how == succeeded && len(v.runs) > 1 {
			v.c.rescuer = "retry"
		}
	case *fallbackRules:
		if how == succeeded && len(v.runs) == 1 && r.answers(v, v.runs[0]) {
			v.c.rescuer = "fallback"
		}
	}
}

// Refusal lets a retry ask what is inside.
func (o outside) Refusal(context.Context, time.Duration) error { return nil }

// Refusal lets a retry ask what is inside.
func (i inside) Refusal(context.Context, time.Duration) error { return nil }

func (i inside) Execute(ctx context.Context, next policy.Call[int]) (n int, err error) {
	v := visitOf(ctx)
	r := &run{from: i.s.now(), gone: v.ctx.Err() != nil}
	i.s.mu.Lock()
	if v.tally != nil {
		v.tally.begin(r)
	}
	v.runs = append(v.runs, r)
	i.s.mu.Unlock()
	defer func() {
		i.s.mu.Lock()
		defer i.s.mu.Unlock()
		r.v, r.err, r.to, r.over = n, err, i.s.now(), true
		r.ended, r.final = v.ctx.Err(), isFinal(err)
		r.asks, r.exactly = asks(err)
		if v.tally != nil {
			v.tally.record(v, r)
		}
		if o, ok := v.rules.(*owedRules); ok {
			if fault := o.ended(ctx, v, r); fault != "" {
				i.s.faults = append(i.s.faults, fmt.Sprintf("call %d: %s: %s", v.c.n, v.name, fault))
			}
		}
	}()
	return next.Do(&tagged{ctx, runKey{}, r})
}

func (v *visit) fault(format string, args ...any) {
	v.s.fault("call %d: %s: "+format, append([]any{v.c.n, v.name}, args...)...)
}

// exact reports whether time stands still while this call does nothing.
func (v *visit) exact() bool { return v.s.exact() }

// unheard reports whether the observer does not get events of a kind about the visit.
func (v *visit) unheard(kind policy.EventKind) bool { return v.deaf || !v.s.hears(kind) }

// same reports whether a is b as the policy must return it: a door removes marks.
func (v *visit) same(a, b error) bool { return same(a, b) || v.door && same(a, unmarked(b)) }

// turnedAway reports whether the context had ended before the policy checked it. Then nothing may
// have run.
func (v *visit) turnedAway() bool {
	if !v.gone && (v.exact() && !v.due() || len(v.runs) > 0 || v.ctx.Err() == nil || !endedBy(v.ctx, v.own.err)) {
		return false
	}
	if len(v.runs) > 0 || v.own.v != 0 || !endedBy(v.ctx, v.own.err) {
		v.fault("the context had ended with %v, and there are %d runs, %d, %v", v.ctx.Err(), len(v.runs), v.own.v, text(v.own.err))
	}
	return true
}

// due reports whether the context's deadline was the instant in which the policy was called.
// The timer of the deadline and the caller then run in any order, and the context may have ended
// between the witness's look and the policy's.
func (v *visit) due() bool {
	d, ok := v.ctx.Deadline()
	return ok && !v.came.Before(d)
}

// passes reports a fault unless the result of a run was returned unchanged.
func (v *visit) passes(r *run) verdict {
	if !r.how.neverReturned() && (v.own.v != r.v || !v.same(v.own.err, r.err)) {
		v.fault("a run came to %d, %v, and the policy made it %d, %v", r.v, text(r.err), v.own.v, text(v.own.err))
	}
	return r.how
}

// kind returns the Policy of the policy's events.
func (v *visit) kind() string {
	switch r := v.rules.(type) {
	case *owedRules:
		return r.kind
	case *retryRules:
		return "retry"
	case *fallbackRules:
		return "fallback"
	case *timeoutRules:
		return "timeout"
	}
	return "breaker"
}

// named returns their Name.
func (v *visit) named() string {
	switch r := v.rules.(type) {
	case *retryRules:
		return r.Name
	case *timeoutRules:
		return r.Name
	case *owedRules:
		return r.name
	case *breakerRules:
		return r.tally.fixed.Name
	}
	return ""
}

// only returns the single run, or nil with a fault if there is not exactly one.
func (v *visit) only() *run {
	if len(v.runs) != 1 {
		v.fault("%d runs, want 1", len(v.runs))
		return nil
	}
	return v.runs[0]
}

// told reports a fault unless the observer got want events of a kind.
func (v *visit) told(kind policy.EventKind, want int) {
	if !v.unheard(kind) && v.heard[kind] != want {
		v.fault("%q was told %d times, want %d", kind, v.heard[kind], want)
	}
}
