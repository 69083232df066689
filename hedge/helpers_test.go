package hedge_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ductile-go/ductile/hedge"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

var errDown = errors.New("down")

// inBubble runs a test in virtual time.
func inBubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, f)
}

// attempts returns a function that runs the n-th step in attempt n.
type attempts []func(ctx context.Context) (int, error)

func (a attempts) run(ctx context.Context) (int, error) { return a[hedge.Attempt(ctx)-1](ctx) }

// after returns an attempt that sleeps and then returns v and err. It returns early if
// its context ends.
func after(d time.Duration, v int, err error) func(context.Context) (int, error) {
	return func(ctx context.Context) (int, error) {
		if ended := policy.Sleep(ctx, nil, d); ended != nil {
			return 0, ended
		}
		return v, err
	}
}

// deaf is after without regard to the context.
func deaf(d time.Duration, v int, err error) func(context.Context) (int, error) {
	return func(ctx context.Context) (int, error) { return after(d, v, err)(context.WithoutCancel(ctx)) }
}

// tokens returns a budget of n extra attempts in total.
func tokens(n int) *retry.Budget {
	return retry.NewBudget(retry.BudgetConfig{Ratio: 1e-9, MinPerSecond: float64(n)/3600 + 1e-9, Window: time.Hour})
}

// notes collects values from several goroutines.
type notes[V any] struct {
	mu  sync.Mutex
	all []V
}

func (n *notes[V]) add(v V) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.all = append(n.all, v)
}

func (n *notes[V]) get() []V {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.all
}

// parent is a caller's context of a type that package context does not know. It counts
// the contexts that are derived from it and have not ended. They do not hear of its end.
type parent struct {
	context.Context
	done     chan struct{}
	children atomic.Int64
	asked    atomic.Pointer[func()] // called once, by the next call of Done
}

func newParent(ctx context.Context) *parent { return &parent{Context: ctx, done: make(chan struct{})} }

func (p *parent) Done() <-chan struct{} {
	if asked := p.asked.Swap(nil); asked != nil {
		(*asked)()
	}
	return p.done
}

// AfterFunc is called by package context for each derived context, and stop if it ends.
func (p *parent) AfterFunc(func()) (stop func() bool) {
	p.children.Add(1)
	return func() bool {
		p.children.Add(-1)
		return true
	}
}

// took measures a call in virtual time.
func took(f func()) time.Duration {
	start := time.Now()
	f()
	return time.Since(start)
}
