package main

import (
	"fmt"
	"time"
)

// figures are the results of a run.
type figures struct {
	settings
	resources
	took      time.Duration
	started   int64
	attempts  int64 // attempts that the policies admitted
	kept      int64 // connections reset after they had served a request
	phases    []phaseFigures
	p50, p99  time.Duration
	recovered bool
	odd       error // one of the unexpected errors, if any
}

type phaseFigures struct {
	requests int64 // at the server
	ended    [outcomes]int64
}

func (r *run) figures() figures {
	f := figures{
		settings: r.settings, took: time.Since(r.begun),
		started: r.calls.started.Load(), attempts: r.tries.n.Load(), kept: r.server.kept.Load(),
		p50: r.latency.quantile(0.5), p99: r.latency.quantile(0.99),
	}
	for i := range script {
		f.phases = append(f.phases, phaseFigures{r.server.requests[i].Load(), r.calls.counts(i)})
	}
	if odd := r.calls.odd.Load(); odd != nil {
		f.odd = *odd
	}
	return f
}

// total adds up the phases.
func (f *figures) total() (t phaseFigures) {
	for _, p := range f.phases {
		t.requests += p.requests
		for o, n := range p.ended {
			t.ended[o] += n
		}
	}
	return t
}

// bound is how many attempts the policies may admit. For the budget, its own rule is
// applied to as many windows as the run can touch.
func (f *figures) bound() int64 {
	if !f.budget {
		return attempts * f.started
	}
	windows := int64(f.took/budget.Window) + 2
	free := budget.MinPerSecond * budget.Window.Seconds() * float64(windows)
	return f.started + int64(budget.Ratio*float64(f.started)+free)
}

// Limits on the memory in use, compared with before the run. They are wide, because the
// garbage collector lags behind. A leak of a kilobyte per call exceeds the first; retained
// responses exceed the second.
const (
	leftHeap = 4 << 20
	peakHeap = 128 << 20
)

// faults lists the expectations that failed. No expectation concerns time: durations depend
// on the machine.
func (f *figures) faults() (faults []string) {
	expect := func(ok bool, format string, args ...any) {
		if !ok {
			faults = append(faults, fmt.Sprintf(format, args...))
		}
	}
	t := f.total()
	expect(f.started > 0, "no call began")
	expect(f.started == sum(t.ended), "%d calls began, and %d ended", f.started, sum(t.ended))
	expect(t.ended[unexpected] == 0, "%d calls ended unexpectedly, one with: %v", t.ended[unexpected], f.odd)
	expect(f.recovered, "no call succeeded after the server had recovered")
	expect(f.attempts <= f.bound(), "%d attempts for %d calls, want at most %d", f.attempts, f.started, f.bound())
	// If a kept-alive connection breaks under a GET, net/http repeats the GET itself,
	// without the policies.
	expect(t.requests <= f.attempts+f.kept, "%d requests at the server, want at most %d attempts and %d repeats by net/http",
		t.requests, f.attempts, f.kept)
	expect(f.goroutines.back(), "%d goroutines are left, there were %d", f.goroutines.after, f.goroutines.before)
	expect(f.connections.back(), "%d connections are left, there were %d", f.connections.after, f.connections.before)
	expect(f.heap.after <= f.heap.before+leftHeap, "%d bytes are left in use, there were %d", f.heap.after, f.heap.before)
	expect(f.heap.peak <= f.heap.before+peakHeap, "%d bytes were in use, there were %d before", f.heap.peak, f.heap.before)
	return faults
}
