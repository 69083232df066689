package bench_test

import (
	"context"
	"errors"
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

// callee is one function in the shapes that libraries ask for, so that none
// pays for an adapter.
type callee struct {
	fn    func(ctx context.Context) (int, error)
	value func() (int, error)
	ctx   func(ctx context.Context) error
	plain func() error
}

// contender is a library that does a scenario's work.
type contender struct {
	lib string
	// bind returns a call of f, for one goroutine. What goroutines share, such as
	// a circuit, was made before.
	bind func(f callee) call
}

// workload is a scenario's code: a callee for each goroutine, and who calls it.
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
	"CrowdRow":       {always(succeed), closedRow},
	"CrowdWindow":    {always(succeed), closedWindow},
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

var errDown = errors.New("down")

// succeed and the callees below are package-level variables, so that no
// compiler sees through them.
var succeed = callee{
	fn:    func(context.Context) (int, error) { return 1, nil },
	value: func() (int, error) { return 1, nil },
	ctx:   func(context.Context) error { return nil },
	plain: func() error { return nil },
}

var fail = callee{
	fn:    func(context.Context) (int, error) { return 0, errDown },
	value: func() (int, error) { return 0, errDown },
	ctx:   func(context.Context) error { return errDown },
	plain: func() error { return errDown },
}

// ready is closed, so that a select on it and a live context returns at once.
var ready = func() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

var wait = ofContext(func(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-ready:
		return nil
	}
})

var derive = ofContext(func(ctx context.Context) error {
	child, cancel := context.WithCancel(ctx)
	defer cancel()
	return child.Err()
})

// ofContext makes a callee of what needs a context; a library that has none to
// give cannot run it.
func ofContext(fn func(ctx context.Context) error) callee {
	return callee{ctx: fn, fn: func(ctx context.Context) (int, error) { return 1, fn(ctx) }}
}

func always(f callee) func() callee { return func() callee { return f } }

// third succeeds at every third call.
func third() callee {
	n := 0
	return from(func() error {
		if n++; n%3 != 0 {
			return errDown
		}
		return nil
	})
}

// mostlyFail succeeds at the first of every four calls.
func mostlyFail() callee {
	n := 0
	return from(func() error {
		if n++; n%4 != 1 {
			return errDown
		}
		return nil
	})
}

func from(plain func() error) callee {
	return callee{
		plain: plain,
		ctx:   func(context.Context) error { return plain() },
		value: func() (int, error) { return 1, plain() },
		fn:    func(context.Context) (int, error) { return 1, plain() },
	}
}

// counted counts the calls of f.
func counted(f callee, calls *atomic.Int64) callee {
	return callee{
		plain: func() error { calls.Add(1); return f.plain() },
		ctx:   func(ctx context.Context) error { calls.Add(1); return f.ctx(ctx) },
		value: func() (int, error) { calls.Add(1); return f.value() },
		fn:    func(ctx context.Context) (int, error) { calls.Add(1); return f.fn(ctx) },
	}
}
