package snippets_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/throttle"
)

// The opening of docs/policies/throttle.md.
func Example_throttle() {
	find := func(context.Context) (string, error) { return "found", nil }
	ask := func(ctx context.Context, cached string) (string, error) {
		search := throttle.NewThrottle(throttle.Config{Name: "search"})
		hits, err := throttle.Do(ctx, search, find)
		if errors.Is(err, throttle.ErrThrottled) {
			return cached, nil // find did not run
		}
		return hits, err
	}
	fmt.Println(ask(context.Background(), "from yesterday"))
	// Output: found <nil>
}

// reply is an answer that says in a field that it is none.
type reply struct{ busy bool }

// docs/policies/throttle.md, Recipe.
func Example_throttleClassifier() {
	search := throttle.NewThrottle(throttle.Config{Name: "search"})
	p := throttle.New[*reply](search).WithClassifier(func(r *reply, err error) policy.Outcome {
		if err == nil && r.busy {
			return policy.Failure
		}
		return policy.Undecided // the default rule decides
	})
	for _, busy := range []bool{true, false} {
		_, _ = p.Do(context.Background(), func(context.Context) (*reply, error) { return &reply{busy}, nil })
	}
	s := search.Snapshot()
	fmt.Println(s.Requests, s.Accepts)
	// Output: 2 1
}

// docs/policies/throttle.md, Recipe.
func Example_throttleRefusalsAlone() {
	errBusy := errors.New("busy")
	search := throttle.NewThrottle(throttle.Config{
		Name: "search",
		Classify: func(err error) policy.Outcome {
			if err == nil || errors.Is(err, errBusy) {
				return policy.Undecided
			}
			return policy.Ignored
		},
	})
	for _, err := range []error{nil, errBusy, errors.New("no such index")} {
		_, _ = throttle.Do(context.Background(), search, func(context.Context) (string, error) { return "", err })
	}
	s := search.Snapshot()
	fmt.Println(s.Requests, s.Accepts)
	// Output: 2 1
}

// docs/policies/throttle.md, Recipe.
func Example_throttlePrefetch() {
	search := throttle.NewThrottle(throttle.Config{Name: "search"})
	p, prefetch := throttle.New[string](search), func(context.Context) (string, error) { return "early", nil }
	ctx := context.Background()
	ctx = policy.WithPriority(ctx, policy.Sheddable)
	_, err := p.Do(ctx, prefetch)
	fmt.Println(err)
	// Output: <nil>
}
