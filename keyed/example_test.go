package keyed_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/ductile-go/ductile/keyed"
	"github.com/ductile-go/ductile/policy"
)

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
