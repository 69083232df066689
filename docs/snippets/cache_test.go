package snippets_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/cache"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
)

type idKey struct{}

func userID(ctx context.Context) (string, bool) {
	id, ok := ctx.Value(idKey{}).(string)
	return id, ok
}

// The opening of docs/policies/cache.md.
func Example_cache() {
	ctx, client, id := context.WithValue(context.Background(), idKey{}, "u-1"), users{}, "u-1"
	users := cache.New(cache.Config[string, *user]{
		Name:         "users",
		Key:          userID,           // func(ctx context.Context) (string, bool)
		TTL:          time.Minute,      // fresh
		Stale:        10 * time.Minute, // then served at once, and refreshed behind
		StaleIfError: time.Hour,        // then served if the call fails
	})
	found, err := users.Do(ctx, func(ctx context.Context) (*user, error) {
		return client.User(ctx, id)
	})
	fmt.Println(found.Name, err)
	// Output: Ada <nil>
}

type product struct{ Name string }

// docs/policies/cache.md, Recipe.
func Example_cacheWhileADatabaseIsDown() {
	productID := userID
	products := pipeline.New[*product](
		cache.New(cache.Config[string, *product]{
			Name: "products", Key: productID,
			TTL: time.Minute, Stale: 10 * time.Minute, StaleIfError: 24 * time.Hour,
			NegativeTTL: 10 * time.Second,
			Negative:    func(err error) bool { return errors.Is(err, sql.ErrNoRows) },
		}),
		policy.Timeout[*product](2*time.Second),
		breaker.New[*product](breaker.NewCircuit(breaker.Config{Name: "products"})),
	)
	ctx := context.WithValue(context.Background(), idKey{}, "p-1")
	for range 2 {
		_, err := products.Do(ctx, func(context.Context) (*product, error) { return nil, sql.ErrNoRows })
		fmt.Println(err)
	}
	fmt.Println(products)
	// Output:
	// sql: no rows in result set
	// sql: no rows in result set
	// cache(products, 1m0s) > timeout(2s) > breaker(products)
}
