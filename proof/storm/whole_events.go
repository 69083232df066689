package storm

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/policy"
)

// observe is the observer of the scene. Events of flights have the call that began them.
func (w *whole) observe(ctx context.Context, e policy.Event) {
	c := ctx.Value(wholeKey{}).(*wholeCall)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.heard[string(e.Kind)+" "+e.Policy]++
	switch e.Kind {
	case policy.Rejected:
		if at := slices.Index(placeNames[:], e.Policy); !refusal(at, e.Err) {
			w.heard["left "+e.Policy]++ // in the queue
		}
	case policy.Started:
		w.finished[c.n]--
	case policy.Finished:
		w.finished[c.n]++
	case policy.Served:
		w.heard["served from "+e.From]++
	case policy.Judged:
		w.heard["judged "+e.Outcome.String()]++
	case policy.FinishedLate, policy.Refreshed:
		if p, is := errors.AsType[*policy.PanicError](e.Err); is {
			w.endsAsHeld(p.Value.(*boom).run, string(e.Kind))
		}
	}
}

// born enters the value of a run.
func (w *whole) born(v worth, from time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fates[v.run] = &fate{value: true, key: v.key, from: from, to: time.Now()}
}

// bursts enters the panic of a run.
func (w *whole) bursts(v worth) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fates[v.run] = &fate{key: v.key, to: time.Now()}
}

// ran notes the end of a run.
func (w *whole) ran(v worth, from time.Time, how verdict) {
	if how != exited {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.exits[v.key] = append(w.exits[v.key], span{from, time.Now()})
}

// endsAs notes what became of the value or the panic of a run.
func (w *whole) endsAs(run int64, way string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.endsAsHeld(run, way)
}

func (w *whole) endsAsHeld(run int64, way string) {
	f := w.fates[run]
	if f == nil {
		w.complain("run %d made nothing, which was %s", run, way)
		return
	}
	if !slices.Contains(f.ways, way) || f.value {
		f.ways = append(f.ways, way)
	}
}

// moved is the listener of the circuit.
func (w *whole) moved(m breaker.Transition) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.moves = append(w.moves, m)
}
