package ratelimit_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/keyed"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/ratelimit"
	"github.com/ductile-go/ductile/retry"
)

// Four calls per second, with a burst of two. A call that exceeds that is refused, with
// the time after which to retry.
func ExampleNewLimiter() {
	clk := fake.NewClock()
	api := ratelimit.NewLimiter(ratelimit.Config{Limit: 4, Burst: 2, Clock: clk})
	for range 3 {
		_, err := ratelimit.Do(context.Background(), api, func(context.Context) (string, error) { return "done", nil })
		if errors.Is(err, ratelimit.ErrExceeded) {
			d, _ := policy.RetryAfter(err)
			fmt.Println("come back in", d)
			continue
		}
		fmt.Println("let in")
	}
	// Output:
	// let in
	// let in
	// come back in 250ms
}

// As a policy, with calls that wait for their tokens. An AutoAdvance clock moves when a
// goroutine sleeps on it.
func ExampleNew() {
	clk := fake.NewClock(fake.AutoAdvance())
	start := clk.Now()
	api := ratelimit.NewLimiter(ratelimit.Config{
		Name: "api", Limit: 10, Burst: ratelimit.NoBurst, MaxWait: time.Second, Clock: clk,
	})
	p := pipeline.New[int](
		retry.New[int](retry.Config{Clock: clk}),
		ratelimit.New[int](api), // inside of the retry: the server counts attempts
	)
	fmt.Println(p)
	for i := range 3 {
		_, _ = p.Do(context.Background(), func(context.Context) (int, error) {
			fmt.Println(i, "at", clk.Now().Sub(start))
			return i, nil
		})
	}
	// Output:
	// retry(3) > ratelimit(api, 10/1s)
	// 0 at 0s
	// 1 at 100ms
	// 2 at 200ms
}

// A job that does other work until its token is due, and returns the token if it is no
// longer needed.
func ExampleLimiter_Reserve() {
	clk := fake.NewClock()
	api := ratelimit.NewLimiter(ratelimit.Config{Limit: 10, Burst: ratelimit.NoBurst, Clock: clk})
	for range 3 {
		r, err := api.Reserve(1, 150*time.Millisecond)
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println("due in", r.Delay())
		defer r.Cancel() // does nothing once it is due
	}
	// Output:
	// due in 0s
	// due in 100ms
	// ratelimit: rate exceeded
}

// A server's Retry-After delays all callers, not only the one that received it.
func ExampleRateLimit_WithPause() {
	clk := fake.NewClock()
	api := ratelimit.NewLimiter(ratelimit.Config{Limit: 10, Burst: 5, Clock: clk})
	p := ratelimit.New[int](api).WithPause(func(_ int, err error) time.Duration {
		d, _ := policy.RetryAfter(err)
		return d
	})
	_, err := p.Do(context.Background(), func(context.Context) (int, error) {
		return 0, retry.After(errors.New("429 Too Many Requests"), 30*time.Second)
	})
	fmt.Println(err)
	_, err = p.Do(context.Background(), func(context.Context) (int, error) { return 1, nil })
	d, _ := policy.RetryAfter(err)
	fmt.Println(err, d)
	// Output:
	// 429 Too Many Requests
	// ratelimit: rate exceeded 30s
}

// A limit per tenant. A tenant's limiter is dropped only when its bucket is full, so
// dropping it grants no new burst. When all limiters are in use, unknown tenants share
// one.
func ExampleNew_keyed() {
	type tenant struct{}
	clk := fake.NewClock()
	limiters := keyed.New(keyed.Config[string, *ratelimit.Limiter]{
		Make: func(name string) *ratelimit.Limiter {
			return ratelimit.NewLimiter(ratelimit.Config{Name: name, Limit: 1, Per: time.Minute, Burst: 2, Clock: clk})
		},
		Max:   65_536,
		Clock: clk,
	})
	perTenant := keyed.Policy(limiters, func(ctx context.Context) (string, bool) {
		name, ok := ctx.Value(tenant{}).(string)
		return name, ok
	}, func(l *ratelimit.Limiter) policy.Policy[string] { return ratelimit.New[string](l) })
	p := pipeline.New[string](perTenant)

	for _, name := range []string{"acme", "acme", "acme", "globex"} {
		ctx := context.WithValue(context.Background(), tenant{}, name)
		_, err := p.Do(ctx, func(context.Context) (string, error) { return "done", nil })
		fmt.Println(name, err)
	}
	// Output:
	// acme <nil>
	// acme <nil>
	// acme ratelimit: rate of "acme" exceeded
	// globex <nil>
}

// A fake clock shows in a test how many calls a minute of traffic admits.
func ExampleLimiter_Allow() {
	clk := fake.NewClock()
	l := ratelimit.NewLimiter(ratelimit.Config{Limit: 100, Per: time.Minute, Burst: 20, Clock: clk})
	allowed := 0
	for range 60 * 10 { // ten calls a second, for a minute
		if l.Allow(1) {
			allowed++
		}
		clk.Advance(100 * time.Millisecond)
	}
	fmt.Println(allowed)
	// Output: 119
}
