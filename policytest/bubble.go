package policytest

import (
	"runtime/pprof"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// bubble runs f in a bubble of t's. It returns what the bubble panicked with, nil if it
// did not, and a dump of all goroutines if the bubble has stopped for ever.
//
// A goroutine that waits for a mutex, or for a channel from outside of the bubble,
// counts as busy there: virtual time stands still, and everything that sleeps with it.
// Only a goroutine outside can see that, and only in real time. Nothing can end such a
// bubble, so bubble leaves it behind.
func bubble(t *testing.T, w *watch, f func()) (panicked any, stopped string) {
	t.Helper()
	over := make(chan any, 1)
	go func() {
		defer func() { over <- recover() }()
		synctest.Test(t, func(*testing.T) { f() })
	}()
	tick := time.NewTicker(w.every)
	defer tick.Stop()
	for {
		select {
		case panicked = <-over:
			return panicked, ""
		case <-tick.C:
			if w.look() {
				return nil, dump()
			}
		}
	}
}

// watch detects that a bubble has stopped. It counts its own looks instead of measuring
// time: a machine that is suspended or overloaded delays the watch as much as the bubble,
// and must not cause a report.
type watch struct {
	every time.Duration
	looks int // how many must see no step

	// steps counts calls and functions that began or ended. The bubble adds and the
	// watch reads; a plain counter would be a data race.
	steps atomic.Int64
	last  int64
	same  int
}

// newWatch returns a watch that waits 30 s for a step. The checks take steps
// microseconds apart.
func newWatch() *watch { return &watch{every: 100 * time.Millisecond, looks: 300} }

// look reports whether the bubble has made no step since the first of the last looks.
func (w *watch) look() bool {
	if now := w.steps.Load(); now != w.last {
		w.last, w.same = now, 0
	}
	w.same++
	return w.same > w.looks
}

// dump returns the stacks of all goroutines, for a person to read.
func dump() string {
	var text strings.Builder
	_ = pprof.Lookup("goroutine").WriteTo(&text, 2) // to a strings.Builder, which cannot fail
	return text.String()
}
