package breaker

import (
	"log"
	"runtime/debug"
	"slices"
	"sync"

	atomic "github.com/ductile-go/ductile/internal/atomicx"
)

// Watch calls fn for every move that the circuit makes from now on, whatever causes
// it, until stop is called. Any number of functions may watch, from any time on.
//
// Each move is told once and in the order in which the circuit made them, after
// [Config].OnStateChange and in the order of the calls of Watch. fn runs outside of any
// lock, on the goroutine of a caller that moved the circuit, and one call of it at a
// time, so it should be quick; it may call back into the circuit. A panic in it is
// logged and goes no further. fn is also called for each Reconfigure, with a Transition that has
// the same From and To and the Reason [ReasonReconfigured].
//
// After stop has returned, fn is not called for later moves; a call that is running may
// still finish. stop may be called more than once. Watch panics if fn is nil.
func (c *Circuit) Watch(fn func(Transition)) (stop func()) {
	if fn == nil {
		panic("breaker: Circuit.Watch: fn is nil, want a function")
	}
	a := c.announcement()
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
	what    string // for the log
	fn      func(Transition)
	since   uint32      // the number of the generation at which it began to listen
	active  bool        // it has heard of a later one; under the right to tell, as it does not go round
	stopped atomic.Bool // set by stop, which may be called while moves are told
}

// announcer hands a circuit's moves to the listeners. Each generation knows its
// successor, and one goroutine at a time walks that list.
type announcer struct {
	// telling is the right to walk the list and to use what comes after it. A goroutine
	// that moves the circuit while another walks leaves the telling to that one.
	telling atomic.Bool
	told    *generation // the last generation that was taken up
	move    *Transition // that entry
	pending []*watcher  // the watchers that have not been called for it yet

	mu       sync.Mutex // held to change watchers: two changes at once would lose one
	watchers atomic.Pointer[[]*watcher]
}

// change replaces the list of watchers: goroutines that read the old one go on.
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

// announcement returns the circuit's announcer and makes it where it is missing. It is
// made with the right to tell taken, so that goroutines that move the circuit meanwhile
// leave the telling to this one until told is set.
func (c *Circuit) announcement() *announcer {
	if a := c.announcer.Load(); a != nil {
		return a
	}
	a := &announcer{}
	a.telling.Store(true)
	if !c.announcer.CompareAndSwap(nil, a) {
		return c.announcer.Load()
	}
	a.told = c.gen.Load()
	a.telling.Store(false)
	c.tell(a)
	return a
}

// entry is the entry of a generation, for the listeners.
type entry struct {
	to   *generation
	told *Transition // nil if it is not a move
}

// announce tells listeners, if there are any, that the circuit has moved.
func (c *Circuit) announce(from, to *generation, told *Transition) {
	a := c.announcer.Load()
	if a == nil {
		return
	}
	if told == nil { // perhaps the first listener came between the making of to and the move
		told = c.transition(to, from)
	}
	from.next.Store(&entry{to, told})
	c.tell(a)
}

// tell hands out every move that was not told, in order.
//
// The walker lets go of the right and then looks once more: a mover that found it
// taken had stored its successor before, so one of the two sees it.
func (c *Circuit) tell(a *announcer) {
	for a.telling.CompareAndSwap(false, true) {
		if last := c.tellPending(a); last.next.Load() == nil {
			return
		}
	}
}

func (c *Circuit) tellPending(a *announcer) (last *generation) {
	finished := false
	defer func() {
		last = a.told
		a.telling.Store(false)
		if !finished { // a listener ended its goroutine: tell the rest on the way
			c.tell(a)
		}
	}()
	for {
		for len(a.pending) > 0 {
			w := a.pending[0]
			a.pending = a.pending[1:]
			c.notify(w, a.told, a.move)
		}
		next := a.told.next.Load()
		if next == nil {
			a.move = nil
			finished = true
			return
		}
		a.told.next.Store(nil) // or a permit held for long would hold every later state
		a.told, a.move = next.to, next.told
		a.pending = a.audience()
	}
}

// audience returns the watchers to call for the move at hand.
func (a *announcer) audience() []*watcher {
	if a.move == nil {
		return nil
	}
	all := a.list()
	if on := a.told.rules.rare.OnStateChange; on != nil && a.move.From != a.move.To {
		first := &watcher{what: "OnStateChange", fn: on, active: true}
		return append([]*watcher{first}, all...)
	}
	return all
}

// notify calls a watcher unless it began to listen later, or has stopped.
func (c *Circuit) notify(w *watcher, to *generation, move *Transition) {
	w.active = w.active || int32(to.seq-w.since) > 0 // a difference: numbers go round
	if w.active && !w.stopped.Load() {
		c.safely(w.what, func() { w.fn(*move) })
	}
}

// safely calls a function of the user's whose panic must neither turn the result of
// a call that went well into a panic nor wedge the circuit. The panic is logged, as
// net/http logs those of handlers.
func (c *Circuit) safely(what string, f func()) {
	defer func() {
		if r := recover(); r != nil {
			log.Printf("breaker: %s of circuit %q panicked: %v\n%s", what, c.name, r, debug.Stack())
		}
	}()
	f()
}
