package bench_test

import (
	"context"
	"errors"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	fsbulkhead "github.com/failsafe-go/failsafe-go/bulkhead"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/semaphore"

	"github.com/ductile-go/ductile/bulkhead"
)

func BenchmarkGateFree(b *testing.B) { measure(b, "GateFree") }
func BenchmarkGateCall(b *testing.B) { measure(b, "GateCall") }
func BenchmarkGateFull(b *testing.B) { measure(b, "GateFull") }

// BenchmarkGateCrowd has 16 callers, however many processors there are.
func BenchmarkGateCrowd(b *testing.B) {
	for _, c := range workloads["GateCrowd"].contenders() {
		b.Run("lib="+c.lib+"/mode=parallel", func(b *testing.B) {
			b.SetParallelism(max(1, 16/runtime.GOMAXPROCS(0)))
			parallel(b, workloads["GateCrowd"], c)
		})
	}
}

func init() {
	workloads["GateFree"] = workload{always(succeed), func() []contender { return gates(1000) }}
	workloads["GateCall"] = workload{always(succeed), gateCalls}
	workloads["GateFull"] = workload{always(succeed), fullGates}
	workloads["GateCrowd"] = workload{always(busy), func() []contender { return gates(2) }}
}

// busy is a callee that takes some 50 ns.
var busy = callee{fn: func(context.Context) (int, error) {
	n := 0
	for i := range 50 {
		n = step(n, i)
	}
	return n, nil
}}

//go:noinline
func step(n, i int) int { return n + i }

// handed is a contender that takes a place, calls, and gives the place back.
func handed(lib string, take func(ctx context.Context) error, give func()) contender {
	return contender{lib, func(f callee) call {
		return func(ctx context.Context) (int, error) {
			if err := take(ctx); err != nil {
				return 0, err
			}
			v, err := f.fn(ctx)
			give()
			return v, err
		}
	}}
}

// deferred is handed that gives the place back also if the function panics.
func deferred(lib string, take func(ctx context.Context) error, give func()) contender {
	return contender{lib, func(f callee) call {
		return func(ctx context.Context) (int, error) {
			if err := take(ctx); err != nil {
				return 0, err
			}
			defer give()
			return f.fn(ctx)
		}
	}}
}

func ourGate(cfg bulkhead.Config) contender {
	g := bulkhead.NewGate(cfg)
	return contender{"ductile", func(f callee) call {
		return func(ctx context.Context) (int, error) {
			p, err := g.Acquire(ctx)
			if err != nil {
				return 0, err
			}
			v, err := f.fn(ctx)
			p.Release()
			return v, err
		}
	}}
}

// semaphored is a semaphore of n places, and channeled a channel.
func semaphored(n int) (take func(ctx context.Context) error, give func()) {
	s := semaphore.NewWeighted(int64(n))
	return func(ctx context.Context) error { return s.Acquire(ctx, 1) }, func() { s.Release(1) }
}

func channeled(n int) (take func(ctx context.Context) error, give func()) {
	places := make(chan struct{}, n)
	take = func(ctx context.Context) error {
		select {
		case places <- struct{}{}:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return take, func() { <-places }
}

func gates(n int) []contender {
	theirs := fsbulkhead.New[int](uint(n))
	s, giveS := semaphored(n)
	c, giveC := channeled(n)
	return []contender{
		bare,
		ourGate(bulkhead.Config{Limit: n, MaxQueue: 1000}),
		handed("xsync", s, giveS),
		handed("channel", c, giveC),
		handed("failsafe", theirs.AcquirePermit, theirs.ReleasePermit),
	}
}

func called(lib string, c contender) contender {
	c.lib = lib
	return c
}

func gateCalls() []contender {
	s, giveS := semaphored(1000)
	c, giveC := channeled(1000)
	all := bulkhead.New[int](bulkhead.NewGate(bulkhead.Config{Limit: 1000, MaxQueue: 100, MaxWait: time.Second}))
	return []contender{
		bare,
		ductile(bulkhead.New[int](bulkhead.NewGate(bulkhead.Config{Limit: 1000}))),
		piped(bulkhead.New[int](bulkhead.NewGate(bulkhead.Config{Limit: 1000}))),
		called("ductile-queue", piped(all)),
		called("ductile-small", piped(bulkhead.New[int](bulkhead.NewGate(bulkhead.Config{Limit: 10})))),
		deferred("xsync", s, giveS),
		deferred("channel", c, giveC),
		failsafes(fsbulkhead.New[int](1000)),
	}
}

var errFull = errors.New("full")

// fullGates are full when they are made, and so is their queue.
func fullGates() []contender {
	g := bulkhead.NewGate(bulkhead.Config{Limit: 1})
	g.TryAcquire()
	q := bulkhead.NewGate(bulkhead.Config{Limit: 1, MaxQueue: 1})
	q.TryAcquire()
	go func() { _, _ = q.Acquire(context.Background()) }() // for as long as the process
	for q.Snapshot().Waiting == 0 {
		runtime.Gosched()
	}
	s := semaphore.NewWeighted(1)
	s.TryAcquire(1)
	places := make(chan struct{}, 1)
	places <- struct{}{}
	f := fsbulkhead.New[int](1)
	f.TryAcquirePermit()
	try := func(lib string, try func() bool) contender {
		return handed(lib, func(context.Context) error {
			if try() {
				return nil
			}
			return errFull
		}, func() { panic("it was full") })
	}
	return []contender{
		piped(bulkhead.New[int](g)),
		ductile(bulkhead.New[int](g)),
		called("ductile-queue", ductile(bulkhead.New[int](q))),
		try("xsync", func() bool { return s.TryAcquire(1) }),
		try("channel", func() bool {
			select {
			case places <- struct{}{}:
				return true
			default:
				return false
			}
		}),
		try("failsafe", f.TryAcquirePermit),
	}
}

func TestGatesCallOnce(t *testing.T) {
	for _, name := range []string{"GateFree", "GateCall", "GateCrowd"} {
		t.Run(name, func(t *testing.T) {
			for _, c := range workloads[name].contenders() {
				var calls atomic.Int64
				f := callee{
					fn:    func(context.Context) (int, error) { calls.Add(1); return 1, nil },
					value: func() (int, error) { calls.Add(1); return 1, nil },
				}
				for range 50 {
					_, err := c.bind(f)(t.Context())
					require.NoError(t, err, c.lib)
				}
				assert.EqualValues(t, 50, calls.Load(), c.lib)
			}
		})
	}
}

func TestFullGatesCallNothing(t *testing.T) {
	each(t, "GateFull", func(t *testing.T, do call, calls *atomic.Int64) {
		for range 10 {
			_, err := do(t.Context())
			require.Error(t, err)
		}
		assert.Zero(t, calls.Load())
	})
}

// No gate loses a caller that queues, and ours admits no more than its limit.
func TestACrowdIsAllServed(t *testing.T) {
	each(t, "GateCrowd", func(t *testing.T, do call, calls *atomic.Int64) {
		done := make(chan error)
		for range 16 {
			go func() {
				_, err := do(t.Context())
				done <- err
			}()
		}
		for range 16 {
			require.NoError(t, <-done)
		}
		assert.EqualValues(t, 16, calls.Load())
	})
}
