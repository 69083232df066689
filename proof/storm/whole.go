package storm

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing/synctest"
	"time"

	"github.com/ductile-go/ductile/adaptive"
	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/cache"
	"github.com/ductile-go/ductile/chaos"
	"github.com/ductile-go/ductile/coalesce"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/ratelimit"
	"github.com/ductile-go/ductile/retry"
	"github.com/ductile-go/ductile/throttle"
)

// worth is a value of the whole order. A function returns one of its own.
type worth struct {
	key     string // of the call that it was made for; "" for a call without a key
	run     int64  // the number of the run that made it; 0 for a fallback's, negative for an injected one
	by      int    // the call whose values the run's context had
	version int64  // of what stands behind the key, as the run began
}

// whole is a scene with every policy in the whole order:
//
//	fallback > cache > coalesce > total timeout > retry > hedge > breaker > throttle >
//	ratelimit > attempt timeout > bulkhead > adaptive > chaos > function
//
// Callers share the pipeline, on real time, which is virtual in a bubble. Half of the scenes
// have a [stage] between each two policies, which sees what comes in and goes out. In the
// others, policies take the fast paths that they have for each other, and callers' results and
// sums are judged. Half of the scenes are observed.
type whole struct {
	rnd      *rand.Rand
	seed     uint64
	staged   bool
	observed bool
	double   wholeDouble
	do       func(ctx context.Context, fn policy.Func[worth]) (worth, error)
	shape    string

	cache    *cache.Cache[string, worth]
	coalesce *coalesce.Coalesce[string, worth]
	budget   *retry.Budget
	circuit  *breaker.Circuit
	throttle *throttle.Throttle
	limiter  *ratelimit.Limiter
	gate     *bulkhead.Gate
	adaptive *adaptive.Limiter
	chaos    *chaos.Mixture[worth]
	attempts int // of the retry
	extra    int // attempts of the hedge
	rare     bool
	jitter   func() float64

	runs   atomic.Int64
	behind [wholeKeys]behind

	mu       sync.Mutex
	faults   []string
	ended    books
	heard    map[string]int64 // events by kind and policy
	finished map[int]int      // Finished events less Started ones, by call
	fates    map[int64]*fate  // of values and panics, by run
	exits    map[string][]span
	ranFor   map[int]int // runs, by the call that they had the values of
	stages   [depth]counts
	refresh  map[string]int // refreshes that run, by key
	gates    history        // limits of the gate
	adapts   history        // limits of the adaptive limiter
	tokens   []time.Time    // when the rate limiter admitted
	fastest  rate           // that it ever had
	moves    []breaker.Transition

	retries, hedges int64 // further attempts that began
	givenBack       int64 // their tokens, at most, since they were rejected
}

// behind is what stands behind a key: something that changes.
type behind struct {
	version atomic.Int64
	floor   atomic.Int64 // the version whose invalidation has returned
}

const (
	wholeKeys   = 10
	wholeCalls  = 2000 // in a scene
	wholeCrowd  = 25   // callers
	refreshTime = 50 * time.Millisecond
	patient     = 40 * time.Millisecond // the longest deadline of a caller, less than a refresh has
)

// fate is what became of a value or a panic.
type fate struct {
	value    bool // otherwise a panic
	key      string
	from, to time.Time
	ways     []string
	served   bool // to a caller
}

// span is a run that called Goexit.
type span struct{ from, to time.Time }

// wholeDouble replaces one policy of the whole order by a faulty one, or changes what the scene
// does.
type wholeDouble struct {
	instead    map[int]func(w *whole, of policy.Policy[worth]) policy.Policy[worth] // by its place
	invalidate func(w *whole, ctx context.Context, key string) error
	observer   func(policy.Observer) policy.Observer
}

// newWhole makes the scene of a seed. It must be called in the bubble in which it is played.
func newWhole(seed uint64, d wholeDouble) *whole {
	w := &whole{
		rnd: rand.New(rand.NewPCG(seed, 0x3401e)), seed: seed, double: d, heard: map[string]int64{}, finished: map[int]int{},
		fates: map[int64]*fate{}, exits: map[string][]span{}, ranFor: map[int]int{}, refresh: map[string]int{},
	}
	w.staged, w.observed = seed%2 == 1, w.rnd.IntN(2) == 0
	var all []policy.Policy[worth]
	for at, p := range w.policies() {
		if replace := d.instead[at]; replace != nil {
			p = replace(w, p)
		}
		if w.staged {
			all = append(all, &stage{w, at})
		}
		all = append(all, p)
	}
	pipe := pipeline.New(all...).WithName("whole")
	if w.observed {
		o := policy.Observer(w.observe)
		if d.observer != nil {
			o = d.observer(o)
		}
		pipe = pipe.WithObserver(o)
	}
	w.do, w.shape = pipe.Do, pipe.String()
	return w
}

// play makes the calls of the scene and checks what must hold.
func (w *whole) play(calls int) {
	var wg sync.WaitGroup
	for caller := range wholeCrowd {
		rnd := rand.New(rand.NewPCG(w.rnd.Uint64(), uint64(caller)))
		wg.Go(func() {
			for n := range calls / wholeCrowd {
				w.one(caller*(calls/wholeCrowd)+n, rnd)
			}
		})
	}
	wg.Wait()
	if err := w.cache.Close(context.Background()); err != nil {
		w.fault("Close: %v", err)
	}
	synctest.Wait()
	w.drain()
	w.settle()
}

// drain waits until the functions that ignore their context have returned.
func (w *whole) drain() {
	time.Sleep(time.Second)
	synctest.Wait()
}

func (w *whole) fault(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.complain(format, args...)
}

// complain is fault with the mutex held.
func (w *whole) complain(format string, args ...any) {
	if len(w.faults) < 50 {
		w.faults = append(w.faults, fmt.Sprintf(format, args...))
	}
}

// keyName returns the name of a key's number.
func keyName(k int) string { return fmt.Sprintf("key %d", k) }

// of returns what stands behind a key.
func (w *whole) of(key string) *behind {
	for k := range wholeKeys {
		if keyName(k) == key {
			return &w.behind[k]
		}
	}
	return nil
}
