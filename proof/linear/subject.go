package linear

import (
	"errors"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
)

// subject is what histories are made of: a circuit, or a double of one. A permit
// is known by its number and belongs to one goroutine at a time.
type subject interface {
	Acquire(id int) (admitted bool, refusedBy breaker.State)
	Record(id int, o policy.Outcome)
	State() breaker.State
	Snapshot() breaker.Snapshot
	Isolate()
	Reset()
	Trip(d time.Duration)
	Told() []breaker.Transition
}

// What every history's circuit is called, and when it begins.
const name = "linear"

var start = fake.NewClock().Now()

// jumpy is a clock that yields the processor now and then when it is read.
type jumpy struct {
	*fake.Clock
	mu  sync.Mutex
	rnd *rand.Rand
}

// Now returns the virtual time, now or in a while.
func (j *jumpy) Now() time.Time {
	j.yield()
	return j.Clock.Now()
}

func (j *jumpy) yield() {
	j.mu.Lock()
	n := j.rnd.IntN(4)
	j.mu.Unlock()
	for range n {
		runtime.Gosched()
	}
}

// actual is a circuit.
type actual struct {
	*breaker.Circuit
	permits [maxPermits]breaker.Permit
	mu      sync.Mutex
	told    []breaker.Transition
}

func newActual(cfg breaker.Config, clk *jumpy) subject {
	r := &actual{}
	cfg.Name, cfg.Clock = name, clk
	cfg.OnStateChange = func(t breaker.Transition) {
		clk.yield()
		r.mu.Lock()
		defer r.mu.Unlock()
		r.told = append(r.told, t)
	}
	r.Circuit = breaker.NewCircuit(cfg)
	return r
}

func (r *actual) Acquire(id int) (bool, breaker.State) {
	p, err := r.Circuit.Acquire()
	if err != nil {
		var refused *breaker.OpenError
		errors.As(err, &refused)
		return false, refused.State
	}
	r.permits[id] = p
	return true, 0
}

func (r *actual) Record(id int, o policy.Outcome) { r.permits[id].Record(o) }

func (r *actual) Told() []breaker.Transition {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.told)
}
