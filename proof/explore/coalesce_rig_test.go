//go:build ductile_explore

package explore

import (
	"context"
	"errors"
	"fmt"

	"github.com/ductile-go/ductile/coalesce"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
)

// flock is a coalesce under exploration, with what is known of it from outside.
type flock struct {
	*stage
	c        *coalesce.Coalesce[int, int]
	function policy.Func[int]
	callers  []*flier
	contexts []context.Context // of functions that began, in order
	calls    int               // that were made
	out      int               // threads of callers that have not ended
	faults   []string
}

// flier is a caller, with the results of its calls.
type flier struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	cause  error // with which it leaves
	got    []flown
}

// flown is the result of one call.
type flown struct {
	v      int
	err    error
	raised any
}

// newFlock returns a flock of n callers. Its function fails if its context has ended.
func newFlock(n int) *flock {
	f := &flock{stage: &stage{Clock: fake.NewClock()}}
	f.c = coalesce.New[int, int](func(context.Context) (int, bool) { return 1, true }).WithClock(f.stage)
	f.function = func(ctx context.Context) (int, error) {
		n := f.begin(ctx)
		return n, policy.Ended(ctx)
	}
	for at := range n {
		g := &flier{cause: fmt.Errorf("caller %d left", at)}
		g.ctx, g.cancel = context.WithCancelCause(context.Background())
		f.callers = append(f.callers, g)
	}
	return f
}

func (f *flock) fault(format string, args ...any) {
	f.faults = append(f.faults, fmt.Sprintf(format, args...))
}

// begin notes that a function has begun, and returns its number.
func (f *flock) begin(ctx context.Context) int {
	touch(f)
	f.contexts = append(f.contexts, ctx)
	return len(f.contexts)
}

// call returns a thread that makes calls for caller n, one after another.
func (f *flock) call(n, times int) func() {
	f.out++
	return func() {
		g := f.callers[n]
		for range times {
			g.got = append(g.got, f.do(g))
		}
		touch(f)
		f.out--
	}
}

func (f *flock) do(g *flier) (r flown) {
	defer func() {
		if r.raised = recover(); r.raised == any(givenUp{}) {
			panic(r.raised)
		}
	}()
	touch(f)
	f.calls++
	r.v, r.err = f.c.Execute(g.ctx, policy.CallOf(f.function))
	return r
}

// leave returns a thread on which the context of caller n ends.
func (f *flock) leave(n int) func() {
	return func() {
		touch(f)
		f.callers[n].cancel(f.callers[n].cause)
	}
}

// goroutine is a thread on which functions run, one after another.
func (f *flock) goroutine() {
	for {
		Wait(nil, func() bool { return len(f.runs) > 0 || f.out == 0 })
		if len(f.runs) == 0 {
			return
		}
		run := f.runs[0]
		f.runs = f.runs[1:]
		run()
	}
}

// stays checks that every call of caller n, which does not leave, got a value.
func (f *flock) stays(n int) {
	for _, r := range f.callers[n].got {
		if r.err != nil || r.raised != nil || r.v == 0 {
			f.fault("caller %d, which stays, got %+v", n, r)
		}
	}
}

// leaves checks that every call of caller n, which may leave, got a value or its own end.
func (f *flock) leaves(n int) {
	for _, r := range f.callers[n].got {
		if r.err != nil && !errors.Is(r.err, f.callers[n].cause) || r.err == nil && r.v == 0 {
			f.fault("caller %d, which may leave, got %+v", n, r)
		}
	}
}

// settle is what must hold of every flock.
func (f *flock) settle() {
	s := f.c.Snapshot()
	if s.InFlight != 0 {
		f.fault("a key is left behind: %+v", s)
	}
	if n := int(s.Flights + s.Joined); n > f.calls || len(f.contexts) > int(s.Flights) {
		f.fault("%+v of %d calls, and %d functions began", s, f.calls, len(f.contexts))
	}
	for n, ctx := range f.contexts {
		select {
		case <-ctx.Done():
		default:
			f.fault("the context of function %d has not ended: %v", n+1, ctx.Err())
		}
		if err := ctx.Err(); err != context.Canceled { //nolint:errorlint // as it is
			f.fault("the context of function %d ended with %v", n+1, err)
		}
		f.settleCause(n+1, context.Cause(ctx))
	}
}

// settleCause checks that a context which ended with a caller's cause is of a flight from
// which no caller got a value: that caller was the last.
func (f *flock) settleCause(n int, cause error) {
	if cause == context.Canceled { //nolint:errorlint // as it is
		return
	}
	for at, g := range f.callers {
		for _, r := range g.got {
			if r.err == nil && r.v == n {
				f.fault("caller %d got the value of function %d, whose context ended with %v", at, n, cause)
			}
		}
	}
}

// program is the flock with its threads.
func (f *flock) program(check func(f *flock), threads ...func()) Program {
	return Program{Threads: append(threads, f.goroutine), Check: func() error {
		f.settle()
		check(f)
		if len(f.faults) > 0 {
			return fmt.Errorf("%v", f.faults)
		}
		return nil
	}}
}
