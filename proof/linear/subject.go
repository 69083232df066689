package linear

import (
	"errors"
	"math/rand/v2"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
)

// subject is a circuit or a double of one. Permits are numbered. Of several Records of one
// permit, one returns true.
type subject interface {
	Acquire(id int) (admitted, free bool, refusedBy breaker.State)
	Record(id int, o policy.Outcome) bool
	State() breaker.State
	Snapshot() breaker.Snapshot
	Isolate(reason string)
	Reset()
	Trip(d time.Duration, reason string)
	Reconfigure(k int)
	Told() (watched, moves []breaker.Transition)
}

// The name of the circuit in every history, and the time at which it begins.
const name = "linear"

var start = fake.NewClock().Now()

// jumpy is a clock that yields the processor at some readings, and at some holds a client
// until all others have finished.
type jumpy struct {
	*fake.Clock
	crew   crew
	mu     sync.Mutex
	rnd    *rand.Rand
	holdUp holdUp
}

// Now yields, perhaps, and returns the virtual time.
func (j *jumpy) Now() time.Time {
	j.yield()
	return j.Clock.Now()
}

func (j *jumpy) yield() {
	j.holdUp.maybe(j.crew.pause)
	j.mu.Lock()
	n := j.rnd.IntN(4)
	j.mu.Unlock()
	for range n {
		j.crew.pause()
	}
}

// actual is a subject with a real circuit.
type actual struct {
	*breaker.Circuit
	cfgs    []breaker.Config
	permits [maxPermits]breaker.Permit
	mu      sync.Mutex
	watched []breaker.Transition
	moves   []breaker.Transition
}

func newActual(cfgs []breaker.Config, clk *jumpy) subject {
	r := &actual{}
	note := func(to *[]breaker.Transition) func(breaker.Transition) {
		return func(t breaker.Transition) {
			clk.yield()
			r.mu.Lock()
			defer r.mu.Unlock()
			*to = append(*to, t)
		}
	}
	moved := note(&r.moves)
	for _, cfg := range cfgs {
		cfg.Name, cfg.Clock, cfg.OnStateChange = name, clk, moved
		r.cfgs = append(r.cfgs, cfg)
	}
	r.Circuit = breaker.NewCircuit(r.cfgs[0])
	r.Watch(note(&r.watched))
	return r
}

func (r *actual) Acquire(id int) (admitted, free bool, refusedBy breaker.State) {
	var err error
	if r.permits[id], err = r.Circuit.Acquire(); err != nil {
		var refused *breaker.OpenError
		errors.As(err, &refused)
		return false, false, refused.State
	}
	return true, isFree(&r.permits[id]), 0
}

// isFree reports whether a circuit in shadow admitted the call without a permit. It reads an
// unexported field, since no caller can see that.
func isFree(p *breaker.Permit) bool {
	return reflect.ValueOf(p).Elem().FieldByName("admission").FieldByName("free").Bool()
}

func (r *actual) Record(id int, o policy.Outcome) bool { return r.permits[id].Record(o) }

func (r *actual) Reconfigure(k int) {
	if err := r.Circuit.Reconfigure(r.cfgs[k]); err != nil {
		panic(err)
	}
}

func (r *actual) Told() (watched, moves []breaker.Transition) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.watched), slices.Clone(r.moves)
}
