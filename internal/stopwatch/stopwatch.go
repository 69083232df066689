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
	Clock Clock     // nil means real time
	Begun time.Time // when it started, on Clock
	At    int64     // when it started, by package mono, in real time
}

// New returns a stopwatch that starts now, on clock; nil means real time.
func New(clock Clock) Watch {
	if clock == nil {
		return Watch{At: mono.Now()}
	}
	return Watch{Clock: clock, Begun: clock.Now()}
}

// Elapsed returns the time since w was started. It is at least 0, even if the clock has
// been set back.
func (w Watch) Elapsed() time.Duration {
	if w.Clock != nil {
		return max(0, w.Clock.Now().Sub(w.Begun))
	}
	return max(0, time.Duration(mono.Now()-w.At))
}
