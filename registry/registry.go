package registry

import (
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/ductile-go/ductile/adaptive"
	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/bulkhead"
	atomic "github.com/ductile-go/ductile/internal/atomicx"
	"github.com/ductile-go/ductile/internal/origin"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/ratelimit"
	"github.com/ductile-go/ductile/retry"
	"github.com/ductile-go/ductile/throttle"
)

// Registry keeps policies under their names. Make one with [New]; the zero Registry is not
// usable. It is safe for concurrent use. What it returns stays valid, even if an
// [Registry.Apply] removes it.
type Registry struct {
	env      env
	observer policy.Observer
	parts    partsByName
	// state is replaced as a whole, under mu, by what was planned from the state before. It
	// is read without mu.
	state atomic.Pointer[state]
	turn  turn
	// settled is the Spec that is in force. Only the goroutine that settles uses it.
	settled *Spec

	// mu guards the fields below, and replaces state together with them: otherwise watchers
	// could be called for the later of two Applies first, or an old fault could replace a
	// success. It is never held across a call out.
	mu       sync.Mutex
	failed   error
	pending  []announcement // what is not in force yet
	watchers []*watcher
}

// Option is an option of [New].
type Option func(r *Registry)

// WithClock makes everything in the registry run on clock. Nil, the default, means real
// time.
func WithClock(clock policy.Clock) Option { return func(r *Registry) { r.env.clock = clock } }

// WithRand makes everything in the registry draw its random numbers, which are in [0,1),
// from fn. Nil, the default, means math/rand/v2.
func WithRand(fn func() float64) Option { return func(r *Registry) { r.env.rand = fn } }

// WithFuncs provides the functions that Specs refer to by name.
func WithFuncs(funcs Funcs) Option { return func(r *Registry) { r.env.funcs = funcs.clone() } }

// WithObserver makes o get the events of all pipelines and families, with their names as
// Event.Pipeline, and Forgotten for each member of a family that was dropped: with the name
// of the family, and with that of each pipeline inside, whose events had the key too. Nil
// means none.
func WithObserver(o policy.Observer) Option { return func(r *Registry) { r.observer = o } }

// New returns a registry of what spec declares. The error joins all faults of spec, each an
// *[Error].
func New(spec Spec, opts ...Option) (*Registry, error) {
	r := new(Registry)
	for _, opt := range opts {
		opt(r)
	}
	r.state.Store(&state{spec: new(Spec)})
	r.settled = new(Spec)
	if _, err := r.Apply(spec); err != nil {
		return nil, err
	}
	return r, nil
}

// Apply makes spec the declaration in force, also for pipelines, circuits and so on that
// were returned before, and keeps their state; docs/registry.md has a table. It returns
// what has changed. If spec has a fault, nothing changes; the error joins all faults, each
// an *[Error].
//
// Calls in flight end with the pipeline that they began with, and count in the circuits
// and other state that they took a place, token or permit from. Apply may be called at any
// time, also by observers and functions given to [Registry.Watch] and [breaker.Circuit.Watch].
// If two Applies run at the same time, one of them puts both Specs in force, and the other
// may return shortly before that is done.
func (r *Registry) Apply(spec Spec) (Changes, error) {
	own := spec.clone()
	changes, err := r.commit(own)
	if err != nil {
		r.Failed(err)
		return Changes{}, err
	}
	if !changes.None() {
		defer r.tell() // also if a function that settle calls ends this goroutine
		r.settle()
	}
	return changes, nil
}

// commit plans the next state and makes it the current one. If another goroutine has
// changed the state meanwhile, it plans again from that.
func (r *Registry) commit(spec *Spec) (Changes, error) {
	if err := spec.validate(&r.env).err(); err != nil {
		return Changes{}, err
	}
	for {
		was := r.held()
		if err := was.checkTypes(&r.env, spec); err != nil {
			return Changes{}, err
		}
		is := was.next(r, spec)
		if r.swap(was, is) {
			return is.applied.clone(), nil
		}
	}
}

// swap replaces the state by one that an Apply has made, and clears the error of the last
// reload. It returns false if the state is no longer was.
func (r *Registry) swap(was, is *state) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.held() != was {
		return false
	}
	r.state.Store(is)
	r.failed = nil
	if !is.applied.None() {
		r.pending = append(r.pending, announcement{is.revision, is.applied})
	}
	return true
}

// Failed records the error of a reload that failed before Apply, such as a file that cannot
// be read, for [Registry.Snapshot]. The next Apply without a fault clears it, and so
// does nil. An Apply with a fault records its own.
func (r *Registry) Failed(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failed = err
}

// Clock returns the clock of the registry, or nil for real time.
func (r *Registry) Clock() policy.Clock { return r.env.clock }

// Circuit returns the circuit of that name. If there is none, the error names the nearest.
func (r *Registry) Circuit(name string) (*breaker.Circuit, error) {
	return lookUp[*breaker.Circuit](r, circuits, name)
}

// Budget returns the budget of that name. If there is none, the error names the nearest.
func (r *Registry) Budget(name string) (*retry.Budget, error) {
	return lookUp[*retry.Budget](r, budgets, name)
}

// Bulkhead returns the gate of that name. If there is none, the error names the nearest.
func (r *Registry) Bulkhead(name string) (*bulkhead.Gate, error) {
	return lookUp[*bulkhead.Gate](r, bulkheads, name)
}

// AdaptiveLimit returns the limiter of that name. If there is none, the error names the
// nearest.
func (r *Registry) AdaptiveLimit(name string) (*adaptive.Limiter, error) {
	return lookUp[*adaptive.Limiter](r, adaptiveLimits, name)
}

// RateLimit returns the limiter of that name. If there is none, the error names the nearest.
func (r *Registry) RateLimit(name string) (*ratelimit.Limiter, error) {
	return lookUp[*ratelimit.Limiter](r, rateLimits, name)
}

// Throttle returns the throttle of that name. If there is none, the error names the nearest.
func (r *Registry) Throttle(name string) (*throttle.Throttle, error) {
	return lookUp[*throttle.Throttle](r, throttles, name)
}

// Names returns the sorted names of the pipelines.
func (r *Registry) Names() []string { return slices.Sorted(maps.Keys(r.held().spec.Pipelines)) }

// held returns the current state. It panics for the zero Registry, which has none.
func (r *Registry) held() *state {
	s := r.state.Load()
	if s == nil {
		panic(errZero)
	}
	return s
}

var errZero = errors.New("registry: zero Registry, want one made by New")

func init() {
	origin.Registry = func(v any) error {
		switch r := v.(*Registry); {
		case r == nil:
			return errors.New("registry: Registry is nil, want one made by New")
		case r.state.Load() == nil:
			return errZero
		}
		return nil
	}
}

// lookUp returns what is declared under a name of a class.
func lookUp[V any](r *Registry, class shared, name string) (none V, err error) {
	s := r.held()
	if !class.declares(s.spec, name) {
		return none, unknown(class.name(), name, slices.Collect(class.declared(s.spec)))
	}
	return s.shared[class.name()][name].(V), nil
}

// now returns the time on the registry's clock.
func (r *Registry) now() time.Time { return policy.Now(r.env.clock) }
