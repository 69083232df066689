package bench_test

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cep21/circuit/v4"
	eapache "github.com/eapache/go-resiliency/breaker"
	"github.com/failsafe-go/failsafe-go/circuitbreaker"
	"github.com/sony/gobreaker/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
)

func BenchmarkCrowdRow(b *testing.B)    { crowd(b, "CrowdRow") }
func BenchmarkCrowdWindow(b *testing.B) { crowd(b, "CrowdWindow") }

func BenchmarkManyRow(b *testing.B)    { many(b, "ManyRow") }
func BenchmarkManyWindow(b *testing.B) { many(b, "ManyWindow") }

func BenchmarkIdleRow(b *testing.B)    { idle(b, "IdleRow") }
func BenchmarkIdleWindow(b *testing.B) { idle(b, "IdleWindow") }

func TestCrowdsCallOnce(t *testing.T) {
	succeeds(t, "CrowdRow")
	succeeds(t, "CrowdWindow")
}

func TestEveryFactoryMakesACircuitOfItsOwn(t *testing.T) {
	for name, all := range factories {
		for _, f := range all {
			t.Run(name+"/"+f.lib, func(t *testing.T) {
				var calls atomic.Int64
				a, b := f.make(), f.make()
				if f.lib != "go-zero" { // which never refuses all
					for range 300 {
						_, _ = f.call(a)(fail)(t.Context())
					}
					_, err := f.call(a)(counted(succeed, &calls))(t.Context())
					require.Error(t, err)
				}
				_, err := f.call(b)(counted(succeed, &calls))(t.Context())
				require.NoError(t, err)
				assert.EqualValues(t, 1, calls.Load())
			})
		}
	}
}

// crowd runs 64 goroutines a core on one circuit.
func crowd(b *testing.B, name string) {
	w := workloads[name]
	for _, c := range w.contenders() {
		b.Run("lib="+c.lib+"/mode=parallel", func(b *testing.B) {
			b.SetParallelism(64)
			parallel(b, w, c)
		})
	}
}

// factory makes a library's circuits.
type factory struct {
	lib  string
	make func() any
	call func(circuit any) func(f callee) call
}

func factoryOf[C any](newCircuit func() C, with func(C) contender) factory {
	return factory{
		lib:  with(newCircuit()).lib,
		make: func() any { return newCircuit() },
		call: func(c any) func(f callee) call { return with(c.(C)).bind },
	}
}

// factories holds the scenarios about the circuits themselves, by name.
var factories = map[string][]factory{
	"ManyRow": rowFactories, "IdleRow": rowFactories,
	"ManyWindow": windowFactories, "IdleWindow": windowFactories,
}

func policyOf(c *breaker.Circuit) contender { return ductile(breaker.New[int](c)) }

func executorOf(c circuitbreaker.CircuitBreaker[int]) contender { return failsafes(c) }

var rowFactories = []factory{
	factoryOf(func() *breaker.Circuit { return ourRow(inRow) }, policyOf),
	factoryOf(func() *gobreaker.CircuitBreaker[int] { return gobreakerRow(inRow) }, sony),
	factoryOf(func() circuitbreaker.CircuitBreaker[int] { return failsafeRow(inRow) }, executorOf),
	factoryOf(func() *circuit.Circuit { return cep21Row(inRow) }, cep),
	factoryOf(func() *eapache.Breaker { return eapacheRow(inRow) }, resiliency),
}

var windowFactories = []factory{
	factoryOf(func() *breaker.Circuit { return ourWindow(0.5) }, policyOf),
	factoryOf(func() *gobreaker.CircuitBreaker[int] { return gobreakerWindow(0.5) }, sony),
	factoryOf(func() circuitbreaker.CircuitBreaker[int] { return failsafeWindow(0.5) }, executorOf),
	factoryOf(func() *circuit.Circuit { return cep21Window(0.5) }, cep),
	factoryOf(googles, google),
}

// many walks over a hundred thousand circuits, so that none is in a cache when
// its turn comes, and reports what one of them holds.
func many(b *testing.B, name string) {
	for _, f := range factories[name] {
		made := sync.OnceValues(func() ([]call, float64) { return walked(f, population()) })
		b.Run("lib="+f.lib+"/mode=serial", func(b *testing.B) {
			calls, held := made()
			i := 0
			b.ReportAllocs()
			for b.Loop() {
				_, _ = calls[i](context.Background())
				if i++; i == len(calls) {
					i = 0
				}
			}
			b.ReportMetric(held, "B/circuit")
		})
		b.Run("lib="+f.lib+"/mode=parallel", func(b *testing.B) {
			calls, held := made()
			walkParallel(b, calls)
			b.ReportMetric(held, "B/circuit")
		})
	}
}

// walkParallel has each goroutine begin somewhere else.
func walkParallel(b *testing.B, calls []call) {
	var begun atomic.Int64
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		i := int(begun.Add(1)-1) * len(calls) / runtime.GOMAXPROCS(0) % len(calls)
		for pb.Next() {
			_, _ = calls[i](context.Background())
			if i++; i == len(calls) {
				i = 0
			}
		}
	})
}

// population is how many circuits there are; the smoke run makes do with few.
func population() int {
	if testing.Short() {
		return 1000
	}
	return 100_000
}

// walked makes n circuits, has each called once, and measures what one holds.
func walked(f factory, n int) ([]call, float64) {
	circuits := make([]any, n)
	held := heldBy(func() {
		for i := range circuits {
			circuits[i] = f.make()
			_, _ = f.call(circuits[i])(succeed)(context.Background())
		}
	})
	calls := make([]call, n)
	for i, c := range circuits {
		calls[i] = f.call(c)(succeed)
	}
	return calls, held / float64(n)
}

// idle makes circuits, and reports what one holds before it is called.
func idle(b *testing.B, name string) {
	for _, f := range factories[name] {
		b.Run("lib="+f.lib+"/mode=serial", func(b *testing.B) {
			circuits := make([]any, 1000)
			held := heldBy(func() {
				for i := range circuits {
					circuits[i] = f.make()
				}
			})
			b.ReportAllocs()
			for b.Loop() {
				circuits[0] = f.make()
			}
			b.ReportMetric(held/float64(len(circuits)), "B/circuit")
			runtime.KeepAlive(circuits)
		})
	}
}

// heldBy returns by how much what fill makes grows the heap.
func heldBy(fill func()) float64 {
	before := heap()
	fill()
	return float64(heap()) - float64(before)
}

// heap returns what lives. Collected twice: what pools keep goes with the second.
func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
