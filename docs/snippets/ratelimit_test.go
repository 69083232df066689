package snippets_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ductile-go/ductile/keyed"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/ratelimit"
	"github.com/ductile-go/ductile/retry"
)

// The opening of docs/policies/ratelimit.md.
func Example_rateLimit() {
	ctx, createSession := context.Background(), func(context.Context) (string, error) { return "a session", nil }
	stripe := ratelimit.NewLimiter(ratelimit.Config{
		Name:    "stripe",
		Limit:   100,             // calls a second
		Burst:   10,              // at once, after a pause
		MaxWait: 2 * time.Second, // for a token; 0 refuses at once
	})
	session, err := ratelimit.Do(ctx, stripe, createSession)
	fmt.Println(session, err)
	// Output: a session <nil>
}

// docs/policies/ratelimit.md, Recipe.
func Example_rateLimitForEachTenant() {
	limiters := keyed.New(keyed.Config[string, *ratelimit.Limiter]{
		Make: func(tenant string) *ratelimit.Limiter {
			return ratelimit.NewLimiter(ratelimit.Config{Name: tenant, Limit: 10, Burst: 20})
		},
		Max: 65_536,
	})
	perTenant := keyed.Policy(limiters, tenantOf, func(l *ratelimit.Limiter) policy.Policy[string] {
		return ratelimit.New[string](l)
	})
	acme := context.WithValue(context.Background(), tenantKey{}, "acme")
	fmt.Println(pipeline.New(perTenant).Do(acme, nothing))
	fmt.Println(limiters.Get("acme").Snapshot().Admitted)
	// Output:
	//  <nil>
	// 1
}

// docs/policies/ratelimit.md, Recipe.
func Example_rateLimitPause() {
	limiter := ratelimit.NewLimiter(ratelimit.Config{Name: "api", Limit: 10, Burst: 5})
	limited := ratelimit.New[string](limiter).WithPause(func(_ string, err error) time.Duration {
		d, _ := policy.RetryAfter(err)
		return d
	})
	_, err := limited.Do(context.Background(), func(context.Context) (string, error) {
		return "", retry.After(errors.New("429 Too Many Requests"), 30*time.Second)
	})
	fmt.Println(err, limiter.Allow(1))
	// Output: 429 Too Many Requests false
}

// docs/policies/ratelimit.md, Composition.
func Example_rateLimitThatRetriesWaitFor() {
	limiter := ratelimit.NewLimiter(ratelimit.Config{Name: "api", Limit: 1000, Burst: 1})
	p := pipeline.New(
		retry.New[string](retry.Config{RetryRejected: true}),
		ratelimit.New[string](limiter),
	)
	for range 2 {
		_, err := p.Do(context.Background(), nothing)
		fmt.Println(err)
	}
	// Output:
	// <nil>
	// <nil>
}
