package policytest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/ductile-go/ductile/policy"
)

// rounds is the number of calls that a check makes fail before it expects one to succeed.
// A policy under test may have at most so many permits to lose.
const rounds = 64

// boom ends the test binary if a policy runs the function on a goroutine of its own and does
// not recover there, so it says what to do.
const boom = "policytest: the function panicked; a policy that runs it on a goroutine of its own must recover the panic there, and raise it in the caller"

// blast is a panic value that is neither an error nor a string.
type blast struct{ at int }

func panicsPassThrough(p *probe) {
	values := []any{errors.New(boom), boom, blast{1}}
	for n := range rounds {
		value := values[n%len(values)]
		e := p.do(context.Background(), func(context.Context) (int, error) {
			time.Sleep(takes)
			panic(value)
		})
		if e.ended > 0 && e.panicked != value {
			p.Errorf("policytest: the function panicked with a %T and the call ended with %v, want the same panic: do not recover", value, e)
			return
		}
		if e.again > 0 {
			p.Errorf("policytest: the function began %d times after it had panicked, want 0: let the panic pass", e.again)
		}
		p.past = fmt.Sprintf(" after panic %d", n+1)
		time.Sleep(day)
	}
	p.stillAdmits("panics")
}

func goexitPassesThrough(p *probe) {
	for n := range rounds {
		e := p.do(context.Background(), func(context.Context) (int, error) {
			time.Sleep(takes)
			runtime.Goexit()
			return 0, nil
		})
		if e.ended > 0 && (e.returned || e.panicked != nil) {
			p.Errorf("policytest: the function called runtime.Goexit and the call ended with %v, want the caller's goroutine to end: if the function runs on another goroutine, call Goexit for it", e)
			return
		}
		if e.again > 0 {
			p.Errorf("policytest: the function began %d times after it had called runtime.Goexit, want 0", e.again)
		}
		p.past = fmt.Sprintf(" after call %d of runtime.Goexit", n+1)
		time.Sleep(day)
	}
	p.stillAdmits("calls of runtime.Goexit")
}

func failuresTakeNothing(p *probe) {
	for n := range rounds {
		p.do(context.Background(), fails)
		p.past = fmt.Sprintf(" after failure %d", n+1)
		time.Sleep(day)
	}
	p.stillAdmits("failures")
}

// leaversTakeNothing has callers leave before their call, while the function runs,
// between two runs, and while they wait for others.
func leaversTakeNothing(p *probe) {
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	leave := []func(){
		func() { p.do(gone, fails) },
		func() { p.leaveDuring(byCancel, untilEnd) },
		func() { p.leaveDuring(byDeadline, untilEnd) },
		func() { p.leaveDuring(byCancel, fails) },
	}
	for n := range rounds {
		leave[n%len(leave)]()
		p.past = fmt.Sprintf(" after caller %d that left", n+1)
		time.Sleep(day)
	}
	p.stillAdmits("callers that left")
	p.amongHolders(func() {
		var waiters sync.WaitGroup
		for range rounds {
			waiters.Go(func() { p.leaveDuring(byCancel, untilEnd) })
		}
		waiters.Wait()
	})
	p.past = " after callers that left while others held permits"
	time.Sleep(day)
	p.stillAdmits("callers that left while others held permits")
}

func (p *probe) leaveDuring(leaves leaving, fn policy.Func[int]) {
	caller, cancel := leaves()
	defer cancel()
	p.do(caller, fn)
}

// untilEnd waits for the end of its context.
func untilEnd(ctx context.Context) (int, error) {
	_ = policy.Sleep(ctx, nil, day)
	return 0, ctx.Err()
}

func (p *probe) stillAdmits(what string) {
	e := p.do(context.Background(), func(context.Context) (int, error) { return 42, nil })
	if e.v != 42 || e.err != nil || e.runs == 0 {
		p.Errorf("policytest: a day after %d %s a function that succeeds began %d times and the call returned %v, want it to run, and 42 and nil: a permit was not given back, use defer",
			rounds, what, e.runs, e)
	}
}
