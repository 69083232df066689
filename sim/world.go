package sim

import (
	"context"
	"time"

	"github.com/ductile-go/ductile/breaker"
)

// world is everything that one variant's engine runs.
type world struct {
	engine   *engine
	scenario *Scenario
	variant  *Variant
	services []*host // in the order of the scenario
	hosts    map[string]*host
	clients  []*caller
	record   record
	lines    []*circuitLine
	watched  map[*breaker.Circuit]bool // those that have a line
	result   *Result
}

func newWorld(ctx context.Context, s *Scenario, v *Variant) *world {
	w := &world{scenario: s, variant: v, hosts: map[string]*host{}, watched: map[*breaker.Circuit]bool{}}
	w.engine = newEngine(ctx, s.Seed, s.Duration)
	w.engine.world = w
	w.record = newRecord(s.Duration)
	w.result = &Result{Variant: v.Name, Pipelines: map[string]string{}}
	for i := range s.Services {
		h := w.newHost(&s.Services[i])
		w.services = append(w.services, h)
		w.hosts[h.name] = h
	}
	for i := range s.Clients {
		w.clients = append(w.clients, w.newCaller(&s.Clients[i]))
	}
	return w
}

// run runs the variant to its end and returns why it ended early, or nil. What was recorded
// until then is in result.
func (w *world) run() error {
	e := w.engine
	w.play()
	e.close() // deferred calls of what has not ended may panic
	return e.failure
}

// play runs the variant, and leaves why it ended early in engine.failure.
func (w *world) play() {
	e := w.engine
	set := false
	e.resume(e.prepare(bodyFunc(func() {
		w.setUp()
		set = true
	})))
	if !set && e.failure == nil {
		e.failure = errWaits
	}
	if e.failure == nil {
		w.begin()
		e.run()
		e.show()
	}
	w.finishLines()
}

// begin schedules what happens by itself.
func (w *world) begin() {
	for i := range w.scenario.Faults {
		w.newTrouble(&w.scenario.Faults[i])
	}
	for _, c := range w.clients {
		c.begin()
	}
}

// tick records what services hold at the end of each second up to the time to.
func (w *world) tick(to int64) {
	r := &w.record
	for r.ticked < len(r.bins) && int64(r.ticked+1)*int64(time.Second) <= to {
		w.sample()
	}
}

// sample records the state of services at the end of the second r.ticked.
func (w *world) sample() {
	i := w.record.ticked
	for _, h := range w.services {
		p := &h.points[i]
		for _, r := range h.replicas {
			p.Queue += r.queue.n
			p.Busy += r.busy
			p.Capacity += r.capacity()
		}
		w.record.bins[i].queue += p.Queue
	}
	w.record.ticked++
}
