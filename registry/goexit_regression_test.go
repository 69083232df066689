package registry_test

import (
	"context"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/registry"
)

// many returns a Spec with circuits and pipelines c0 to c9, all with one threshold.
func many(threshold int) registry.Spec {
	spec := registry.Spec{Circuits: map[string]registry.CircuitSpec{}, Pipelines: map[string]registry.PipelineSpec{}}
	for i := range 10 {
		name := "c" + strconv.Itoa(i)
		spec.Circuits[name] = registry.CircuitSpec{Config: breaker.Config{FailureThreshold: threshold}}
		spec.Pipelines[name] = registry.PipelineSpec{Circuit: name, AttemptTimeout: time.Duration(threshold) * time.Hour}
	}
	return spec
}

// inForce checks that all of many is in force.
func inForce(t *testing.T, r *registry.Registry, threshold int) {
	t.Helper()
	for _, name := range r.Names() {
		assert.Equal(t, threshold, circuitOf(t, r, name).Config().FailureThreshold, name)
		l := liveOf(t, r, name)
		assert.Equal(t, threshold, int(timeoutOf(t, l).Hours()))
	}
}

// timeoutOf returns the attempt timeout of a pipeline.
func timeoutOf(t *testing.T, l *registry.Live[int]) time.Duration {
	t.Helper()
	now, left := policy.Now(l.Clock()), time.Duration(0)
	_, err := l.Do(t.Context(), func(ctx context.Context) (int, error) {
		end, _ := ctx.Deadline()
		left = end.Sub(now).Round(time.Hour)
		return 0, nil
	})
	require.NoError(t, err)
	return left
}

func TestAFunctionThatEndsItsGoroutineLeavesNoReloadHalfDone(t *testing.T) {
	r := made(t, many(1))
	for _, name := range r.Names() {
		liveOf(t, r, name)
		circuitOf(t, r, name).Watch(func(breaker.Transition) { runtime.Goexit() })
	}
	told := 0
	r.Watch(func(registry.Changes) { told++; runtime.Goexit() })
	for threshold := 2; threshold < 4; threshold++ {
		var applying sync.WaitGroup
		applying.Go(func() { _, _ = r.Apply(many(threshold)) })
		applying.Wait()
		inForce(t, r, threshold)
	}
	assert.Equal(t, 2, told)
}

func TestAnObserverThatEndsItsGoroutineLeavesNoReloadHalfDone(t *testing.T) {
	clk := fake.NewClock()
	spec := func(n int) registry.Spec {
		s := many(n)
		s.Families = map[string]registry.FamilySpec{
			"f": {Pipeline: "c0", Circuit: &registry.CircuitSpec{Config: breaker.Config{FailureThreshold: n}}, Max: 10 - n, Idle: time.Minute},
		}
		return s
	}
	r := made(t, spec(1), registry.WithClock(clk), registry.WithObserver(func(_ context.Context, e policy.Event) {
		if e.Kind == policy.Forgotten {
			runtime.Goexit()
		}
	}))
	f := familyOf(t, r, "f")
	for i := range 9 {
		f.Get(strconv.Itoa(i))
	}
	for n := 2; n < 4; n++ {
		clk.Advance(time.Hour)
		var applying sync.WaitGroup
		applying.Go(func() { _, _ = r.Apply(spec(n)) })
		applying.Wait()
		inForce(t, r, n)
		for key := range f.All() {
			c, ok := f.Circuit(key)
			require.True(t, ok)
			assert.Equal(t, n, c.Config().FailureThreshold)
		}
	}
}

func TestAThousandGoroutinesApplyAtOnce(t *testing.T) {
	r := made(t, many(1))
	told := 0
	r.Watch(func(registry.Changes) { told++ }) // one at a time
	var all sync.WaitGroup
	for i := range 1000 {
		all.Go(func() {
			_, err := r.Apply(many(1 + i%50))
			assert.NoError(t, err)
		})
	}
	all.Wait()
	apply(t, r, many(77))
	inForce(t, r, 77)
	assert.EqualValues(t, r.Snapshot().Revision-1, told)
}
