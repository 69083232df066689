package breaker

import (
	"log"
	"runtime/debug"
	"slices"

	atomic "github.com/ductile-go/ductile/internal/atomicx"
)

// Watch calls fn for every move that the circuit makes from now on, until stop is called.
// There may be any number of watchers.
//
// fn is called once for each move, in the order of the moves, after
// [Config].OnStateChange and in the order of the calls of Watch. It runs on the goroutine
// of a call that moved the circuit, one call at a time, so it should be quick. No lock is
// held, so it may call the circuit. A panic in it is logged and recovered. fn is also
// called for each Reconfigure, with a Transition that has the same From and To and the
// Reason [ReasonReconfigured].
//
// After stop has returned, fn is not called for later moves; a call in progress may still
// finish. stop may be called more than once. Watch panics if fn is nil.
func (c *Circuit) Watch(fn func(Transition)) (stop func()) {
	if fn == nil {
		panic("breaker: Circuit.Watch: fn is nil, want a function")
	}
	a := c.getAnnouncer()
	w := &watcher{what: "a function given to Watch", fn: fn, since: c.gen.Load().seq}
	a.change(func(all []*watcher) []*watcher { return append(all, w) })
	return func() {
		w.stopped.Store(true)
		a.change(func(all []*watcher) []*watcher {
			return slices.DeleteFunc(all, func(one *watcher) bool { return one == w })
		})
	}
}

// watcher is one function that listens.
type watcher struct {
	what  string // for the log
	fn    func(Transition)
	since uint32 // the number of the generation at which it began to listen
	// active is set once a later generation was announced, since numbers wrap. Only the
	// goroutine that announces uses it.
	active bool
	// stopped is set by stop, perhaps while another goroutine announces moves.
	stopped atomic.Bool
}

// announcer calls a circuit's listeners. Each generation links to the move after it, and
// one goroutine at a time walks that list.
type announcer struct {
	// walking is the right to walk the list and to use the fields below. A goroutine that
	// moves the circuit while another one walks leaves the call of listeners to that one.
	walking atomic.Bool
	last    *generation // the last generation whose listeners were called, or are being called
	move    *Transition // the move to it
	pending []*watcher  // those that have not been called for it

	// mu serializes changes of watchers, or one of two concurrent changes would be lost. See
	// also getAnnouncer.
	mu       atomic.Mutex
	watchers atomic.Pointer[[]*watcher]
}

// announced is the move to a generation, as its listeners are given it.
type announced struct {
	to   *generation
	move *Transition // nil if it is none
}

// change replaces the list of watchers. Goroutines that read the old list go on with it.
func (a *announcer) change(f func([]*watcher) []*watcher) {
	a.mu.Lock()
	defer a.mu.Unlock()
	all := f(slices.Clone(a.list()))
	a.watchers.Store(&all)
}

func (a *announcer) list() []*watcher {
	if all := a.watchers.Load(); all != nil {
		return *all
	}
	return nil
}

// getAnnouncer returns the circuit's announcer, and makes it if it is missing. A new one has
// the right to walk taken until last is set, so that a goroutine that moves the circuit
// meanwhile does not walk a list without a beginning. Its lock is held until then too. A
// goroutine that found it earlier could begin to listen and then move the circuit, and the
// list would begin after that move.
func (c *Circuit) getAnnouncer() *announcer {
	a := &announcer{}
	a.walking.Store(true)
	a.mu.Lock()
	defer a.mu.Unlock()
	if !c.announcer.CompareAndSwap(nil, a) {
		a = c.announcer.Load()
		a.await()
		return a
	}
	a.last = c.gen.Load()
	a.walking.Store(false)
	return a
}

// await returns once the list of moves has begun.
func (a *announcer) await() {
	a.mu.Lock()
	defer a.mu.Unlock()
}

// announce calls the listeners, if there are any, after the circuit has moved.
func (c *Circuit) announce(from, to *generation, move *Transition) {
	a := c.announcer.Load()
	if a == nil {
		return
	}
	if move == nil { // the first listener may have come after the caller looked for one
		move = c.transition(to, from)
	}
	from.next.Store(&announced{to, move})
	c.walk(a)
}

// walk announces every move that is pending, in order.
//
// The walker lets go of the right and then looks once more. A mover that found the right
// taken had stored its move before, so one of the two sees it.
func (c *Circuit) walk(a *announcer) {
	for a.walking.CompareAndSwap(false, true) {
		if last := c.walkOnce(a); last.next.Load() == nil {
			return
		}
	}
}

func (c *Circuit) walkOnce(a *announcer) (last *generation) {
	finished := false
	defer func() {
		last = a.last
		a.walking.Store(false)
		if !finished { // a listener called runtime.Goexit: announce the rest before the goroutine ends
			c.walk(a)
		}
	}()
	for {
		for len(a.pending) > 0 {
			w := a.pending[0]
			a.pending = a.pending[1:]
			c.notify(w, a.last, a.move)
		}
		next := a.last.next.Load()
		if next == nil {
			a.move = nil
			finished = true
			return
		}
		a.last.next.Store(nil) // otherwise a permit that is held for long would hold all later states
		a.last, a.move = next.to, next.move
		a.pending = a.audience()
	}
}

// audience returns the watchers to call for the current move.
func (a *announcer) audience() []*watcher {
	if a.move == nil {
		return nil
	}
	all := a.list()
	if on := a.last.rules.cold.OnStateChange; on != nil && a.move.From != a.move.To {
		first := &watcher{what: "OnStateChange", fn: on, active: true}
		return append([]*watcher{first}, all...)
	}
	return all
}

// notify calls a watcher, unless it began to listen after the move or has stopped.
func (c *Circuit) notify(w *watcher, to *generation, move *Transition) {
	w.active = w.active || int32(to.seq-w.since) > 0 // as a difference, since numbers wrap
	if w.active && !w.stopped.Load() {
		c.safely(w.what, func() { w.fn(*move) })
	}
}

// safely calls a function of the user's and logs a panic in it, as net/http logs those of
// handlers. A panic must not turn the success of a call into a panic of the caller, or
// leave the circuit with its right to walk taken.
func (c *Circuit) safely(what string, f func()) {
	defer func() {
		if r := recover(); r != nil {
			log.Printf("breaker: %s of circuit %q panicked: %v\n%s", what, c.name, r, debug.Stack())
		}
	}()
	f()
}
