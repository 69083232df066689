package registry_test

import (
	"bytes"
	"errors"
	"log"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/registry"
)

func TestWatchIsToldOfEachChangeOnceAndInOrder(t *testing.T) {
	r := made(t, shop())
	var got []string
	stop := r.Watch(func(c registry.Changes) { got = append(got, c.Added...) })
	spec := shop()
	for i := range 5 {
		spec.Circuits[strconv.Itoa(i)] = registry.CircuitSpec{}
		apply(t, r, spec)
		apply(t, r, spec)
	}
	want := []string{"circuits.0", "circuits.1", "circuits.2", "circuits.3", "circuits.4"}
	assert.Equal(t, want, got)
	stop()
	stop()
	apply(t, r, registry.Spec{})
	assert.Equal(t, want, got)
	assert.PanicsWithValue(t, "registry: Registry.Watch: fn is nil, want a function", func() { r.Watch(nil) })
}

func TestWatchersMayUseTheRegistryAndApply(t *testing.T) {
	r := made(t, shop())
	spec := shop()
	var got []string
	r.Watch(func(c registry.Changes) {
		got = append(got, "first "+c.Added[0])
		if c.Added[0] == "circuits.a" {
			spec.Circuits["b"] = registry.CircuitSpec{}
			assert.Equal(t, []string{"circuits.b"}, apply(t, r, spec).Added)
			assert.Len(t, r.Snapshot().Circuits, 3)
			c.Added[0] = "changed by a watcher"
		}
	})
	r.Watch(func(c registry.Changes) { got = append(got, "second "+c.Added[0]) })
	spec.Circuits["a"] = registry.CircuitSpec{}
	apply(t, r, spec)
	assert.ElementsMatch(t, []string{"first circuits.a", "first circuits.b", "second circuits.a", "second circuits.b"}, got)
	assert.Equal(t, "first circuits.a", got[0])
}

func TestAPanicOfAWatcherGoesNoFurther(t *testing.T) {
	was := log.Writer()
	defer log.SetOutput(was)
	var out bytes.Buffer
	log.SetOutput(&out)
	r := made(t, shop())
	told := 0
	r.Watch(func(registry.Changes) { panic("watcher") })
	r.Watch(func(registry.Changes) { told++ })
	apply(t, r, registry.Spec{})
	apply(t, r, shop())
	assert.Equal(t, 2, told)
	assert.Contains(t, out.String(), "registry: a function given to Watch panicked: watcher")
}

// A circuit tells its watchers of a reload while the reload goes on. What they apply comes
// into force after it.
func TestAFunctionThatWatchesACircuitMayApply(t *testing.T) {
	r := made(t, shop())
	var told []registry.Changes
	r.Watch(func(c registry.Changes) { told = append(told, c) })
	circuitOf(t, r, "stripe").Watch(func(breaker.Transition) {
		if circuitOf(t, r, "stripe").Config().FailureThreshold == 3 {
			apply(t, r, stripe(breaker.Config{FailureThreshold: 4}))
		}
	})
	apply(t, r, stripe(breaker.Config{FailureThreshold: 3}))
	assert.Equal(t, 4, circuitOf(t, r, "stripe").Config().FailureThreshold)
	assert.Len(t, told, 2)
}

func TestTheErrorOfTheLastReloadIsShownUntilAGoodOne(t *testing.T) {
	r := made(t, shop())
	assert.Empty(t, r.Snapshot().Failed)
	r.Failed(errors.New("ductile.yaml: no such file"))
	assert.Equal(t, "ductile.yaml: no such file", r.Snapshot().Failed)
	_, err := r.Apply(registry.Spec{Pipelines: map[string]registry.PipelineSpec{"p": {Circuit: "x"}}})
	require.Error(t, err)
	assert.Equal(t, err.Error(), r.Snapshot().Failed)
	apply(t, r, shop())
	assert.Empty(t, r.Snapshot().Failed, "an equal one is a good one")
	r.Failed(errors.New("x"))
	r.Failed(nil)
	assert.Empty(t, r.Snapshot().Failed)
}

func TestConcurrentAppliesAreToldInTheOrderInWhichTheyTookForce(t *testing.T) {
	r := made(t, registry.Spec{})
	var mu sync.Mutex
	declared := map[string]bool{}
	told := 0
	r.Watch(func(c registry.Changes) {
		mu.Lock()
		defer mu.Unlock()
		told++
		for _, name := range c.Added {
			assert.False(t, declared[name], name)
			declared[name] = true
		}
		for _, name := range c.Removed {
			assert.True(t, declared[name], name)
			delete(declared, name)
		}
	})
	var all sync.WaitGroup
	for g := range 4 {
		all.Go(func() {
			for i := range 100 {
				spec := registry.Spec{Circuits: map[string]registry.CircuitSpec{}}
				for n := range 5 {
					if (i>>n+g)%2 == 0 {
						spec.Circuits[strconv.Itoa(n)] = registry.CircuitSpec{}
					}
				}
				_, err := r.Apply(spec)
				assert.NoError(t, err)
			}
		})
	}
	all.Wait()
	assert.EqualValues(t, told, r.Snapshot().Revision)
	for name := range r.Snapshot().Circuits {
		assert.True(t, declared["circuits."+name])
		delete(declared, "circuits."+name)
	}
	assert.Empty(t, declared)
}

func TestAnApplyThatChangesNothingCallsNoWatcher(t *testing.T) {
	r := made(t, shop())
	var got []string
	r.Watch(func(registry.Changes) {
		got = append(got, "the first begins")
		assert.True(t, apply(t, r, registry.Spec{}).None())
		got = append(got, "the first ends")
	})
	r.Watch(func(registry.Changes) { got = append(got, "the second") })
	apply(t, r, registry.Spec{})
	assert.Equal(t, []string{"the first begins", "the first ends", "the second"}, got)
}
