package policy_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
)

// A function that waits on its context returns at the limit.
func ExampleTimeout() {
	limit := policy.Timeout[string](time.Millisecond)
	_, err := limit.Do(context.Background(), func(ctx context.Context) (string, error) {
		<-ctx.Done()
		return "", ctx.Err()
	})
	fmt.Println(errors.Is(err, context.DeadlineExceeded))
	fmt.Println(err)
	// Output:
	// true
	// policy: timeout: no result within 1ms: context deadline exceeded
}

// On a fake clock, the test decides when the limit passes.
func ExampleNewTimeout() {
	clk := fake.NewClock(fake.AutoAdvance())
	limit := policy.NewTimeout[int](policy.TimeoutConfig{Name: "report", After: 2 * time.Second, Clock: clk})
	slow := fake.NewFunc[int]().Delay(clk, 5*time.Second).Return(1)
	_, err := limit.Do(context.Background(), slow.Do)
	var timeout *policy.TimeoutError
	fmt.Println(errors.As(err, &timeout), timeout.After)
	// Output: true 2s
}

// Abandon is for a function that ignores its context: the call returns at the limit,
// and the function of WithOnLate receives the late result.
func ExampleTimeoutPolicy_WithOnLate() {
	clk := fake.NewClock()
	late, answer := make(chan string), make(chan string)
	limit := policy.NewTimeout[string](policy.TimeoutConfig{After: time.Second, Abandon: true, Clock: clk}).
		WithOnLate(func(v string, _ error) { late <- v })

	go func() {
		_ = clk.BlockUntil(context.Background(), 1)
		clk.Advance(time.Second)
	}()
	_, err := limit.Do(context.Background(), func(context.Context) (string, error) { return <-answer, nil })
	fmt.Println(err)
	answer <- "late answer"
	fmt.Println("to be closed:", <-late)
	// Output:
	// policy: timeout: no result within 1s
	// to be closed: late answer
}

func ExampleFallback() {
	cached := policy.Fallback(func(_ context.Context, err error) (string, error) {
		return fmt.Sprintf("yesterday's rates (%v)", err), nil
	})
	v, err := cached.Do(context.Background(), func(context.Context) (string, error) {
		return "", errors.New("rates: no route to host")
	})
	fmt.Println(v, err)
	// Output: yesterday's rates (rates: no route to host) <nil>
}

// WithCondition limits a fallback to the failures that it can handle.
func ExampleFallbackValue() {
	errEmpty := errors.New("no recommendations")
	none := policy.FallbackValue([]string{}).WithCondition(func(_ []string, err error) bool { return errors.Is(err, errEmpty) })
	v, err := none.Do(context.Background(), func(context.Context) ([]string, error) { return nil, errEmpty })
	fmt.Println(len(v), err)
	// Output: 0 <nil>
}

// once runs only its first call. A policy is one method.
type once[T any] struct{ used atomic.Bool }

func (o *once[T]) Execute(ctx context.Context, next policy.Call[T]) (v T, err error) {
	if o.used.Swap(true) {
		return v, fmt.Errorf("once: %w", policy.ErrRejected)
	}
	return next.Do(ctx)
}

func ExamplePolicy() {
	hello := func(context.Context) (string, error) { return "hello", nil }
	var p policy.Policy[string] = &once[string]{}
	for range 2 {
		fmt.Println(p.Execute(context.Background(), policy.CallOf(hello)))
	}
	// Output:
	// hello <nil>
	//  once: policy: rejected
}

// stream is read after the call that opened it has returned.
type stream struct {
	ctx   context.Context
	Close func()
}

// A stream is read after the call that opened it has returned. WithKeep keeps its
// context alive until the stream is closed.
func ExampleTimeoutPolicy_WithKeep() {
	limit := policy.Timeout[*stream](time.Minute).WithKeep(
		func(_ context.Context, s *stream, release func()) *stream {
			s.Close = release
			return s
		})
	s, _ := limit.Do(context.Background(), func(ctx context.Context) (*stream, error) {
		return &stream{ctx: ctx}, nil
	})
	fmt.Println(s.ctx.Err())
	s.Close()
	fmt.Println(s.ctx.Err())
	// Output:
	// <nil>
	// context canceled
}

// CallOf runs a policy alone. A Chain runs it with others.
func ExampleNewChain() {
	ctx := context.Background()
	down := func(context.Context) (int, error) { return 0, errors.New("down") }
	limit := policy.Timeout[int](time.Minute)
	_, err := limit.Execute(ctx, policy.CallOf(down))
	fmt.Println(err)

	tell := policy.Listener{Observe: func(_ context.Context, e policy.Event) { fmt.Println(e.Pipeline, e.Kind) }}
	chain := policy.NewChain("orders", []policy.Listener{tell}, policy.Policy[int](policy.FallbackValue(7)), limit)
	v, err := chain.Call(down).Do(ctx)
	fmt.Println(chain, v, err)
	// Output:
	// down
	// orders started
	// orders fell_back
	// orders recovered
	// orders finished
	// fallback > timeout(1m0s) 7 <nil>
}
