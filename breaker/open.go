package breaker

import (
	"time"

	atomic "github.com/ductile-go/ductile/internal/atomicx"
)

// Reading the clock is most of what a rejection would cost. So an open state on
// real time arms a timer for a while before its end, and until that has fired
// calls are refused unread: a timer is never early. It may be late, on a machine
// that has no processor to spare for it, and never fires where the bubble of
// testing/synctest that it was made in is gone. The lead makes up for the one,
// and a look at the clock every so many rejections for the other.
const (
	shortest   = time.Second // to arm a timer for less is not worth it
	leadShare  = 16          // the lead is this part of the open period
	unreadMost = 256         // rejections between two looks at the clock
)

// arm makes an open state that lasts for period from now ready to refuse calls.
//
// The timer is never stopped: a timer that was made in a bubble may not be touched
// outside of it, and nothing tells the two apart. What it holds until it fires is one
// flag, not the circuit, so a circuit that is dropped or moved by hand leaves a timer
// and a flag behind, and a timer that is pending keeps no bubble from ending.
func (o *opening) arm(c *Circuit, period time.Duration) {
	if c.time.Clock() != nil || period < shortest {
		o.near = nil
		return
	}
	near := new(atomic.Bool)
	o.near = near
	time.AfterFunc(period-period/leadShare, func() { near.Store(true) })
}

// far reports whether the end of an open state is known to be far without a look at
// the clock.
func (o *opening) far() bool { return o.near != nil && !o.near.Load() }

// due reports whether an open state may be left, and the time if it has looked at the
// clock. A call that it may not be left for is counted as refused.
func (g *generation) due() (now int64, due bool) {
	near := g.shut.opening.near
	if near == nil || near.Load() {
		if now = g.circuit.time.Now(); g.elapsed(now) {
			return now, true
		}
	}
	// The look is for the calls after this one, which has been counted as refused.
	if g.root.rejected.Inc()%unreadMost == unreadMost-1 && near != nil && g.elapsed(g.circuit.time.Now()) {
		near.Store(true)
	}
	return now, false
}
