package snippets_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/ductile-go/ductile/hedge"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/retry"
)

type user struct{ Name string }

type users struct{}

func (users) User(context.Context, string) (*user, error) { return &user{"Ada"}, nil }

// The opening of docs/policies/hedge.md.
func Example_hedge() {
	ctx, client, id := context.Background(), users{}, "u-1"
	lookups := hedge.New[*user](hedge.Config{Name: "users"})
	found, err := lookups.Do(ctx, func(ctx context.Context) (*user, error) {
		return client.User(ctx, id) // may run twice at the same time
	})
	fmt.Println(found.Name, err)
	// Output: Ada <nil>
}

// docs/policies/hedge.md, Config.
func Example_hedgeBudget() {
	budget := retry.NewBudget(retry.BudgetConfig{Ratio: 0.05})
	p := pipeline.New(
		retry.New[*user](retry.Config{Budget: budget}),
		hedge.New[*user](hedge.Config{Budget: budget}),
	)
	_, err := p.Do(context.Background(), func(ctx context.Context) (*user, error) { return users{}.User(ctx, "u-1") })
	fmt.Println(err, budget.Snapshot().Calls)
	// Output: <nil> 1
}

// docs/policies/hedge.md, Recipe.
func Example_hedgeReplicas() {
	slow := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	defer slow.Close()
	quick := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "found") }))
	defer quick.Close()
	ctx, replicas, path := context.Background(), []string{slow.URL, quick.URL}, "/search"
	defer http.DefaultClient.CloseIdleConnections()

	//nolint:bodyclose // the hedge closes what loses, and the end of the function the rest
	search := hedge.New[*http.Response](hedge.Config{Name: "search", Delay: 20 * time.Millisecond}).
		WithCondition(func(resp *http.Response, err error) bool {
			return err == nil && resp.StatusCode < 500
		}).
		WithDiscard(func(resp *http.Response) { _ = resp.Body.Close() }).
		WithKeep(func(_ context.Context, resp *http.Response, release func()) *http.Response {
			resp.Body = &releasing{resp.Body, release}
			return resp
		})
	resp, err := search.Do(ctx, func(ctx context.Context) (*http.Response, error) {
		replica := replicas[(hedge.Attempt(ctx)-1)%len(replicas)]
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, replica+path, nil)
		if err != nil {
			return nil, retry.Permanent(err)
		}
		return http.DefaultClient.Do(req)
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	fmt.Println(string(text), err)
	// Output: found <nil>
}
