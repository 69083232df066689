package keyed_test

import (
	"context"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/ductile-go/ductile/keyed"
	"github.com/ductile-go/ductile/policy"
)

// hosts returns n keys, and a map and a sync.Map that hold all of them.
func hosts(n int) (keys []string, m *keyed.Map[string, *thing], peer *sync.Map) {
	m, peer = keyed.New(keyed.Config[string, *thing]{Make: makeThing, Max: n}), new(sync.Map)
	for i := range n {
		k := "https://host-" + strconv.Itoa(i) + ".example.com"
		keys = append(keys, k)
		peer.Store(k, m.Get(k))
	}
	return keys, m, peer
}

func sizes(b *testing.B, run func(b *testing.B, keys []string, m *keyed.Map[string, *thing], peer *sync.Map)) {
	for _, n := range []int{1, 64, 100_000} {
		b.Run("keys="+strconv.Itoa(n), func(b *testing.B) {
			keys, m, peer := hosts(n)
			b.ReportAllocs()
			b.ResetTimer() // for RunParallel, which b.Loop does not reset
			run(b, keys, m, peer)
		})
	}
}

func BenchmarkGet(b *testing.B) {
	sizes(b, func(b *testing.B, keys []string, m *keyed.Map[string, *thing], _ *sync.Map) {
		for i := 0; b.Loop(); i++ {
			m.Get(keys[i%len(keys)])
		}
	})
}

func BenchmarkGetSyncMap(b *testing.B) {
	sizes(b, func(b *testing.B, keys []string, _ *keyed.Map[string, *thing], peer *sync.Map) {
		for i := 0; b.Loop(); i++ {
			v, _ := peer.Load(keys[i%len(keys)])
			_ = v.(*thing)
		}
	})
}

func BenchmarkGetParallel(b *testing.B) {
	sizes(b, func(b *testing.B, keys []string, m *keyed.Map[string, *thing], _ *sync.Map) {
		b.RunParallel(func(pb *testing.PB) {
			for i := 0; pb.Next(); i++ {
				m.Get(keys[i%len(keys)])
			}
		})
	})
}

func BenchmarkGetParallelSyncMap(b *testing.B) {
	sizes(b, func(b *testing.B, keys []string, _ *keyed.Map[string, *thing], peer *sync.Map) {
		b.RunParallel(func(pb *testing.PB) {
			for i := 0; pb.Next(); i++ {
				v, _ := peer.Load(keys[i%len(keys)])
				_ = v.(*thing)
			}
		})
	})
}

// Get of known keys while another goroutine adds and drops keys.
func BenchmarkGetParallelWhileKeysComeAndGo(b *testing.B) {
	keys, m, _ := hosts(1024)
	var stop atomic.Bool
	var churn sync.WaitGroup
	churn.Go(func() {
		for i := 0; !stop.Load(); i++ {
			m.Get(strconv.Itoa(i))
		}
	})
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			m.Get(keys[i%512])
		}
	})
	b.StopTimer()
	stop.Store(true)
	churn.Wait()
}

// Each Get adds a key and drops another one.
func BenchmarkInsert(b *testing.B) {
	for _, limit := range []int{32, 1024, 100_000} {
		b.Run("max="+strconv.Itoa(limit), func(b *testing.B) {
			m := keyed.New(keyed.Config[int, *thing]{Make: func(int) *thing { return idle() }, Max: limit})
			for i := range limit {
				m.Get(-1 - i)
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				m.Get(i)
			}
		})
	}
}

// Every member is busy, so each new key gets the overflow value.
func BenchmarkOverflow(b *testing.B) {
	m := keyed.New(keyed.Config[int, *thing]{Make: func(int) *thing { return busy() }})
	for i := range keyed.DefaultMax {
		m.Get(-1 - i)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		m.Get(i)
	}
}

func BenchmarkPolicy(b *testing.B) {
	m := keyed.New(keyed.Config[string, *thing]{Make: makeThing})
	p := keyed.Policy(m, keyOf, passThrough)
	ctx := withKey(context.Background(), "https://host.example.com")
	call := policy.CallOf(func(context.Context) (int, error) { return 1, nil })
	b.Run("none", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _ = passThrough(nil).Execute(ctx, call)
		}
	})
	b.Run("keyed", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _ = p.Execute(ctx, call)
		}
	})
}
