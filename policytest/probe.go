package policytest

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/ductile-go/ductile/policy"
)

// probe is a policy under a check.
type probe struct {
	reporter reporter
	policy   policy.Policy[int]
	said     sync.Map // the formats of what was reported
}

// Errorf reports a fault once, however many calls meet it.
func (p *probe) Errorf(format string, args ...any) {
	p.reporter.Helper()
	if _, again := p.said.LoadOrStore(format, true); !again {
		p.reporter.Errorf(format, args...)
	}
}

// ending is how a call came back, and how often its function was run.
type ending struct {
	v        int
	err      error
	panicked any
	returned bool
	runs     int64
}

// do makes one call, on a goroutine of its own so that Goexit ends that alone.
func (p *probe) do(ctx context.Context, fn policy.Func[int]) ending {
	var runs atomic.Int64
	var e ending
	over := make(chan struct{})
	go func() {
		defer close(over)
		defer func() { e.panicked = recover() }()
		e.v, e.err = p.policy.Execute(ctx, policy.CallOf(func(ctx context.Context) (int, error) {
			runs.Add(1)
			return fn(ctx)
		}))
		e.returned = true
	}()
	<-over
	e.runs = runs.Load()
	return e
}

// failure is the error of a function; each call has one of its own.
type failure struct{ call int }

func (f *failure) Error() string { return "policytest: the function failed" }
