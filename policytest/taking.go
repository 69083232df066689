package policytest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"
)

// rounds is how often a check breaks a call before it asks for one that goes
// well: more often than a policy in a test has places to lose.
const rounds = 64

// blast is a value to panic with that is neither an error nor a string.
type blast struct{ at int }

func panicsPassThrough(p *probe) {
	values := []any{errors.New("boom"), "boom", blast{1}}
	for n := range rounds {
		boom := values[n%len(values)]
		e := p.do(context.Background(), func(context.Context) (int, error) {
			time.Sleep(takes)
			panic(boom)
		})
		if e.ended > 0 && e.panicked != boom {
			p.Errorf("policytest: the function panicked with a %T and the call ended with %v; want the panic, its value as it was", boom, e)
			return
		}
		if e.again > 0 {
			p.Errorf("policytest: a function that had panicked began again, want no more of it: %d times", e.again)
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
			p.Errorf("policytest: the function called runtime.Goexit and the call ended with %v; want the caller's goroutine to end", e)
			return
		}
		if e.again > 0 {
			p.Errorf("policytest: a function that had called runtime.Goexit began again, want no more of it: %d times", e.again)
		}
		p.past = fmt.Sprintf(" after call %d of runtime.Goexit", n+1)
		time.Sleep(day)
	}
	p.stillAdmits("calls of runtime.Goexit")
}

func (p *probe) stillAdmits(what string) {
	e := p.do(context.Background(), func(context.Context) (int, error) { return 42, nil })
	if e.v != 42 || e.err != nil || e.runs == 0 {
		p.Errorf("policytest: a day after %d %s a function that succeeds began %d times and came back as %v, want it to begin, and 42 and nil: something was not given back",
			rounds, what, e.runs, e)
	}
}
