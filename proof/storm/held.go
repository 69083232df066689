package storm

import (
	"runtime"
	"time"
	"weak"
)

// nothingIsHeld drops all that the scene made and sees that the collector takes
// it. A timer that was not stopped holds what it was made for, and no bubble tells
// of one that nobody waits for: the context of a call that is over, the circuit of
// a state that was left. Open circuits have a timer by right, and are closed first.
// Next to no time passes meanwhile, so that no timer fires.
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
	s.calls, s.tallies, s.leaving, s.ended, s.plan, s.do = nil, nil, nil, nil, nil, nil
	for range 3 { // what was made while the collector ran stays till the next time
		time.Sleep(time.Nanosecond) // the runtime keeps a stopped timer until it next looks at the others
		runtime.GC()
		if count(circuits)+count(callers) == 0 {
			return
		}
	}
	s.fault("%d circuits and %d callers are held, and nobody uses them: by timers, or for good", count(circuits), count(callers))
}

// held returns what reports whether the collector has left p.
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
