package keyed_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/keyed"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
)

type host struct{}

func withHost(ctx context.Context, name string) context.Context {
	return context.WithValue(ctx, host{}, name)
}

func hostOf(ctx context.Context) (string, bool) {
	name, ok := ctx.Value(host{}).(string)
	return name, ok
}

// Each host has a circuit. The one of a.example opens; the one of b.example does not.
func Example() {
	ctx := context.Background()
	send := func(ctx context.Context) (int, error) {
		if host, _ := hostOf(ctx); host == "a.example" {
			return 0, errors.New("connection refused")
		}
		return 200, nil
	}

	circuits := keyed.New(keyed.Config[string, *breaker.Circuit]{
		Make: func(host string) *breaker.Circuit {
			return breaker.NewCircuit(breaker.Config{Name: host, FailureThreshold: 1})
		},
	})
	guard := keyed.Policy(circuits, hostOf, func(c *breaker.Circuit) policy.Policy[int] {
		return breaker.New[int](c)
	})
	calls := pipeline.New[int](guard)
	_, err := calls.Do(withHost(ctx, "a.example"), send)
	fmt.Println(err)
	_, err = calls.Do(withHost(ctx, "a.example"), send)
	fmt.Println(errors.Is(err, breaker.ErrOpen))
	status, err := calls.Do(withHost(ctx, "b.example"), send)
	fmt.Println(status, err)
	// Output:
	// connection refused
	// true
	// 200 <nil>
}

// quota limits the number of calls of a tenant. It is idle until the first call.
type quota struct{ limit, used int }

func (q *quota) Idle() bool { return q.used == 0 }

// quotaPolicy counts each call against the quota.
type quotaPolicy struct{ *quota }

func (p quotaPolicy) Execute(ctx context.Context, next policy.Call[string]) (string, error) {
	if p.used == p.limit {
		return "", fmt.Errorf("quota: %w", policy.ErrRejected)
	}
	p.used++
	return next.Do(ctx)
}

// Each tenant has a quota. When Max is reached and every quota is in use, new tenants
// share one.
func ExampleNew() {
	quotas := keyed.New(keyed.Config[string, *quota]{
		Make:     func(string) *quota { return &quota{limit: 10} },
		Max:      2,
		Overflow: func() *quota { return &quota{limit: 3} },
		OnDrop:   func(tenant string, _ *quota) { fmt.Println("dropped:", tenant) },
	})
	quotas.Get("acme").used++
	quotas.Get("emca")
	quotas.Get("initech").used++ // emca's quota is idle, and makes room
	fmt.Println(quotas.Get("globex").limit, quotas.Len())
	_, member := quotas.Lookup("globex")
	fmt.Println(member)
	// Output:
	// dropped: emca
	// 3 2
	// false
}

// Each call runs through the policy of its tenant.
func ExamplePolicy() {
	type tenant struct{}
	quotas := keyed.New(keyed.Config[string, *quota]{
		Make: func(string) *quota { return &quota{limit: 1} },
	})
	limit := keyed.Policy(quotas,
		func(ctx context.Context) (string, bool) {
			name, ok := ctx.Value(tenant{}).(string)
			return name, ok
		},
		func(q *quota) policy.Policy[string] { return quotaPolicy{q} })

	call := policy.CallOf(func(context.Context) (string, error) { return "done", nil })
	for _, name := range []string{"acme", "acme", "globex"} {
		ctx := context.WithValue(context.Background(), tenant{}, name)
		v, err := limit.Execute(ctx, call)
		fmt.Println(name, v, errors.Is(err, policy.ErrRejected))
	}
	// Output:
	// acme done false
	// acme  true
	// globex done false
}
