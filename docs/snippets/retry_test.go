package snippets_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/ductile-go/ductile/retry"
)

var errBusy = errors.New("busy")

// The opening of docs/policies/retry.md.
func Example_retryDefaults() {
	ctx := context.Background()
	createSession := func(context.Context) (string, error) { return "session", nil }
	session, err := retry.Do(ctx, retry.Config{}, createSession)
	fmt.Println(session, err)
	// Output: session <nil>
}

// The first recipe of docs/policies/retry.md.
func Example_retryAfter() {
	ctx := context.Background()
	calls := 0
	get := func(context.Context) (string, int, time.Duration) {
		if calls++; calls == 1 {
			return "", http.StatusTooManyRequests, time.Millisecond
		}
		return "", http.StatusNotFound, 0
	}
	fetch := retry.New[string](retry.Config{MaxAttempts: 4, MaxElapsed: 20 * time.Second})
	page, err := fetch.Do(ctx, func(ctx context.Context) (string, error) {
		page, status, wait := get(ctx)
		switch {
		case status == http.StatusTooManyRequests:
			return "", retry.After(errBusy, wait)
		case status >= 400 && status < 500:
			return "", retry.Permanent(fmt.Errorf("status %d", status))
		case status >= 500:
			return "", fmt.Errorf("status %d", status)
		}
		return page, nil
	})
	fmt.Println(page, err, calls)
	// Output: status 404 2
}

// The second recipe of docs/policies/retry.md.
func Example_retryBudget() {
	budget := retry.NewBudget(retry.BudgetConfig{Ratio: 0.2})
	reads := retry.New[string](retry.Config{Budget: budget})
	writes := retry.New[int](retry.Config{Budget: budget})
	ctx := context.Background()
	_, _ = reads.Do(ctx, func(context.Context) (string, error) { return "", nil })
	_, _ = writes.Do(ctx, func(context.Context) (int, error) { return 0, nil })
	fmt.Println(budget.Snapshot().Calls)
	// Output: 2
}
