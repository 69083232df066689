package questions

import (
	"context"
	"fmt"
	"runtime"
	"sync"

	"github.com/ductile-go/ductile/internal/fault"
	"github.com/ductile-go/ductile/sim"
)

// Config is common to all questions. The zero Config is valid.
type Config struct {
	// Name is what is varied, such as "retry.max_attempts". It heads tables and plots.
	Name string
	// Parallel is how many runs go on at a time. 0 means one for each core. It does not
	// change the answer.
	Parallel int
	// Progress, if set, is called after each run, on the goroutine of the question, with how
	// many are done.
	Progress func(done, total int)
}

// Validate returns nil if c is usable. Otherwise it returns an error that names the field,
// its value and the values that are allowed.
func (c Config) Validate() error {
	faults := fault.Of("questions: Config")
	if c.Parallel < 0 {
		faults.Add("Parallel", c.Parallel, "0 for one run a core, or more")
	}
	return faults.Err()
}

// runs counts the runs of a question.
type runs struct {
	Config
	done  int
	total int
}

// all runs n scenarios and returns their reports in order. After a failure no further run
// begins; those that have begun are waited for, so that the error is always that of the first
// scenario that fails. Scenarios are made one after another.
func (r *runs) all(ctx context.Context, n int, scenario func(i int) (sim.Scenario, error)) ([]*sim.Report, error) {
	reports, errs := make([]*sim.Report, n), make([]error, n)
	stop := make(chan struct{})
	halt := sync.OnceFunc(func() { close(stop) })
	slots, ended := make(chan struct{}, r.parallel()), make(chan struct{}, n)
	var wg sync.WaitGroup
	for i := range n {
		if !r.begin(stop, slots, ended) {
			break
		}
		s, err := scenario(i)
		if err != nil {
			errs[i] = err
			break
		}
		wg.Go(func() {
			defer func() { <-slots }()
			report, err := sim.Run(ctx, s)
			if err != nil {
				errs[i] = err // a report of an interrupted run is no answer
				halt()
				return
			}
			reports[i] = report
			ended <- struct{}{}
		})
	}
	go func() {
		wg.Wait()
		close(ended)
	}()
	for range ended {
		r.tell()
	}
	for i, err := range errs {
		if err != nil {
			return reports, fmt.Errorf("questions: run %d of %d: %w", i+1, n, err)
		}
	}
	return reports, nil
}

// begin waits for a slot. It returns false if no further run is to begin.
func (r *runs) begin(stop <-chan struct{}, slots chan<- struct{}, ended <-chan struct{}) bool {
	for {
		select {
		case <-ended:
			r.tell()
		case slots <- struct{}{}:
			r.tellAll(ended) // before the next run begins, in case Progress ends the context
			select {
			case <-stop: // both were ready
				return false
			default:
				return true
			}
		case <-stop:
			return false
		}
	}
}

func (r *runs) parallel() int {
	if r.Parallel > 0 {
		return r.Parallel
	}
	return runtime.GOMAXPROCS(0)
}

// tellAll calls Progress for the runs that have ended by now.
func (r *runs) tellAll(ended <-chan struct{}) {
	for {
		select {
		case <-ended:
			r.tell()
		default:
			return
		}
	}
}

func (r *runs) tell() {
	if r.done++; r.Progress != nil {
		r.Progress(r.done, max(r.total, r.done))
	}
}
