package sim

import (
	"context"
	"math"
	"math/rand/v2"
	"sync/atomic"
	"time"
)

// start is the time of day at which every run begins.
var start = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// stillMost is how many steps there may be at one instant. More of them are a loop that
// never waits. Tests lower it. An engine has the value of its beginning: that of a run
// which was given up goes on meanwhile.
var stillMost int64 = 20_000_000

// crowdMost is how many coroutines may have something to do at once, in one variant. Each
// takes some 3 KB. Tests lower it. An engine has the value of its beginning.
var crowdMost = 500_000

// lookEvery is how many steps there are between two looks at the world outside.
const lookEvery = 4096

// engine runs one variant. Coroutines take turns with the loop that moves time: one of them
// runs at any time, so nothing here needs a lock. The fields of outside are the exception.
type engine struct {
	now, end  int64 // nanoseconds of virtual time
	seq       int64 // of the last event or wake
	events    heap
	ready     ready
	foreign   chain[hooked] // waits for contexts whose end does not come through this package
	cur       *proc         // runs now; nil if the loop does
	live      chain[*proc]  // coroutines with something to do
	idle      []*proc
	steps     int64 // in all
	still     int64 // at this instant
	stillMost int64 // of still, in this run
	crowdMost int   // of live
	failure   error // ends the run
	halted    bool  // Run was interrupted
	over      bool  // coroutines end instead of waiting
	burying   bool  // the goroutine that lets a coroutine go on is one of bury

	clock   *clock
	seed    uint64
	base    context.Context // the values of Run's context
	world   *world
	outside outside
}

// outside is what other goroutines see of an engine.
type outside struct {
	stop    atomic.Bool          // set by Run when it is interrupted; the engine looks now and then
	at      atomic.Int64         // virtual time, for the progress
	turns   atomic.Int64         // grows each time a coroutine goes on
	running atomic.Pointer[proc] // the coroutine that runs; nil while the loop does
	tell    func()               // says that at has moved
}

func newEngine(base context.Context, seed uint64, end time.Duration) *engine {
	e := &engine{end: int64(end), seed: seed, base: context.WithoutCancel(base), stillMost: stillMost, crowdMost: crowdMost}
	e.clock = &clock{e}
	e.outside.tell = func() {}
	return e
}

// at schedules ev for d from now.
func (e *engine) at(ev *event, d time.Duration) {
	e.seq++
	ev.seq = e.seq
	ev.at = math.MaxInt64
	if d = max(0, d); int64(d) < math.MaxInt64-e.now {
		ev.at = e.now + int64(d)
	}
	e.events.push(ev)
}

// wake makes p go on at this instant.
func (e *engine) wake(p *proc) {
	if p.woken || e.over {
		return
	}
	e.seq++
	p.woken, p.seq = true, e.seq
	e.ready.push(p)
}

// run runs until the end, a failure or an interrupt.
func (e *engine) run() {
	for !e.stopped() && e.failure == nil {
		p, ev := e.ready.first(), e.events.first()
		if e.still > e.stillMost {
			e.fail(e.stillError())
		}
		switch {
		case p != nil && (ev == nil || ev.at > e.now || ev.seq > p.seq):
			e.ready.pop()
			p.woken = false
			e.resume(p)
		case ev != nil && ev.at == e.now:
			e.fire(ev)
		case e.endForeign(): // before time moves
		case ev == nil || ev.at > e.end:
			e.move(e.end)
			return
		default:
			e.move(ev.at)
			e.fire(ev)
		}
	}
}

func (e *engine) fire(ev *event) {
	e.events.remove(ev)
	ev.task.fire()
}

// move moves time.
func (e *engine) move(to int64) {
	e.world.tick(to)
	e.now, e.still = to, 0
}

// stopped counts a step, and reports whether Run was interrupted.
func (e *engine) stopped() bool {
	e.steps++
	e.still++
	if e.steps%lookEvery == 0 {
		e.show()
		e.halted = e.halted || e.outside.stop.Load()
	}
	return e.halted
}

// show tells other goroutines how far the engine is.
func (e *engine) show() {
	e.outside.at.Store(e.now)
	e.outside.tell()
}

// step counts a step of the running coroutine. It ends one that never waits.
func (e *engine) step() {
	if e.stopped() {
		e.cur.exit()
	}
	if e.still > e.stillMost {
		e.abort(e.stillError())
	}
}

// fail ends the run with err, at the next step of the loop.
func (e *engine) fail(err error) {
	if e.failure == nil {
		e.failure = err
	}
}

// abort ends the run with err, and the running coroutine.
func (e *engine) abort(err error) {
	e.fail(err)
	e.cur.exit()
}

// random returns a stream of random numbers that depends on the seed and a name alone, so
// that what one client draws does not change what another gets.
func (e *engine) random(name string) *rand.Rand {
	const offset, prime = 14695981039346656037, 1099511628211 // FNV-1a
	h := uint64(offset)
	for i := range len(name) {
		h = (h ^ uint64(name[i])) * prime
	}
	return rand.New(rand.NewPCG(e.seed, h)) //nolint:gosec // a sequence to repeat, not a secret
}
