// Tenants gives each tenant a circuit of its own. One tenant whose webhook is down is
// left alone while the others are served, and a caller that invents tenants gets no
// memory and resets no circuit.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/keyed"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
)

type tenantKey struct{}

// withTenant returns a context whose calls belong to a tenant.
func withTenant(ctx context.Context, name string) context.Context {
	return context.WithValue(ctx, tenantKey{}, name)
}

// tenantOf returns the tenant that a call belongs to. A call without one has no circuit.
func tenantOf(ctx context.Context) (string, bool) {
	name, ok := ctx.Value(tenantKey{}).(string)
	return name, ok
}

// newCircuits returns the circuits of at most two tenants at a time: a service would
// have room for a thousand.
func newCircuits(clock policy.Clock) *keyed.Map[string, *breaker.Circuit] {
	return keyed.New(keyed.Config[string, *breaker.Circuit]{
		Make: func(tenant string) *breaker.Circuit {
			return breaker.NewCircuit(breaker.Config{Name: tenant, FailureThreshold: 3, Clock: clock})
		},
		Overflow: func() *breaker.Circuit {
			return breaker.NewCircuit(breaker.Config{Name: "overflow", Shadow: true, Clock: clock})
		},
		Max:   2,
		Idle:  time.Hour,
		Clock: clock,
	})
}

func main() {
	tell(context.Background(), os.Stdout)
}

func tell(ctx context.Context, out io.Writer) {
	clock := fake.NewClock() // virtual time: leave Clock out for real time
	circuits := newCircuits(clock)
	webhooks := pipeline.New(keyed.Policy(circuits, tenantOf, func(c *breaker.Circuit) policy.Policy[string] {
		return breaker.New[string](c)
	})).WithObserver(func(_ context.Context, e policy.Event) {
		fmt.Fprintf(out, "  the circuit of %s: %s -> %s\n", e.Key, e.From, e.To)
	}, policy.StateChanged)

	deliver := func(tenant string, fn policy.Func[string]) {
		answer, err := webhooks.Do(withTenant(ctx, tenant), fn)
		switch {
		case errors.Is(err, breaker.ErrOpen):
			fmt.Fprintf(out, "%-8s not called\n", tenant)
		case err != nil:
			fmt.Fprintf(out, "%-8s failed: %v\n", tenant, err)
		default:
			fmt.Fprintf(out, "%-8s %s\n", tenant, answer)
		}
	}
	down := fake.NewFunc[string]().Fail(errors.New("no route to host")).Do
	up := fake.NewFunc[string]().Return("delivered").Do

	for range 4 {
		deliver("acme", down)
	}
	deliver("globex", down) // one failure: its circuit must not be forgotten
	deliver("globex", up)
	deliver("globex", down)
	for n := range 3 {
		deliver(fmt.Sprintf("bogus-%d", n), up)
	}
	fmt.Fprintln(out, circuits.Len(), "tenants have a circuit of their own")
	deliver("acme", up)
	clock.Advance(30 * time.Second)
	deliver("acme", up)
}
