//go:build ductile_explore

package explore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/hedge"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// stage is a clock whose timers fire, and whose goroutines run, on threads of the explorer,
// whenever it likes.
type stage struct {
	*fake.Clock
	timers []*alarm
	runs   []func()
}

// alarm is a function of AfterFunc.
type alarm struct {
	f    func()
	over bool // fired or stopped
}

func (s *stage) AfterFunc(_ time.Duration, f func()) (stop func() bool) {
	touch(s)
	a := &alarm{f: f}
	s.timers = append(s.timers, a)
	return func() bool {
		touch(s)
		was := a.over
		a.over = true
		return !was
	}
}

func (s *stage) Go(f func()) {
	touch(s)
	s.runs = append(s.runs, f)
}

func (s *stage) NewWaiter() policy.Waiter { return &patience{} }

// patience is a waiter that minds its context.
type patience struct{ woken bool }

func (p *patience) Wait(ctx context.Context) error {
	Wait(nil, func() bool { return p.woken || ctx.Err() != nil })
	if p.woken {
		return nil
	}
	return policy.Ended(ctx)
}

func (p *patience) Wake() {
	touch(p)
	p.woken = true
}

// pending returns a timer that can fire.
func (s *stage) pending() *alarm {
	if i := slices.IndexFunc(s.timers, func(a *alarm) bool { return !a.over }); i >= 0 {
		return s.timers[i]
	}
	return nil
}

// race is one hedged call under exploration, with what is known of it from outside.
type race struct {
	*stage
	hedge    *hedge.Hedge[int]
	budget   *retry.Budget
	ctx      context.Context
	cancel   context.CancelCauseFunc
	ends     map[int]func(ctx context.Context) (int, error) // what attempts do; the first's by default
	contexts map[int]context.Context
	made     []int // values of attempts that succeeded
	dropped  []int
	kept     context.Context
	release  func()
	v        int
	err      error
	raised   any
	returned bool
	timing   bool // the thread of timers has not ended
	faults   []string
}

var (
	errLost = errors.New("the caller left")
	errBoom = errors.New("boom")
)

// newRace returns a race whose attempts do what ends says.
func newRace(cfg hedge.Config, ends map[int]func(context.Context) (int, error)) *race {
	r := &race{stage: &stage{Clock: fake.NewClock()}, ends: ends, contexts: map[int]context.Context{}, timing: cfg.Delay != hedge.AtOnce}
	cfg.Clock = r.stage
	if cfg.Budget == nil {
		cfg.Budget = hedge.NoBudget
	} else {
		r.budget = cfg.Budget
	}
	if cfg.Delay == 0 {
		cfg.Delay = time.Second
	}
	r.hedge = hedge.New[int](cfg).
		WithDiscard(func(v int) { touch(&r.dropped); r.dropped = append(r.dropped, v) }).
		WithKeep(func(ctx context.Context, v int, release func()) int {
			r.kept, r.release = ctx, release
			return v
		})
	r.ctx, r.cancel = context.WithCancelCause(context.Background())
	return r
}

func (r *race) fault(format string, args ...any) {
	r.faults = append(r.faults, fmt.Sprintf(format, args...))
}

// run is the function.
func (r *race) run(ctx context.Context) (int, error) {
	n := hedge.Attempt(ctx)
	touch(r)
	if _, twice := r.contexts[n]; twice {
		r.fault("two attempts are number %d", n)
	}
	r.contexts[n] = ctx
	if r.returned && ctx.Err() == nil {
		r.fault("attempt %d begins, and lives, after the call", n)
	}
	return r.ends[n](ctx)
}

// wins is an attempt that succeeds.
func (r *race) wins(n int) func(context.Context) (int, error) {
	return func(context.Context) (int, error) {
		touch(r)
		r.made = append(r.made, n)
		return n, nil
	}
}

func falls(context.Context) (int, error)   { return 0, errDown }
func panicks(context.Context) (int, error) { panic(errBoom) }

// listens is an attempt that waits for its context to end.
func listens(ctx context.Context) (int, error) {
	Wait(nil, func() bool { return ctx.Err() != nil })
	return 0, policy.Ended(ctx)
}

// call is the caller's thread.
func (r *race) call() {
	defer func() {
		got := recover()
		if got == any(givenUp{}) {
			panic(got)
		}
		r.raised = got
		touch(r)
		r.returned = true
		for n, ctx := range r.contexts {
			won := r.raised == nil && r.err == nil && n == r.v
			if ctx.Err() == nil && !won {
				r.fault("the context of attempt %d lives when the call has returned", n)
			}
		}
	}()
	r.v, r.err = r.hedge.Execute(r.ctx, policy.CallOf(r.run))
}

// time is the thread on which timers fire. A token that is refused is asked for again and
// again, so it ends some time.
func (r *race) time() {
	for range 3 {
		Wait(nil, func() bool { return r.returned || r.pending() != nil })
		a := r.pending()
		if a == nil {
			break
		}
		a.over = true
		a.f()
	}
	touch(r)
	r.timing = false
}

// goroutine is a thread on which goroutines run, one after another.
func (r *race) goroutine() {
	for {
		Wait(nil, func() bool { return len(r.runs) > 0 || r.returned && !r.timing })
		if len(r.runs) == 0 {
			return
		}
		f := r.runs[0]
		r.runs = r.runs[1:]
		f()
	}
}

func (r *race) leaves() {
	touch(r)
	r.cancel(errLost)
}

// settle is what must hold of every race.
func (r *race) settle() {
	values := slices.Clone(r.dropped)
	if r.raised == nil && r.err == nil {
		values = append(values, r.v)
		if r.kept.Err() != nil && r.ctx.Err() == nil {
			r.fault("the winner's context has ended before its release: %v", context.Cause(r.kept))
		}
		r.release()
	}
	slices.Sort(values)
	slices.Sort(r.made)
	if !slices.Equal(values, r.made) {
		r.fault("of the values %v, %v were returned or discarded", r.made, values)
	}
	if a := r.pending(); a != nil {
		r.fault("a timer is left behind")
	}
	for n, ctx := range r.contexts {
		if ctx.Err() == nil {
			r.fault("the context of attempt %d outlives it", n)
		}
	}
	if r.budget != nil {
		if used := r.budget.Snapshot().Retries; used != int64(max(0, len(r.contexts)-1)) {
			r.fault("%d extra attempts began for %d tokens", len(r.contexts)-1, used)
		}
	}
}

// program is the race with its threads, one of them for timers if there may be any.
func (r *race) program(check func(r *race), others ...func()) Program {
	threads := append([]func(){r.call, r.goroutine}, others...)
	if r.timing {
		threads = append(threads, r.time)
	}
	return Program{Threads: threads, Check: func() error {
		r.settle()
		check(r)
		if len(r.faults) > 0 {
			return fmt.Errorf("%v", r.faults)
		}
		return nil
	}}
}
