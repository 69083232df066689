package storm

import (
	"runtime"
	"time"
	"weak"
)

// nothingIsHeld drops everything that the scene made and checks that the collector frees it. A
// timer that was not stopped retains what it was made for: the context of a call that is over,
// or the circuit of a state that was left. A bubble does not report a timer that no goroutine
// waits for. Open circuits may have a timer and are closed first. Almost no time passes here,
// so that no timer fires.
func (s *scene) nothingIsHeld() {
	s.forgot = true
	var circuits, callers []func() bool
	for _, t := range s.tallies {
		t.circuit.Reset()
		circuits = append(circuits, held(t.circuit))
	}
	for _, c := range s.calls {
		callers = append(callers, held(c.caller))
	}
	s.current = nil
	s.calls, s.tallies, s.leaving, s.loads, s.ended, s.plan, s.do = nil, nil, nil, nil, nil, nil, nil
	for range 3 { // what was made while the collector ran stays till the next time
		time.Sleep(time.Nanosecond) // the runtime keeps a stopped timer until it next looks at the others
		runtime.GC()
		if count(circuits)+count(callers) == 0 {
			return
		}
	}
	s.fault("%d circuits and %d callers are held, and nothing uses them: timers or leaks retain them", count(circuits), count(callers))
}

// held returns a function that reports whether p has not been collected.
func held[T any](p *T) func() bool {
	w := weak.Make(p)
	return func() bool { return w.Value() != nil }
}

func count(held []func() bool) (n int) {
	for _, is := range held {
		if is() {
			n++
		}
	}
	return n
}
