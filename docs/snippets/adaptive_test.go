package snippets_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/ductile-go/ductile/adaptive"
	"github.com/ductile-go/ductile/ductilehttp"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

func lookFor(ctx context.Context, query policy.Func[string]) (string, error) {
	search := adaptive.NewLimiter(adaptive.Config{
		Name:     "search",
		MaxQueue: 50,                    // these wait for a place
		MaxWait:  20 * time.Millisecond, // for so long
	})
	hits, err := adaptive.Do(ctx, search, query)
	if errors.Is(err, adaptive.ErrLimited) {
		return "", errBusy // query did not run
	}
	return hits, err
}

// The opening of docs/policies/adaptive.md.
func Example_adaptive() {
	fmt.Println(lookFor(context.Background(), func(context.Context) (string, error) { return "3 hits", nil }))
	fmt.Println(lookFor(context.Background(), func(context.Context) (string, error) { return "", adaptive.ErrLimited }))
	// Output:
	// 3 hits <nil>
	//  busy
}

func uploadBy(ctx context.Context, uploads *adaptive.Limiter, upload func(context.Context) error) error {
	permit, err := uploads.Acquire(ctx)
	if err != nil {
		return err
	}
	err = upload(ctx)
	if err != nil {
		permit.Record(policy.Failure)
		return err
	}
	permit.Record(policy.Success)
	return nil
}

// docs/policies/adaptive.md, Config.
func Example_adaptiveByHand() {
	uploads := adaptive.NewLimiter(adaptive.Config{Initial: 1})
	fmt.Println(uploadBy(context.Background(), uploads, func(ctx context.Context) error {
		return uploadBy(ctx, uploads, nil) // another one at the same time
	}))
	fmt.Println(uploadBy(context.Background(), uploads, func(context.Context) error { return nil }))
	// Output:
	// adaptive: limiter is full: its limit is 1 now, and MaxQueue 0
	// <nil>
}

// docs/policies/adaptive.md, Recipe.
func Example_adaptiveServer() {
	search := adaptive.NewLimiter(adaptive.Config{Name: "search", Initial: 1})
	var again http.Handler
	find := func(w http.ResponseWriter, r *http.Request) error {
		again.ServeHTTP(w, r) // another request at the same time
		return nil
	}
	priorityOf := func(*http.Request) policy.Priority { return policy.High }
	limited := ductilehttp.Handler(func(w http.ResponseWriter, r *http.Request) error {
		_, err := adaptive.Do(r.Context(), search, func(ctx context.Context) (struct{}, error) {
			return struct{}{}, find(w, r.WithContext(ctx))
		})
		return err
	}, ductilehttp.HandlerConfig{Priority: priorityOf})
	again = limited
	w := httptest.NewRecorder()
	limited.ServeHTTP(w, httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/", nil))
	fmt.Println(w.Code, w.Header().Get("Retry-After"))
	// Output:
	// 503 1
}

// docs/policies/adaptive.md, Recipe.
func Example_adaptiveClient() {
	inventory := adaptive.NewLimiter(adaptive.Config{
		Name:   "inventory",
		Target: 150 * time.Millisecond, // three times the healthy 90th percentile
		Min:    2,
		OnChange: func(c adaptive.Change) {
			slog.Info("limit", "name", c.Name, "from", c.From, "to", c.To)
		},
	})
	stock := pipeline.New[int](
		retry.New[int](retry.Config{}),
		policy.Timeout[int](time.Second),
		adaptive.New[int](inventory),
	)
	n, err := stock.Do(context.Background(), func(context.Context) (int, error) { return 7, nil })
	fmt.Println(n, err)
	fmt.Println(stock)
	// Output:
	// 7 <nil>
	// retry(3) > timeout(1s) > adaptive(inventory, 20)
}
