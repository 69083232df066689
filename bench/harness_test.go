package bench_test

import (
	"context"
	"maps"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/zeromicro/go-zero/core/logx"
	"github.com/zeromicro/go-zero/core/stat"

	"github.com/ductile-go/ductile/bench"
)

func TestMain(m *testing.M) {
	logx.Disable()        // go-zero writes statistics of the machine
	stat.SetReporter(nil) // and alerts on rejections
	os.Exit(m.Run())
}

// call makes one call through a library.
type call func(ctx context.Context) (int, error)

// contender is a library that does a scenario's work.
type contender struct {
	lib string
	// bind returns a call of f, for one goroutine. What goroutines share, such as
	// a circuit, was made before.
	bind func(f callee) call
}

// workload is a scenario's code: a callee for each goroutine, and the libraries that call it.
type workload struct {
	callee     func() callee
	contenders func() []contender
}

// workloads holds every scenario that [measure] runs, by name.
var workloads = map[string]workload{
	"RetryFirst":     {always(succeed), retryFirst},
	"RetryThird":     {third, retryThird},
	"ClosedRow":      {always(succeed), closedRow},
	"ClosedWindow":   {always(succeed), closedWindow},
	"ClosedCalls":    {always(succeed), closedCalls},
	"FailingRow":     {always(fail), failingRow},
	"FailingWindow":  {mostlyFail, failingWindow},
	"Rejecting":      {always(succeed), rejecting},
	"HalfOpen":       {always(succeed), halfOpen},
	"TimeoutIgnored": {always(succeed), timeoutIgnored},
	"TimeoutWaited":  {always(wait), timeouts},
	"TimeoutDerived": {always(derive), timeouts},
	"Three":          {always(succeed), three},
	"Four":           {always(succeed), four},
	"FourClosure":    {always(succeed), fourClosure},
	"Observed":       {always(succeed), observed},
	"Keyed":          {always(succeed), circuitFor},
	"CrowdRow":       {always(succeed), closedRow},
	"CrowdWindow":    {always(succeed), closedWindow},
	"HTTPFirst":      {always(succeed), onStub(never)},
	"HTTPThird":      {always(succeed), onStub(everyThird)},
	"LoopbackFirst":  {always(succeed), onLoopback(never)},
	"LoopbackThird":  {always(succeed), onLoopback(everyThird)},
	"Connections":    {always(succeed), connections},
}

// measure runs a scenario's contenders, each serially and in parallel.
func measure(b *testing.B, name string) {
	w := workloads[name]
	for _, c := range w.contenders() {
		b.Run("lib="+c.lib+"/mode=serial", func(b *testing.B) { serial(b, c.bind(w.callee())) })
		b.Run("lib="+c.lib+"/mode=parallel", func(b *testing.B) { parallel(b, w, c) })
	}
}

func serial(b *testing.B, do call) {
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		_, _ = do(ctx)
	}
}

func parallel(b *testing.B, w workload, c contender) {
	ctx := context.Background()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		do := c.bind(w.callee())
		for pb.Next() {
			_, _ = do(ctx)
		}
	})
}

// each runs test for every contender of a scenario, with the callee counted.
func each(t *testing.T, name string, test func(t *testing.T, do call, calls *atomic.Int64)) {
	t.Helper()
	w := workloads[name]
	for _, c := range w.contenders() {
		t.Run(c.lib, func(t *testing.T) {
			var calls atomic.Int64
			test(t, c.bind(counted(w.callee(), &calls)), &calls)
		})
	}
}

// succeeds tests that every contender calls the callee once, and that a
// hundred calls from two goroutines all succeed.
func succeeds(t *testing.T, name string) {
	t.Helper()
	for _, c := range workloads[name].contenders() {
		t.Run(c.lib, func(t *testing.T) {
			var calls atomic.Int64
			f := counted(workloads[name].callee(), &calls)
			_, err := c.bind(f)(t.Context())
			require.NoError(t, err)
			require.EqualValues(t, 1, calls.Load())
			var both sync.WaitGroup
			for range 2 {
				both.Go(func() {
					do := c.bind(f)
					for range 50 {
						_, err := do(t.Context())
						assert.NoError(t, err)
					}
				})
			}
			both.Wait()
			assert.EqualValues(t, 101, calls.Load())
		})
	}
}

func TestScenariosAndBenchmarksAreTheSame(t *testing.T) {
	var described, noted, libs []string
	for _, s := range bench.Scenarios {
		described = append(described, s.Name)
		running := libsOf(s.Name)
		require.NotEmpty(t, running, "%s is described and not measured", s.Name)
		libs = append(libs, running...)
		noted = slices.AppendSeq(noted, maps.Keys(s.Notes))
	}
	measured := slices.AppendSeq(slices.Collect(maps.Keys(workloads)), maps.Keys(factories))
	assert.ElementsMatch(t, described, measured)
	assert.Subset(t, libs, noted)
}

// libsOf lists the contenders of a scenario.
func libsOf(name string) (libs []string) {
	if w, ok := workloads[name]; ok {
		for _, c := range w.contenders() {
			libs = append(libs, c.lib)
		}
	}
	for _, f := range factories[name] {
		libs = append(libs, f.lib)
	}
	return libs
}

// bare is the floor: what every other contender does, without a library.
var bare = contender{"bare", func(f callee) call {
	return func(ctx context.Context) (int, error) { return f.fn(ctx) }
}}

// yardsticks are what the libraries' times are held against.
func yardsticks() []contender {
	var mu sync.Mutex
	return []contender{bare, {"mutex", func(f callee) call {
		return func(ctx context.Context) (int, error) {
			mu.Lock()
			defer mu.Unlock()
			return f.fn(ctx)
		}
	}}}
}

// limit is a time that no call here takes.
const limit = time.Minute

var withTimeout = contender{"withtimeout", func(f callee) call {
	return func(ctx context.Context) (int, error) {
		ctx, cancel := context.WithTimeout(ctx, limit)
		defer cancel()
		return f.fn(ctx)
	}
}}
