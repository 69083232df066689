package bulkhead_test

import (
	"context"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/keyed"
	"github.com/ductile-go/ductile/policy"
)

func TestAThousandWaitersForOnePlaceAreServedOneAtATime(t *testing.T) {
	const goroutines, each = 1000, 20
	g := bulkhead.NewGate(bulkhead.Config{Limit: 1, MaxQueue: goroutines})
	b := bulkhead.New[int](g)
	var in atomic.Int64
	alone := 0 // not atomic: the race detector reports two concurrent holders
	place := take(t, g, 1)[0]
	var all sync.WaitGroup
	for range goroutines {
		all.Go(func() {
			for range each {
				_, err := b.Do(t.Context(), func(context.Context) (int, error) {
					assert.EqualValues(t, 1, in.Add(1))
					alone++
					in.Add(-1)
					return 1, nil
				})
				assert.NoError(t, err)
			}
		})
	}
	for g.Snapshot().Waiting < goroutines {
		runtime.Gosched()
	}
	place.Release()
	all.Wait()
	assert.Equal(t, goroutines*each, alone)
	assert.Equal(t, bulkhead.Snapshot{Limit: 1, Admitted: goroutines*each + 1}, g.Snapshot())
}

// In a bubble, so that callers give up in virtual time, at every point of their wait.
func TestNoPlaceIsLostWhenCallersLeaveAtAnyTime(t *testing.T) {
	bubble(t, func(t *testing.T) {
		const goroutines, each, limit = 64, 50, 3
		g := bulkhead.NewGate(bulkhead.Config{
			Limit: limit, MaxQueue: 40, MaxWait: 300 * time.Microsecond, Order: bulkhead.Adaptive,
			Delay: bulkhead.CoDel{Target: 50 * time.Microsecond, Interval: 200 * time.Microsecond},
		})
		var in, most, admitted, full, left atomic.Int64
		var all sync.WaitGroup
		for i := range goroutines {
			all.Go(func() {
				rnd := rand.New(rand.NewPCG(uint64(i), 1))
				for range each {
					ctx, cancel := context.WithTimeout(t.Context(), time.Duration(1+rnd.IntN(200))*time.Microsecond)
					ctx = policy.WithPriority(ctx, policy.Priority(rnd.IntN(3)))
					switch p, err := g.Acquire(ctx); {
					case err == nil:
						admitted.Add(1)
						raise(&most, in.Add(1))
						time.Sleep(time.Duration(rnd.IntN(20)) * time.Microsecond)
						in.Add(-1)
						p.Release()
						p.Release()
					case isFull(err):
						full.Add(1)
					default:
						left.Add(1)
					}
					cancel()
				}
			})
		}
		all.Wait()
		assert.Equal(t, bulkhead.Snapshot{Limit: limit, Admitted: admitted.Load(), Rejected: full.Load()}, g.Snapshot())
		assert.EqualValues(t, goroutines*each, admitted.Load()+full.Load()+left.Load())
		assert.LessOrEqual(t, most.Load(), int64(limit))
		assert.Positive(t, admitted.Load())
		assert.Positive(t, full.Load())
		assert.Positive(t, left.Load())
	})
}

type tenantKey struct{}

// heap returns the bytes in use after a garbage collection.
func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func TestTenThousandKeyedGatesUseBoundedMemory(t *testing.T) {
	const rounds, keys = 2, 10_000
	gates := keyed.New(keyed.Config[int, *bulkhead.Gate]{
		Max:  100,
		Make: func(int) *bulkhead.Gate { return bulkhead.NewGate(bulkhead.Config{Limit: 2, MaxQueue: 2}) },
	})
	p := keyed.Policy(gates, func(ctx context.Context) (int, bool) {
		k, ok := ctx.Value(tenantKey{}).(int)
		return k, ok
	}, func(g *bulkhead.Gate) policy.Policy[int] { return bulkhead.New[int](g) })
	call := policy.NewChain("", nil, p).Call(one)
	busy := gates.Get(-1)
	place := take(t, busy, 1)[0]
	var first uint64
	for round := range rounds {
		for k := range keys {
			_, err := call.Do(context.WithValue(t.Context(), tenantKey{}, k))
			require.NoError(t, err)
		}
		if round == 0 {
			first = heap()
		}
	}
	assert.Less(t, heap(), first+1<<20)
	assert.LessOrEqual(t, gates.Len(), 100)
	assert.Same(t, busy, gates.Get(-1), "a gate in use is not dropped")
	place.Release()
}
