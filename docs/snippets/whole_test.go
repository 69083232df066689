package snippets_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ductile-go/ductile/adaptive"
	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/cache"
	"github.com/ductile-go/ductile/chaos"
	"github.com/ductile-go/ductile/coalesce"
	"github.com/ductile-go/ductile/hedge"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/ratelimit"
	"github.com/ductile-go/ductile/retry"
	"github.com/ductile-go/ductile/throttle"
)

type priceKey struct{}

// The whole order of docs/policies.md.
func Example_wholeOrder() {
	item := func(ctx context.Context) (string, bool) { id, ok := ctx.Value(priceKey{}).(string); return id, ok }
	unknown := func(context.Context, error) (string, error) { return "ask us", nil }

	budget := retry.NewBudget(retry.BudgetConfig{})
	circuit := breaker.NewCircuit(breaker.Config{Name: "prices"})
	shed := throttle.NewThrottle(throttle.Config{Name: "prices"})
	quota := ratelimit.NewLimiter(ratelimit.Config{Name: "prices", Limit: 500})
	places := adaptive.NewLimiter(adaptive.Config{Name: "prices", Target: 300 * time.Millisecond})
	outage := chaos.Fault[string](chaos.Config{Name: "prices", Rate: 0.2}, func(context.Context) error { return errors.New("connection reset") })

	kept := cache.New(cache.Config[string, string]{Key: item, TTL: time.Minute, Stale: time.Hour})
	shared := coalesce.New[string, string](item)
	prices := pipeline.New(
		policy.Fallback(unknown), kept, shared,
		policy.Timeout[string](5*time.Second),
		retry.New[string](retry.Config{Budget: budget}),
		hedge.New[string](hedge.Config{Budget: budget}),
		breaker.New[string](circuit), throttle.New[string](shed),
		ratelimit.New[string](quota),
		policy.Timeout[string](time.Second),
		adaptive.New[string](places),
		outage, // off, until outage.On()
	)

	changed := func(ctx context.Context, id string) error {
		shared.Forget(id)           // first: later calls ask again,
		return kept.Delete(ctx, id) // and the answers of earlier ones are not kept
	}

	ctx := context.WithValue(context.Background(), priceKey{}, "lamp")
	fmt.Println(prices.Do(ctx, func(context.Context) (string, error) { return "10 €", nil }))
	fmt.Println(prices.Do(ctx, func(context.Context) (string, error) { return "12 €", nil }))
	fmt.Println(changed(ctx, "lamp"))
	fmt.Println(prices.Do(ctx, func(context.Context) (string, error) { return "12 €", nil }))
	// Output:
	// 10 € <nil>
	// 10 € <nil>
	// <nil>
	// 12 € <nil>
}
