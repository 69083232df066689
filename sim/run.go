package sim

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/ductile-go/ductile/internal/report"
	"github.com/ductile-go/ductile/policy"
)

var errWaits = errors.New("Variant.Pipeline waits; it must only make a pipeline")

// Option changes how [Run] runs.
type Option func(*options)

type options struct{ progress func(Progress) }

// WithProgress makes Run call fn as the run moves on, on the goroutine of Run, one call
// after another: at most once for each few thousand steps of the simulation, and for the
// last time when it is complete. It panics if fn is nil.
func WithProgress(fn func(Progress)) Option {
	if fn == nil {
		panic("sim: WithProgress: fn is nil, want a function")
	}
	return func(o *options) { o.progress = fn }
}

// Progress is how far a run is. It never goes back.
type Progress struct {
	Done, Total time.Duration // virtual time, of all variants together
}

// Share returns the part of the run that is done, 0 to 1.
func (p Progress) Share() float64 { return float64(p.Done) / float64(max(p.Total, 1)) }

// Run simulates s in virtual time, once for each variant, and returns what it showed. The
// result depends on s alone, so two runs are the same to the byte, provided that the
// functions and policies of s use only the clock and the random numbers of the simulation.
// Variants run at the same time, each on one goroutine.
//
// Run returns the error of [Scenario.Validate] if s is not valid. If ctx ends during the
// run, it returns the report so far, and an error that matches that of [policy.Ended]. It
// returns no report if ctx had ended before; if a function of s, a policy or an observer
// panics or calls runtime.Goexit; if a policy has another clock than that of the
// simulation; if a function waits for something other than the clock for more than
// two seconds, or calls the clock again and again while no time passes; if more than 500,000
// calls are in flight at once; or if, when ctx has ended, a function computes for more than two
// seconds without calling the clock. Run leaves no goroutine, except for a function that never
// stops waiting or computing.
//
// The contexts of a run have the values of ctx.
func Run(ctx context.Context, s Scenario, opts ...Option) (*Report, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, fmt.Errorf("sim: the run did not begin: %w", policy.Ended(ctx))
	}
	var o options
	for _, opt := range opts {
		opt(&o)
	}
	s = s.withDefaults()
	f := &fleet{ctx: ctx, signal: make(chan struct{}, 1)}
	for i := range s.Variants {
		w := newWorld(ctx, &s, &s.Variants[i])
		w.engine.outside.tell = f.tell
		f.worlds = append(f.worlds, w)
	}
	f.start()
	if err := f.wait(o.progress, s.Duration); err != nil {
		return nil, err
	}
	return f.report(&s)
}

// fleet is the worlds of one run.
type fleet struct {
	ctx    context.Context
	worlds []*world
	signal chan struct{} // has a value if an engine has moved since Run looked
	wg     sync.WaitGroup
	done   chan struct{} // closed when all engines have stopped
	errs   []error       // one a world; read after done
}

// tell is called by engines.
func (f *fleet) tell() {
	select {
	case f.signal <- struct{}{}:
	default:
	}
}

// start runs the worlds, at most one for each processor at a time.
func (f *fleet) start() {
	f.done, f.errs = make(chan struct{}), make([]error, len(f.worlds))
	work := make(chan int, len(f.worlds))
	for i := range f.worlds {
		work <- i
	}
	close(work)
	for range min(len(f.worlds), runtime.GOMAXPROCS(0)) {
		f.wg.Go(func() {
			for i := range work {
				if f.errs[i] = f.worlds[i].run(); f.errs[i] != nil {
					f.halt() // the others need not go on
				}
			}
		})
	}
	go func() {
		f.wg.Wait()
		close(f.done)
	}()
}

// halt stops all engines at their next look.
func (f *fleet) halt() {
	for _, w := range f.worlds {
		w.engine.outside.stop.Store(true)
	}
}

// wait waits until all engines have stopped. It returns why a world failed, or nil. If
// progress panics, the engines stop before the panic goes on.
func (f *fleet) wait(progress func(Progress), each time.Duration) error {
	defer context.AfterFunc(f.ctx, f.halt)()
	watch := newWatchdog(f.ctx, f.worlds)
	defer watch.stop()
	settled := false
	defer func() {
		if !settled {
			f.halt()
			_ = f.watch(watch, func() {})
		}
	}()
	at := Progress{Done: -1, Total: each * time.Duration(len(f.worlds))}
	show := func() {
		done := time.Duration(0)
		for _, w := range f.worlds {
			done += time.Duration(w.engine.outside.at.Load())
		}
		if progress != nil && done > at.Done {
			at.Done = done
			progress(at)
		}
	}
	err := f.watch(watch, show)
	settled = true
	return err
}

// watch calls show as the engines move on, until all have stopped. It returns why a world
// failed, or that one does not go on.
func (f *fleet) watch(watch *watchdog, show func()) error {
	for {
		select {
		case <-f.signal:
			show()
		case <-watch.tick():
			if err := watch.look(); err != nil {
				f.halt()
				return err
			}
		case <-f.done:
			show()
			for i, err := range f.errs {
				if err != nil {
					return fmt.Errorf("sim: variant %q: %w", f.worlds[i].variant.Name, err)
				}
			}
			return nil
		}
	}
}

// report returns the report of worlds that have stopped.
func (f *fleet) report(s *Scenario) (*Report, error) {
	r := &Report{Scenario: *s}
	var err error
	if f.ctx.Err() != nil {
		for i, w := range f.worlds {
			if at := time.Duration(w.engine.now); i == 0 || at < r.Interrupted {
				r.Interrupted = at
			}
		}
		if r.Interrupted < s.Duration {
			r.atOnce = r.Interrupted == 0 // no processor was free for one of the variants yet, for example
			err = fmt.Errorf("sim: the run was interrupted at %s of %s: %w", report.Span(r.Interrupted), report.Span(s.Duration), policy.Ended(f.ctx))
		} else {
			r.Interrupted = 0
		}
	}
	for _, w := range f.worlds {
		r.Results = append(r.Results, w.conclude(r.interrupted()))
	}
	r.Checks = checks(r)
	return r, err
}
