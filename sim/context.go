package sim

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/ductile-go/ductile/internal/nearest"
	"github.com/ductile-go/ductile/internal/urgency"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
)

// Clock returns the clock of the simulation that ctx belongs to. Everything in a simulation
// waits through it: policies by their Clock field, and functions by [policy.Sleep],
// [policy.NewWaiter], [policy.AfterFunc] and [policy.Go]. It is for the goroutine of the
// simulation alone. Clock panics if ctx is not from a simulation.
func Clock(ctx context.Context) policy.Clock { return of(ctx, "Clock").world.engine.clock }

// Rand returns a source of random numbers in [0, 1) for the replica that ctx belongs to. It
// depends on Scenario.Seed. It panics if ctx is not from a simulation.
func Rand(ctx context.Context) func() float64 { return of(ctx, "Rand").owner.draw }

// Key returns the key of the call that ctx belongs to; see Client.Keys. ok is false if the
// call has none, or ctx is not from a simulation.
func Key(ctx context.Context) (key string, ok bool) {
	c, ok := ctx.Value(callKey{}).(*call)
	if !ok || c.key == "" {
		return "", false
	}
	return c.key, true
}

// Call sends one request to a service, without policies, and returns its error. A request
// that fails returns ErrDown, ErrFull, ErrFault, the error of a handler, or that of a
// service behind it; when ctx ends, Call returns the error of [policy.Ended]. It panics if
// ctx is not from a simulation, or there is no such service.
func Call(ctx context.Context, service string) error {
	c := of(ctx, "Call")
	h, ok := c.world.hosts[service]
	if !ok {
		var names []string
		for _, h := range c.world.services {
			names = append(names, h.name)
		}
		panic(fmt.Sprintf("sim: Call: no service is named %q%s", service, nearest.HintAfter("; ", service, names)))
	}
	return h.request(ctx, c)
}

// owner has policies and random numbers: a replica of a client or of a service.
type owner struct {
	world    *world
	name     string
	replica  int // from 1
	draw     func() float64
	pipeline *pipeline.Pipeline[any]
}

func (w *world) newOwner(kind, name string, replica int) *owner {
	r := w.engine.random(fmt.Sprintf("%s %s %d", kind, name, replica))
	return &owner{world: w, name: name, replica: replica, draw: r.Float64}
}

// call is the context of a call. It never ends by itself.
type call struct {
	world    *world
	owner    *owner
	key      string // "" if it has none
	priority policy.Priority
}

// callKey is the key under which contexts find their call.
type callKey struct{}

func of(ctx context.Context, fn string) *call {
	c, ok := ctx.Value(callKey{}).(*call)
	if !ok {
		panic("sim: " + fn + ": ctx is not from a simulation; pass on the context that the function or Variant.Pipeline was given")
	}
	return c
}

func (c *call) String() string                          { return "sim call" }
func (c *call) Deadline() (deadline time.Time, ok bool) { return time.Time{}, false }
func (c *call) Done() <-chan struct{}                   { return nil }
func (c *call) Err() error                              { return nil }

func (c *call) Value(key any) any {
	switch key.(type) {
	case callKey:
		return c
	case sourceKey:
		return nil // a simulation inside another has none of that one's
	case urgency.PriorityKey:
		return int8(c.priority)
	}
	return c.world.engine.base.Value(key)
}

// stream is a source of random numbers for one purpose.
type stream struct{ *rand.Rand }

// exponential returns a time until the next event of a Poisson process with rate a second.
func (s stream) exponential(rate float64) time.Duration {
	return saturated(s.ExpFloat64() / rate * float64(time.Second))
}
