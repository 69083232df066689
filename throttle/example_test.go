package throttle_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/throttle"
)

func ExampleNewThrottle() {
	search := throttle.NewThrottle(throttle.Config{
		Name: "search",
		Rand: func() float64 { return 0.5 }, // for a reproducible example; usually nil
	})
	query := func(context.Context) (string, error) { return "", errors.New("overloaded") }
	for range 12 {
		_, err := throttle.Do(context.Background(), search, query)
		fmt.Println(errors.Is(err, throttle.ErrThrottled), err)
	}
	fmt.Printf("%+v\n", search.Snapshot())
	// Output:
	// false overloaded
	// false overloaded
	// false overloaded
	// false overloaded
	// false overloaded
	// false overloaded
	// false overloaded
	// false overloaded
	// false overloaded
	// false overloaded
	// true throttle: call to "search" throttled
	// true throttle: call to "search" throttled
	// {Name:search Requests:12 Accepts:0 Rate:0.9230769230769231}
}

func ExampleNew() {
	search := throttle.NewThrottle(throttle.Config{Name: "search", K: 1.5})
	p := throttle.New[string](search)
	v, err := p.Do(context.Background(), func(context.Context) (string, error) { return "found", nil })
	fmt.Println(p, v, err)
	// Output: throttle(search) found <nil>
}

// An answer can say that the dependency is overloaded without being an error.
func ExampleThrottled_WithClassifier() {
	search := throttle.NewThrottle(throttle.Config{Name: "search"})
	p := throttle.New[int](search).WithClassifier(func(status int, _ error) policy.Outcome {
		if status == 503 {
			return policy.Failure
		}
		return policy.Undecided
	})
	_, _ = p.Do(context.Background(), func(context.Context) (int, error) { return 503, nil })
	fmt.Printf("%+v\n", search.Snapshot())
	// Output: {Name:search Requests:1 Accepts:0 Rate:0}
}

// A message that is sent here and answered elsewhere cannot be wrapped in a function.
func ExampleThrottle_Acquire() {
	broker := throttle.NewThrottle(throttle.Config{Name: "broker"})
	permit, err := broker.Acquire(context.Background())
	if err != nil {
		return // throttled
	}
	// ... later, where the answer arrives:
	permit.Record(policy.Success)
	fmt.Printf("%+v\n", broker.Snapshot())
	// Output: {Name:broker Requests:1 Accepts:1 Rate:0}
}

// Prefetches are rejected before the calls that a user waits for.
func ExampleThrottle_Rate() {
	search := throttle.NewThrottle(throttle.Config{Rand: func() float64 { return 0.9999 }})
	call := func(class policy.Priority, calls int, err error) {
		ctx := policy.WithPriority(context.Background(), class)
		for range calls {
			_, _ = throttle.Do(ctx, search, func(context.Context) (int, error) { return 0, err })
		}
	}
	call(policy.Sheddable, 60, errors.New("overloaded"))
	call(policy.Normal, 20, errors.New("overloaded"))
	call(policy.Normal, 20, nil)
	for _, class := range []policy.Priority{policy.Sheddable, policy.Normal, policy.High} {
		fmt.Printf("%.2f ", search.Rate(class))
	}
	fmt.Printf("of all %.2f\n", search.Snapshot().Rate)
	// Output: 0.99 0.00 0.00 of all 0.59
}
