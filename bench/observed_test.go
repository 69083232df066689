package bench_test

import (
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/keyed"
	"github.com/ductile-go/ductile/observe"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
)

func BenchmarkObserved(b *testing.B) { measure(b, "Observed") }
func BenchmarkKeyed(b *testing.B)    { measure(b, "Keyed") }

func TestObservedPipelinesCallOnce(t *testing.T) { succeeds(t, "Observed") }
func TestKeyedCircuitsCallOnce(t *testing.T)     { succeeds(t, "Keyed") }

// observed runs the pipeline of four with different listeners that do nothing, and with one
// that counts.
func observed() []contender {
	noop := func(context.Context, policy.Event) {}
	through := func(lib string, p *pipeline.Pipeline[int]) contender {
		return contender{lib, func(f callee) call {
			return func(ctx context.Context) (int, error) { return p.Do(ctx, f.fn) }
		}}
	}
	four := pipeline.New(ours(true)...)
	routed := pipeline.New[int](router{pipeline.New(ours(true)...)})
	return []contender{
		through("ductile", four),
		through("ductile-statechanged", four.WithObserver(noop, policy.StateChanged)),
		through("ductile-finished", four.WithObserver(noop, policy.Finished)),
		through("ductile-two", four.WithObserver(noop, policy.Attempted, policy.Finished)),
		through("ductile-two-stats", four.WithObserver(observe.New(observe.Config{}).Observe, policy.Attempted, policy.Finished)),
		through("ductile-all", four.WithObserver(noop)),
		through("ductile-all-stats", four.WithObserver(observe.New(observe.Config{}).Observe)),
		through("ductile-routed", routed),
		through("ductile-routed-all", routed.WithObserver(noop)),
	}
}

// router is a user-defined policy around a pipeline.
type router struct{ to policy.Policy[int] }

func (r router) Execute(ctx context.Context, next policy.Call[int]) (int, error) {
	return r.to.Execute(ctx, next)
}

// keys are the hosts that the calls of a keyed workload go to, in turn.
const keys = 1024

func keyedNames() (names [keys]string) {
	for i := range names {
		names[i] = "host-" + string(rune('a'+i%26)) + "-" + string(rune('a'+i/26))
	}
	return names
}

// circuitFor is a circuit for each host, and what the same costs in maps of the
// standard library that forget nothing.
func circuitFor() []contender {
	names := keyedNames()
	byKey := func(lib string, get func(string) *breaker.Circuit) contender {
		for _, name := range names {
			get(name)
		}
		return contender{lib, func(f callee) call {
			n := 0
			return func(ctx context.Context) (int, error) {
				n++
				return breaker.Do(ctx, get(names[n%keys]), f.fn)
			}
		}}
	}
	fresh := func(string) *breaker.Circuit { return ourRow(inRow) }
	m := keyed.New(keyed.Config[string, *breaker.Circuit]{Make: fresh, Max: 2 * keys})
	var loaded sync.Map
	var mu sync.RWMutex
	guarded := map[string]*breaker.Circuit{}
	return []contender{
		byKey("ductile", m.Get),
		byKey("syncmap", func(k string) *breaker.Circuit {
			if c, ok := loaded.Load(k); ok {
				return c.(*breaker.Circuit)
			}
			c, _ := loaded.LoadOrStore(k, fresh(k))
			return c.(*breaker.Circuit)
		}),
		byKey("rwmutex", func(k string) *breaker.Circuit {
			mu.RLock()
			c := guarded[k]
			mu.RUnlock()
			if c == nil {
				mu.Lock()
				defer mu.Unlock()
				c = fresh(k)
				guarded[k] = c
			}
			return c
		}),
	}
}

func TestAnObservedPipelineBehindARouterAllocatesNoMoreThanAlone(t *testing.T) {
	allocs := map[string]float64{}
	for _, c := range observed() {
		do := c.bind(succeed)
		allocs[c.lib] = testing.AllocsPerRun(1000, func() { _, _ = do(t.Context()) })
	}
	require.Len(t, allocs, 9)
	for lib, n := range allocs {
		assert.InDelta(t, 1, n, 0, "%s: the timeout's context is the one allocation", lib)
	}
}
