//go:build !ductile_explore

package breaker_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/fake"
)

func TestRepeatedFailuresOfOneErrorAllocateNothing(t *testing.T) {
	for name, cfg := range map[string]breaker.Config{
		"row": {FailureThreshold: 1 << 20}, "calls": {WindowCalls: 1 << 10, FailureThreshold: 1 << 10, FailureRate: 1, MinCalls: 1 << 10},
	} {
		b := breaker.New[int](breaker.NewCircuit(cfg))
		fail := func(context.Context) (int, error) { return 0, errDown }
		assert.Zero(t, testing.AllocsPerRun(100, func() { _, _ = b.Do(context.Background(), fail) }), name)
	}
}

func TestAMoveWithoutListenersMakesOneObject(t *testing.T) {
	c := breaker.NewCircuit(breaker.Config{Clock: fake.NewClock()})
	for name, move := range map[string]func(){
		"isolate": func() { c.Isolate("x") }, "trip": func() { c.Trip(1, "x") },
	} {
		assert.LessOrEqual(t, testing.AllocsPerRun(100, func() { move(); c.Reset() }), 2.0, name)
	}
}
