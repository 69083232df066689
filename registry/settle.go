package registry

import (
	"sync"

	"github.com/ductile-go/ductile/policy"
)

// turn runs one function at a time, without holding a lock while it runs. A goroutine that
// finds it running leaves the work to the one that runs it, which then runs once more. So
// a function that it calls may ask for it again.
type turn struct {
	mu      sync.Mutex
	running bool
	again   bool
}

// take runs f. If another goroutine is running it, take returns at once, and that goroutine
// runs f once more.
//
// again is set under the lock under which the other goroutine looks at it before it ends
// its turn, so no request is lost between the two.
func (t *turn) take(f func()) {
	if t.begin() {
		t.run(f, mends)
	}
}

// mends is how often a function that did not return is run again, before the turn ends
// without it.
const mends = 1000

// run runs f until no goroutine asks for it again. If f does not return, because a function that
// it called has panicked or ended the goroutine, f runs again while the goroutine unwinds,
// to do the rest: other goroutines may have left their work to this one.
func (t *turn) run(f func(), left int) {
	done := false
	defer func() {
		switch {
		case done:
		case left > 0:
			t.run(f, left-1)
		default:
			t.end(true)
		}
	}()
	for {
		f()
		if t.end(false) {
			done = true
			return
		}
	}
}

func (t *turn) begin() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.running {
		t.again = true
		return false
	}
	t.running = true
	return true
}

// end reports whether the turn has ended.
func (t *turn) end(broken bool) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.again && !broken {
		t.again = false
		return false
	}
	t.running, t.again = false, false
	return true
}

// settle puts the current state in force: it reconfigures what has changed, and rebuilds
// the pipelines that it changes. Only one goroutine does so at a time, so that an older
// declaration cannot replace a newer one. Functions given to Circuit.Watch run meanwhile,
// and may call Apply.
func (r *Registry) settle() { r.turn.take(r.settleNow) }

// settleAside settles for a call that needs a member of a family, and does not apply. An
// Apply that comes meanwhile leaves its work to this goroutine and returns: its watchers
// find nothing to be called for yet. So they are called from here, on a goroutine of their
// own: this one may be making the member that a watcher asks for.
func (r *Registry) settleAside() {
	defer func() {
		if r.owes() {
			policy.Go(r.env.clock, r.tell)
		}
	}()
	r.settle()
}

func (r *Registry) settleNow() {
	s := r.held()
	for _, class := range classes {
		class.settle(&r.env, r.settled, s.spec, s.shared[class.name()])
	}
	for _, l := range s.lives {
		l.settle(s)
	}
	for _, f := range s.families {
		f.settle(s)
	}
	r.settled = s.spec
	r.announce(s.revision)
}
