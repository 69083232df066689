package snippets_test

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/ductile-go/ductile/coalesce"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

type accountKey struct{}

func accountID(ctx context.Context) (string, bool) {
	id, ok := ctx.Value(accountKey{}).(string)
	return id, ok
}

// The opening of docs/policies/coalesce.md.
func Example_coalesce() {
	id, client := "u-1", users{}
	ctx := context.WithValue(context.Background(), accountKey{}, id)
	accounts := coalesce.New[string, *user](accountID)
	found, err := accounts.Do(ctx, func(ctx context.Context) (*user, error) {
		return client.User(ctx, id) // runs once for all callers with this key
	})
	fmt.Println(found.Name, err)
	// Output: Ada <nil>
}

type freshKey struct{}

func fresh(ctx context.Context) bool { return ctx.Value(freshKey{}) != nil }

// docs/policies/coalesce.md, Recipe.
func Example_coalesceRecipe() {
	type question struct{ tenant, path string }
	questionOf := func(ctx context.Context) (question, bool) {
		id, ok := accountID(ctx)
		return question{id, "/"}, ok
	}
	stored := []string{"a", "b"}
	list := func(context.Context) ([]string, error) { return stored, nil }
	ctx := context.WithValue(context.Background(), accountKey{}, "t-1")

	listings := coalesce.New[question, []string](func(ctx context.Context) (question, bool) {
		q, ok := questionOf(ctx)
		return q, ok && !fresh(ctx) // a caller that has just written asks for itself
	}).WithName("listings").WithClone(slices.Clone[[]string])
	p := pipeline.New(
		listings,
		retry.New[[]string](retry.Config{}),
		policy.Timeout[[]string](2*time.Second),
	)
	names, err := p.Do(ctx, list)
	names[0] = "changed"
	fmt.Println(names, stored, err)
	fmt.Println(p)
	// Output:
	// [changed b] [a b] <nil>
	// coalesce(listings) > retry(3) > timeout(2s)
}
