package coalesce_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ductile-go/ductile/coalesce"
	"github.com/ductile-go/ductile/policy"
)

func TestAFlightOfOneCallerTakesFourAllocations(t *testing.T) {
	ctx, c := context.Background(), oneKey()
	call := policy.CallOf(func(context.Context) (int, error) { return 1, nil })
	assert.LessOrEqual(t, testing.AllocsPerRun(200, func() { _, _ = c.Execute(ctx, call) }), 4.0)
}

func TestACallWithoutAKeyAllocatesNothing(t *testing.T) {
	ctx := context.Background()
	c := coalesce.New[string, int](func(context.Context) (string, bool) { return "", false })
	call := policy.CallOf(func(context.Context) (int, error) { return 1, nil })
	assert.Zero(t, testing.AllocsPerRun(200, func() { _, _ = c.Execute(ctx, call) }))
}

func TestAnEndedContextAllocatesNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	c := oneKey()
	call := policy.CallOf(func(context.Context) (int, error) { return 1, nil })
	assert.Zero(t, testing.AllocsPerRun(200, func() { _, _ = c.Execute(ctx, call) }))
}

// A caller that joins pays for its seat; the flight's function makes it join a second
// time, and leaves the result to the first.
func TestACallerThatJoinsTakesOneAllocation(t *testing.T) {
	gone := &leaverCtx{Context: context.Background(), done: make(chan struct{})}
	close(gone.done)
	c := oneKey()
	allocs := -1.0
	joins := policy.CallOf(func(context.Context) (int, error) { t.Error("it did not join"); return 0, nil })
	_, _ = c.Execute(context.Background(), policy.CallOf(func(context.Context) (int, error) {
		allocs = testing.AllocsPerRun(200, func() {
			gone.asked = 0
			_, _ = c.Execute(gone, joins)
		})
		return 0, nil
	}))
	assert.LessOrEqual(t, allocs, 1.0)
}

// leaverCtx is a context that ends when it has been asked once.
type leaverCtx struct {
	context.Context
	done  chan struct{}
	asked int
}

func (l *leaverCtx) Done() <-chan struct{} { return l.done }

func (l *leaverCtx) Err() error {
	if l.asked++; l.asked == 1 {
		return nil
	}
	return context.Canceled
}

func BenchmarkFlight(b *testing.B) {
	ctx, c := context.Background(), oneKey()
	call := policy.CallOf(func(context.Context) (int, error) { return 1, nil })
	b.ReportAllocs()
	for b.Loop() {
		_, _ = c.Execute(ctx, call)
	}
}
