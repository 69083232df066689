package observe

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/policy"
)

// Watch makes s show the state of sources in its snapshots, and count every move of a
// circuit, also those by hand, until stop is called. A source is a
//
//   - *[breaker.Circuit]
//   - *[bulkhead.Gate], *[ratelimit.Limiter], *[adaptive.Limiter] or *[throttle.Throttle]
//   - *keyed.Map of any of these: its members, those that join later too. A member that is
//     dropped disappears, with the series of a circuit, and so do all at stop
//   - *[retry.Budget]
//   - *pipeline.Pipeline: what it consists of, not what it uses
//
// A circuit's moves count once: the pipeline's StateChanged events for a watched circuit
// are left out. Circuits are told apart by their names, so those that a program watches
// and those that it does not should not share a name. A move that happens during Watch
// may be missed. Sources of one kind and one name share their series: numbers are added up,
// a state is 1 if one of the circuits is in it, the lowest share of the budgets is shown, and
// the highest rate of the throttles.
//
// A source may be given more than once, and is then watched until each stop was called.
// stop may be called more than once. Watch panics if a source is nil or of another type,
// and then watches none.
func (s *Stats) Watch(sources ...any) (stop func()) { return s.watches.add(sources) }

// Circuits returns the circuits that s watches, members of maps included, in no order.
func (s *Stats) Circuits() []*breaker.Circuit {
	var all []*breaker.Circuit
	for _, w := range s.watches.list() {
		if w.circuit != nil {
			all = append(all, w.circuit)
		}
	}
	return all
}

// moved counts a move of a watched circuit.
func (s *Stats) moved(key string, t breaker.Transition) {
	name := t.Name
	if name == "" {
		name = breakerKind
	}
	s.transition(name, "", t.From.String(), t.To.String(), "")
	if all := s.followers.Load(); all != nil {
		e := eventOf(key, t)
		tell(context.Background(), *all, &e)
	}
}

// eventOf returns a move as an event.
func eventOf(key string, t breaker.Transition) policy.Event {
	return policy.Event{
		Kind: policy.StateChanged, Policy: breakerKind, Name: t.Name, Key: key,
		From: t.From.String(), To: t.To.String(), Reason: t.Reason, Err: t.Cause,
	}
}

// watches is what is watched.
type watches struct {
	moved   func(key string, t breaker.Transition) // a watched circuit has moved
	dropped func(circuit string)                   // the last circuit of a name in series was dropped from a map; may be nil

	// names has the names of watched circuits. It is read by calls that move a circuit.
	names sync.Map

	// mu guards the rest. It is not held while a circuit is called, which may call its
	// listeners.
	mu      sync.Mutex
	all     map[any]*watch
	byName  map[string]int
	ordered []*watch
}

// watch is a source that is watched at least once.
type watch struct {
	source
	key  string // of a member of a map
	n    int    // how often it is watched
	stop func() // of Circuit.Watch, once it has returned
}

// watched reports whether a circuit of that name is watched.
func (ws *watches) watched(name string) bool {
	_, ok := ws.names.Load(name)
	return ok
}

func (ws *watches) add(values []any) (stop func()) {
	sources := make([]source, len(values))
	for i, v := range values {
		var err error
		if sources[i], err = sourceOf(v); err != nil {
			panic(err)
		}
	}
	var stops []func()
	for i, v := range values {
		if f := sources[i].family; f != nil {
			stops = append(stops, ws.follow(f))
			continue
		}
		ws.begin(v, sources[i], "")
		stops = append(stops, func() { ws.end(v) })
	}
	return sync.OnceFunc(func() {
		for _, stop := range stops {
			stop()
		}
	})
}

// begin watches a value once more.
func (ws *watches) begin(v any, s source, key string) {
	if w := ws.reserve(v, s, key); w != nil {
		ws.attach(w)
	}
}

// reserve counts that a value is watched once more. If it returns a watch, the caller must
// call attach, which calls the circuit.
func (ws *watches) reserve(v any, s source, key string) *watch {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if w := ws.all[v]; w != nil {
		w.n++
		return nil
	}
	if ws.all == nil {
		ws.all, ws.byName = map[any]*watch{}, map[string]int{}
	}
	w := &watch{source: s, key: key, n: 1}
	ws.all[v] = w
	ws.ordered = append(ws.ordered, w)
	if s.circuit == nil {
		return nil
	}
	// Before Circuit.Watch: otherwise a move could be counted by both.
	ws.byName[s.circuit.Name()]++
	ws.names.Store(s.circuit.Name(), true)
	return w
}

func (ws *watches) attach(w *watch) {
	stop := w.circuit.Watch(func(t breaker.Transition) {
		if t.From != t.To && ws.current(w) { // not by Reconfigure
			ws.moved(w.key, t)
		}
	})
	ws.mu.Lock()
	gone := w.n == 0
	w.stop = stop
	ws.mu.Unlock()
	if gone { // end did not find stop
		stop()
	}
}

// current reports whether w has not ended. Otherwise the circuit may be watched anew before
// the old Circuit.Watch is stopped, and its moves would count twice.
func (ws *watches) current(w *watch) bool {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	return w.n > 0
}

// end undoes a begin.
func (ws *watches) end(v any) {
	ws.mu.Lock()
	w := ws.all[v]
	if w.n--; w.n > 0 {
		ws.mu.Unlock()
		return
	}
	delete(ws.all, v)
	ws.ordered = slices.DeleteFunc(ws.ordered, func(one *watch) bool { return one == w })
	stop := w.stop
	ws.mu.Unlock()
	if w.circuit == nil {
		return
	}
	if stop != nil { // before the name is given up: otherwise a move could be counted by both
		stop()
	}
	ws.mu.Lock()
	name := w.circuit.Name()
	if ws.byName[name]--; ws.byName[name] == 0 {
		delete(ws.byName, name)
		ws.names.Delete(name)
	}
	shown := cmp.Or(name, breakerKind)
	last := ws.byName[shown] == 0 && (shown != breakerKind || ws.byName[""] == 0)
	ws.mu.Unlock()
	if last && w.key != "" && ws.dropped != nil {
		ws.dropped(shown)
	}
}

// list returns what is watched, in the order of the calls.
func (ws *watches) list() []*watch {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	return slices.Clone(ws.ordered)
}
