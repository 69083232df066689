package hedge_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/hedge"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// slowOnce is a service that never answers its first call.
func slowOnce(ctx context.Context) (string, error) {
	if hedge.Attempt(ctx) == 1 {
		<-ctx.Done()
		return "", context.Cause(ctx)
	}
	return "hello", nil
}

// Make a Hedge once and use it for many calls.
func ExampleNew() {
	h := hedge.New[string](hedge.Config{Name: "greetings", Delay: time.Millisecond})
	fmt.Println(h)
	fmt.Println(h.Do(context.Background(), slowOnce))
	// Output:
	// hedge(greetings, 1ms)
	// hello <nil>
}

// OnFailure starts the next attempt at once if the first one fails.
func ExampleConfig_onFailure() {
	h := hedge.New[string](hedge.Config{Delay: time.Hour, OnFailure: true})
	fmt.Println(h.Do(context.Background(), fake.NewFunc[string]().Fail(errors.New("down")).Return("hello").Do))
	// Output: hello <nil>
}

// A retry outside the hedge tries again when every attempt has failed. They share a
// budget, so that an outage costs at most 10 % extra calls in total.
func ExampleConfig_budget() {
	budget := retry.NewBudget(retry.BudgetConfig{Window: time.Minute})
	p := pipeline.New[string](
		retry.New[string](retry.Config{Budget: budget, BaseDelay: retry.NoDelay}),
		hedge.New[string](hedge.Config{Budget: budget}),
	)
	fmt.Println(p)
	fmt.Println(p.Do(context.Background(), fake.NewFunc[string]().Fail(errors.New("down")).Return("hello").Do))
	fmt.Println(budget.Snapshot().Calls, budget.Snapshot().Retries)
	// Output:
	// retry(3) > hedge(p95)
	// hello <nil>
	// 1 1
}

// WithCondition decides which results win.
func ExampleHedge_WithCondition() {
	h := hedge.New[int](hedge.Config{Delay: time.Hour, OnFailure: true}).
		WithCondition(func(status int, err error) bool { return err == nil && status < 500 })
	fmt.Println(h.Do(context.Background(), fake.NewFunc[int]().Return(503).Return(200).Do))
	// Output: 200 <nil>
}

// body is a value that must be closed.
type body struct {
	io.Reader
	name  string
	ended func()
}

func (b *body) Close() {
	fmt.Println("close", b.name)
	if b.ended != nil {
		b.ended()
	}
}

// WithDiscard is for values that must be closed: it receives those that the caller does
// not get.
func ExampleHedge_WithDiscard() {
	closed := make(chan bool)
	h := hedge.New[*body](hedge.Config{Delay: time.Millisecond, Abandon: true}).
		WithDiscard(func(b *body) { b.Close(); close(closed) })
	b, err := h.Do(context.Background(), func(ctx context.Context) (*body, error) {
		if hedge.Attempt(ctx) == 1 {
			<-ctx.Done() // and then succeeds anyway
			return &body{name: "the first"}, nil
		}
		return &body{name: "the second"}, nil
	})
	<-closed
	fmt.Println(b.name, err)
	// Output:
	// close the first
	// the second <nil>
}

// WithOnLate receives the errors of attempts that fail after the call was decided.
func ExampleHedge_WithOnLate() {
	late := make(chan error)
	h := hedge.New[string](hedge.Config{Delay: time.Millisecond, Abandon: true}).WithOnLate(func(err error) { late <- err })
	fmt.Println(h.Do(context.Background(), slowOnce))
	fmt.Println(<-late)
	// Output:
	// hello <nil>
	// hedge: another attempt was first
}

// WithKeep is for values that are read after the call: their context ends when they are
// closed.
func ExampleHedge_WithKeep() {
	h := hedge.New[*body](hedge.Config{}).WithKeep(func(_ context.Context, b *body, release func()) *body {
		b.ended = release
		return b
	})
	var of context.Context
	b, _ := h.Do(context.Background(), func(ctx context.Context) (*body, error) {
		of = ctx
		return &body{Reader: strings.NewReader("hello"), name: "the page"}, nil
	})
	text, _ := io.ReadAll(b)
	fmt.Println(string(text), of.Err())
	b.Close()
	fmt.Println(of.Err())
	// Output:
	// hello <nil>
	// close the page
	// context canceled
}

// Attempt returns the number of the attempt, for a log or a header.
func ExampleAttempt() {
	h := hedge.New[string](hedge.Config{Delay: time.Hour, OnFailure: true})
	_, _ = h.Do(context.Background(), func(ctx context.Context) (string, error) {
		fmt.Println(hedge.Attempt(ctx), policy.Speculative(ctx))
		return "", errors.New("down")
	})
	// Output:
	// 1 false
	// 2 true
}

func ExampleError() {
	h := hedge.New[string](hedge.Config{Delay: time.Hour, OnFailure: true})
	_, err := h.Do(context.Background(), fake.NewFunc[string]().Fail(errors.New("down"), context.DeadlineExceeded).Do)
	fmt.Println(err)
	fmt.Println(errors.Is(err, context.DeadlineExceeded), errors.Is(err, policy.ErrRejected))
	// Output:
	// hedge: no success from 2 attempts: down; context deadline exceeded
	// true false
}
