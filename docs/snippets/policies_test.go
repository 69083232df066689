package snippets_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/keyed"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

func searchFor(ctx context.Context, find policy.Func[string]) (string, error) {
	const cached = "cached"
	search := breaker.NewCircuit(breaker.Config{Name: "search"})
	hits, err := breaker.Do(ctx, search, find)
	if errors.Is(err, breaker.ErrOpen) {
		return cached, nil // find did not run
	}
	return hits, err
}

// The opening of docs/policies/breaker.md.
func Example_breakerRefuses() {
	fmt.Println(searchFor(context.Background(), func(context.Context) (string, error) { return "found", nil }))
	fmt.Println(searchFor(context.Background(), func(context.Context) (string, error) { return "", breaker.ErrOpen }))
	// Output:
	// found <nil>
	// cached <nil>
}

func nothing(context.Context) (string, error) { return "", nil }

// The recipes of docs/policies/breaker.md.
func Example_breakerRecipes() {
	logger := slog.New(slog.DiscardHandler)
	orders := breaker.NewCircuit(breaker.Config{
		Name:               "orders",
		Window:             time.Minute,
		FailureRate:        0.5,
		RecoveryTimeout:    10 * time.Second,
		MaxRecoveryTimeout: 5 * time.Minute,
		ProbeCalls:         4,
	})
	legacy := breaker.NewCircuit(breaker.Config{Name: "legacy", Shadow: true, OnStateChange: func(t breaker.Transition) {
		logger.Warn("would have moved", "circuit", t)
	}})
	fmt.Println(orders.Config().MinCalls, legacy.State())
	// Output: 20 closed
}

// docs/policies/timeout.md.
func Example_timeouts() {
	ctx, render := context.Background(), func(context.Context) (string, error) { return "a report", nil }
	limit := policy.Timeout[string](2 * time.Second)
	report, err := limit.Do(ctx, render)
	fmt.Println(report, err)

	open := policy.NewTimeout[io.Closer](policy.TimeoutConfig{Name: "open", After: time.Second, Abandon: true}).
		WithOnLate(func(c io.Closer, err error) {
			if err == nil {
				_ = c.Close()
			}
		})
	fmt.Println(open)
	// Output:
	// a report <nil>
	// timeout(open, 1s)
}

// docs/policies/fallback.md.
func Example_fallbacks() {
	ctx := context.Background()
	yesterdays := func(context.Context) (float64, error) { return 1.07, nil }
	rates := policy.Fallback(func(ctx context.Context, _ error) (float64, error) {
		return yesterdays(ctx)
	})
	fmt.Println(rates.Do(ctx, func(context.Context) (float64, error) { return 0, errors.New("no route to host") }))

	payments := breaker.NewCircuit(breaker.Config{Name: "payments"})
	payments.Isolate("for the example")
	enqueue := func(context.Context, error) (string, error) { return "queued", nil }
	checkout := pipeline.New(
		policy.Fallback(enqueue).WithCondition(func(_ string, err error) bool {
			return errors.Is(err, policy.ErrRejected) || errors.Is(err, retry.ErrGaveUp)
		}),
		retry.New[string](retry.Config{}),
		breaker.New[string](payments),
	)
	fmt.Println(checkout.Do(ctx, nothing))
	payments.Reset()
	declined := retry.Permanent(errors.New("declined"))
	fmt.Println(checkout.Do(ctx, func(context.Context) (string, error) { return "", declined }))
	// Output:
	// 1.07 <nil>
	// queued <nil>
	//  declined
}

type response struct{ Status int }

var errNotFound = errors.New("not found")

// docs/policies/check.md.
func Example_check() {
	classify := policy.Check(func(resp *response, err error) error {
		switch {
		case err != nil:
			return err
		case resp.Status == 404:
			return retry.Permanent(breaker.Judge(errNotFound, policy.Success)) // it answered
		case resp.Status >= 500:
			return errors.New("server error")
		}
		return nil
	})
	circuit := breaker.NewCircuit(breaker.Config{FailureThreshold: 1})
	p := pipeline.New(retry.New[*response](retry.Config{}), breaker.New[*response](circuit), classify)
	_, err := p.Do(context.Background(), func(context.Context) (*response, error) { return &response{404}, nil })
	fmt.Println(err, circuit.State())
	// Output: not found closed
}

// docs/policies/select.md.
func Example_select() {
	type report struct{}
	isReport := func(ctx context.Context) bool { return ctx.Value(report{}) != nil }
	patient, quick := policy.FallbackValue("patient"), policy.FallbackValue("quick")
	byRoute := policy.Select(func(ctx context.Context) policy.Policy[string] {
		if isReport(ctx) {
			return patient
		}
		return quick
	})
	down := func(context.Context) (string, error) { return "", errors.New("down") }
	fmt.Println(byRoute.Do(context.Background(), down))
	fmt.Println(byRoute.Do(context.WithValue(context.Background(), report{}, true), down))

	var current atomic.Pointer[pipeline.Pipeline[string]]
	current.Store(pipeline.New[string](retry.New[string](retry.Config{})))
	calls := pipeline.New(policy.Select(func(context.Context) policy.Policy[string] { return current.Load() }))
	fmt.Println(calls.Do(context.Background(), nothing))
	// Output:
	// quick <nil>
	// patient <nil>
	//  <nil>
}

// docs/policies/keyed.md.
func Example_keyed() {
	type host struct{}
	hostOf := func(ctx context.Context) (string, bool) { h, ok := ctx.Value(host{}).(string); return h, ok }
	circuits := keyed.New(keyed.Config[string, *breaker.Circuit]{
		Make: func(host string) *breaker.Circuit {
			return breaker.NewCircuit(breaker.Config{Name: host})
		},
	})
	perHost := keyed.Policy(circuits, hostOf, func(c *breaker.Circuit) policy.Policy[string] {
		return breaker.New[string](c)
	})
	_, err := pipeline.New(perHost).Do(context.WithValue(context.Background(), host{}, "api.example.com"), nothing)
	_, known := circuits.Lookup("api.example.com")
	fmt.Println(err, known)

	tenants := keyed.New(keyed.Config[string, *breaker.Circuit]{
		Make: func(tenant string) *breaker.Circuit {
			return breaker.NewCircuit(breaker.Config{Name: tenant})
		},
		Overflow: func() *breaker.Circuit {
			return breaker.NewCircuit(breaker.Config{Name: "overflow", Shadow: true})
		},
		Max: 10_000,
	})
	fmt.Println(tenants.Get("acme").Name(), tenants.Len())
	// Output:
	// <nil> true
	// acme 1
}

// Receipt is the result of the example in docs/policies/pipeline.md.
type Receipt struct{ ID string }

// docs/policies/pipeline.md.
func Example_pipelines() {
	ctx, charge := context.Background(), func(context.Context) (string, error) { return "charged", nil }
	payments := breaker.NewCircuit(breaker.Config{Name: "payments"})
	p := pipeline.New(
		policy.FallbackValue("queued"),
		retry.New[string](retry.Config{}),
		breaker.New[string](payments),
		policy.Timeout[string](10*time.Second),
	)
	answer, err := p.Do(ctx, charge) // charge is a func(ctx) (string, error)
	fmt.Println(answer, err, p)

	paid(ctx, func(context.Context) (*Receipt, error) { return &Receipt{"r-1"}, nil })
	// Output:
	// charged <nil> fallback > retry(3) > breaker(payments) > timeout(10s)
	// r-1 <nil> timeout(total, 20s) > retry(4) > breaker(stripe) > timeout(attempt, 6.666666666s)
}

func paid(ctx context.Context, pay policy.Func[*Receipt]) {
	stripeCircuit := breaker.NewCircuit(breaker.Config{Name: "stripe"})
	stripeCalls := pipeline.Standard[any](pipeline.StandardConfig{
		Name:         "stripe",
		TotalTimeout: 20 * time.Second,
		Retry:        retry.Config{MaxAttempts: 4},
		Circuit:      stripeCircuit,
	})
	receipt, err := pipeline.Run(ctx, stripeCalls, pay) // pay returns a *Receipt
	fmt.Println(receipt.ID, err, stripeCalls)
}
