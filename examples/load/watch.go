package main

import (
	"context"
	"runtime"
	"time"

	"github.com/ductile-go/ductile/policy"
)

// resources are the resources in use before a run, at most during it, and after it.
type resources struct{ goroutines, connections, heap span }

type span struct{ before, peak, after int64 }

func (s *span) see(v int64) {
	s.peak = max(s.peak, v)
	s.after = v
}

// back reports whether all resources were released.
func (s *span) back() bool { return s.after <= s.before }

// watch samples the resources periodically.
type watch struct {
	server *server
	seen   resources
	stop   context.CancelFunc
	done   chan struct{}
}

// newWatch records the resources in use now, and starts to sample them at the given
// interval.
func newWatch(s *server, every time.Duration) *watch {
	w := &watch{server: s, done: make(chan struct{})}
	collect()
	w.look()
	w.seen.goroutines.before = w.seen.goroutines.after
	w.seen.connections.before = w.seen.connections.after
	w.seen.heap.before = w.seen.heap.after
	ctx, stop := context.WithCancel(context.Background())
	w.stop = stop
	go func() {
		defer close(w.done)
		for policy.Sleep(ctx, nil, every) == nil {
			w.look()
		}
	}()
	return w
}

// collect also empties the pools, which keep objects for one collection.
func collect() {
	runtime.GC()
	runtime.GC()
}

func (w *watch) look() {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	w.seen.heap.see(int64(m.HeapAlloc))
	w.seen.goroutines.see(int64(runtime.NumGoroutine()))
	w.seen.connections.see(w.server.open.Load())
}

// end returns the samples. Connections and their goroutines take a moment to end; what has
// not ended within the grace period never will.
func (w *watch) end(ctx context.Context) resources {
	w.stop()
	<-w.done
	ctx, cancel := context.WithTimeout(ctx, grace)
	defer cancel()
	for w.look(); !w.settled() && policy.Sleep(ctx, nil, 10*time.Millisecond) == nil; {
		w.look()
	}
	peak := w.seen.heap.peak
	collect()
	w.look()
	w.seen.heap.peak = peak
	return w.seen
}

func (w *watch) settled() bool { return w.seen.goroutines.back() && w.seen.connections.back() }
