package bulkhead_test

import (
	"context"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/internal/readings"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
)

func TestAdmissionsAllocateNothing(t *testing.T) {
	ctx := context.Background()
	for _, cfg := range []bulkhead.Config{{Limit: 1}, {Limit: 1000, MaxQueue: 10}} {
		g := bulkhead.NewGate(cfg)
		b := bulkhead.New[int](g)
		piped := pipeline.New[int](b)
		watched := piped.WithObserver(func(context.Context, policy.Event) {}, policy.Rejected)
		for name, call := range map[string]func(){
			"by hand":  func() { p, _ := g.Acquire(ctx); p.Release() },
			"try":      func() { p, _ := g.TryAcquire(); p.Release() },
			"Do":       func() { _, _ = bulkhead.Do(ctx, g, one) },
			"policy":   func() { _, _ = b.Do(ctx, one) },
			"pipeline": func() { _, _ = piped.Do(ctx, one) },
			"observed": func() { _, _ = watched.Do(ctx, one) },
			"snapshot": func() { _ = g.Snapshot(); _ = g.Idle() },
		} {
			assert.Zero(t, testing.AllocsPerRun(100, call), name)
		}
	}
}

func TestARefusalReadsNoClock(t *testing.T) {
	for name, cfg := range map[string]bulkhead.Config{
		"no queue": {Limit: 1},
		"a queue":  {Limit: 1, MaxQueue: 1, MaxWait: time.Second},
		"a delay":  {Limit: 1, MaxQueue: 1, Delay: bulkhead.CoDel{Target: 1, Interval: 2}},
		"adaptive": {Limit: 1, MaxQueue: 1, Order: bulkhead.Adaptive, Delay: bulkhead.CoDel{Target: 1, Interval: 2}},
	} {
		clk := readings.NewClock()
		cfg.Clock = clk
		g := bulkhead.NewGate(cfg)
		_, err := g.Acquire(t.Context())
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		left := make(chan error)
		go func() {
			_, err := g.Acquire(ctx) // waits, if there is a queue
			left <- err
		}()
		if cfg.MaxQueue > 0 {
			require.NoError(t, clk.BlockUntil(t.Context(), 2))
		} else {
			require.ErrorIs(t, <-left, bulkhead.ErrFull)
		}
		assert.Zero(t, clk.Of(func() {
			_, err := bulkhead.New[int](g).Do(t.Context(), one)
			assert.ErrorIs(t, err, bulkhead.ErrFull)
			_, err = g.Acquire(policy.WithSpeculative(t.Context()))
			assert.ErrorIs(t, err, bulkhead.ErrFull)
		}), name)
		cancel()
		if cfg.MaxQueue > 0 {
			require.ErrorIs(t, <-left, context.Canceled)
		}
	}
}

func TestRefusalsAllocateNothing(t *testing.T) {
	low := policy.WithPriority(context.Background(), policy.Low)
	extra := policy.WithSpeculative(low)
	for _, maxQueue := range []int{0, 1} {
		bubble(t, func(t *testing.T) {
			g, place := taken(t, bulkhead.Config{MaxQueue: maxQueue})
			v := arrive(g, policy.Normal)
			b := bulkhead.New[int](g)
			piped := pipeline.New[int](b)
			watched := piped.WithObserver(func(context.Context, policy.Event) {}, policy.Rejected)
			for name, call := range map[string]func(){
				"by hand":     func() { _, _ = g.Acquire(low) },
				"try":         func() { _, _ = g.TryAcquire() },
				"policy":      func() { _, _ = b.Do(low, one) },
				"pipeline":    func() { _, _ = piped.Do(low, one) },
				"observed":    func() { _, _ = watched.Do(low, one) },
				"speculative": func() { _, _ = piped.Do(extra, one) },
			} {
				assert.Zero(t, testing.AllocsPerRun(100, call), "%s, a queue of %d", name, maxQueue)
			}
			place.Release()
			v.leaves()
		})
	}
}

func TestAWaitAllocatesThreeObjects(t *testing.T) {
	g, place := taken(t, bulkhead.Config{MaxQueue: 1})
	ctx := &releasing{Context: context.Background(), place: place}
	n := testing.AllocsPerRun(100, func() {
		p, err := g.Acquire(ctx)
		if err == nil {
			p.Release()
		}
		*place, _ = g.TryAcquire()
	})
	assert.LessOrEqual(t, n, 3.0, "a waiter, a policy.Waiter and its channel")
}

// releasing is a context that releases a place when a call starts to wait on it.
type releasing struct {
	context.Context
	place *bulkhead.Place
}

func (r *releasing) Done() <-chan struct{} {
	r.place.Release()
	return r.Context.Done()
}

func TestARefusalReadsTheClockOnlyForAnObserver(t *testing.T) {
	clk := readings.NewClock()
	g, _ := taken(t, bulkhead.Config{Clock: clk})
	piped := pipeline.New[int](bulkhead.New[int](g))
	refused := func(p *pipeline.Pipeline[int]) func() {
		return func() {
			_, err := p.Do(t.Context(), one)
			require.ErrorIs(t, err, bulkhead.ErrFull)
		}
	}
	assert.Zero(t, clk.Of(refused(piped)))
	assert.Positive(t, clk.Of(refused(piped.WithObserver(func(context.Context, policy.Event) {}, policy.Rejected))))
}

// A gate is small, so that each of many tenants can have one.
func TestAGateIsSmall(t *testing.T) {
	assert.LessOrEqual(t, unsafe.Sizeof(bulkhead.Gate{}), uintptr(448))
	assert.Equal(t, 2.0, testing.AllocsPerRun(100, func() { bulkhead.NewGate(bulkhead.Config{Limit: 1000}) }), "the gate and its error")
}
