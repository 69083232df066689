package breaker

import (
	"time"

	atomic "github.com/ductile-go/ductile/internal/atomicx"
)

// Reading the clock is most of what a rejection would cost. So on real time an open state
// arms a timer for a moment before its end, and until the timer has fired calls are
// refused without a look at the clock. A timer never fires early. It may fire late, on a
// busy machine, or never, if the bubble of testing/synctest that made it is gone. The lead
// makes up for the first, and a look at the clock every so many rejections for the second.
const (
	shortest   = time.Second // open periods below this arm no timer
	leadShare  = 16          // the lead is this part of the open period
	unreadMost = 256         // rejections between two looks at the clock
)

// arm prepares an open state that lasts for period from now.
//
// The timer is never stopped, also if the circuit is dropped, reset, isolated or tripped
// again. A timer that was made in a bubble must not be used outside of it, and there is no
// way to find out where a timer was made. A timer that is left behind does no harm: it
// references one flag of the opening that made it, and not the circuit, and until it fires
// the two take some hundred bytes. A pending timer does not prevent a bubble from ending.
func (o *opening) arm(c *Circuit, period time.Duration) {
	if c.time.Clock() != nil || period < shortest {
		o.near = nil
		return
	}
	near := new(atomic.Bool)
	o.near = near
	time.AfterFunc(period-period/leadShare, func() { near.Store(true) })
}

// far reports whether the end is known to be far without a look at the clock.
func (o *opening) far() bool { return o.near != nil && !o.near.Load() }

// due reports whether an open state may be left. If so, now is the time. If not, the call
// is counted as refused.
func (g *generation) due() (now int64, due bool) {
	near := g.shut.opening.near
	if near == nil || near.Load() {
		if now = g.circuit.time.Now(); g.elapsed(now) {
			return now, true
		}
	}
	// The look is for later calls. This one has been counted as refused.
	if g.root.rejected.Inc()%unreadMost == unreadMost-1 && near != nil && g.elapsed(g.circuit.time.Now()) {
		near.Store(true)
	}
	return now, false
}
