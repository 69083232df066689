package registry

import (
	"log"
	"runtime/debug"
	"slices"
)

// watcher is a function given to Watch, with the changes that it has not been called for.
type watcher struct {
	fn    func(Changes)
	queue []Changes // guarded by Registry.mu; empty once it is stopped
	turn  turn
}

// Watch calls fn for each later [Registry.Apply] that changes something, once and in order,
// when its changes are in force. fn runs on the goroutine of an Apply, or on a new goroutine
// if a concurrent [Family.Get] put the changes in force. No lock is held, so fn may call the
// registry. If it calls Apply itself, the call for those changes comes after it has returned.
// A panic in fn is logged and recovered.
//
// Once stop has returned, fn is not called any more, except for a call that has begun. stop
// may be called more than once. Watch panics if fn is nil.
func (r *Registry) Watch(fn func(Changes)) (stop func()) {
	if fn == nil {
		panic("registry: Registry.Watch: fn is nil, want a function")
	}
	w := &watcher{fn: fn}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.watchers = append(slices.Clip(r.watchers), w)
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		w.queue = nil
		r.watchers = slices.DeleteFunc(slices.Clone(r.watchers), func(one *watcher) bool { return one == w })
	}
}

// announcement is the changes of a state.
type announcement struct {
	revision int64
	changes  Changes
}

// announce queues for each watcher the changes that are in force now. They are pending in
// the order of the states.
func (r *Registry) announce(revision int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(r.pending) > 0 && r.pending[0].revision <= revision {
		for _, w := range r.watchers {
			w.queue = append(w.queue, r.pending[0].changes)
		}
		r.pending = r.pending[1:]
	}
}

// tell calls the watchers. A watcher that is being called by another goroutine is left to
// it, so that its calls do not overlap.
func (r *Registry) tell() {
	r.mu.Lock()
	all := r.watchers
	r.mu.Unlock()
	for _, w := range all {
		w.turn.take(func() {
			for {
				c, ok := r.untold(w)
				if !ok {
					return
				}
				w.call(c.clone())
			}
		})
	}
}

// owes reports whether a watcher has not been called for changes that are in force.
func (r *Registry) owes() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.ContainsFunc(r.watchers, func(w *watcher) bool { return len(w.queue) > 0 })
}

// call calls the function and logs a panic in it. The changes are in force, so the other
// functions must still be called.
func (w *watcher) call(c Changes) {
	defer func() {
		if r := recover(); r != nil {
			log.Printf("registry: a function given to Watch panicked: %v\n%s", r, debug.Stack())
		}
	}()
	w.fn(c)
}

// untold takes the first changes that a watcher has not been called for.
func (r *Registry) untold(w *watcher) (Changes, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(w.queue) == 0 {
		return Changes{}, false
	}
	c := w.queue[0]
	w.queue = w.queue[1:]
	return c, true
}
