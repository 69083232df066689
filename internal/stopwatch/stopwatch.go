// Package stopwatch measures how long calls and attempts take.
package stopwatch

import (
	"time"

	"github.com/ductile-go/ductile/internal/mono"
)

// Clock is the part of a policy.Clock that a stopwatch reads.
type Clock interface{ Now() time.Time }

// Watch is a started stopwatch, a small value. The zero Watch started with the process.
type Watch struct {
	clock Clock
	begun time.Time // on clock
	at    int64     // by package mono, in real time
}

// New returns a stopwatch that starts now, on clock; nil means real time.
func New(clock Clock) Watch {
	if clock != nil {
		return Watch{clock: clock, begun: clock.Now()}
	}
	return At(mono.Now())
}

// At returns a stopwatch in real time that started at a reading of package mono.
func At(reading int64) Watch { return Watch{at: reading} }

// Reading returns the reading of package mono at which w started, and whether w measures
// real time. The reading is 0 on any other clock.
func (w Watch) Reading() (at int64, realTime bool) { return w.at, w.clock == nil }

// Elapsed returns the time since w was started. It is at least 0, even if the clock has
// been set back.
func (w Watch) Elapsed() time.Duration {
	if w.clock != nil {
		return max(0, w.clock.Now().Sub(w.begun))
	}
	return max(0, time.Duration(mono.Now()-w.at))
}
