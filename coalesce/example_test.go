package coalesce_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/ductile-go/ductile/coalesce"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
)

// userKey is the key of a user's ID in a context.
type userKey struct{}

func userID(ctx context.Context) (string, bool) {
	id, ok := ctx.Value(userKey{}).(string)
	return id, ok
}

// Calls for the same user at the same time become one.
func ExampleNew() {
	users := coalesce.New[string, string](userID)
	ctx := context.WithValue(context.Background(), userKey{}, "u-1")
	query := make(chan string)
	var callers sync.WaitGroup
	for range 3 {
		callers.Go(func() {
			name, err := users.Do(ctx, func(context.Context) (string, error) { return <-query, nil })
			fmt.Println(name, err)
		})
	}
	for users.Snapshot().Joined < 2 { // a test would wait with synctest.Wait
		time.Sleep(time.Millisecond)
	}
	query <- "Ada" // one answer, for one query
	callers.Wait()
	fmt.Println(users.Snapshot())
	// Output:
	// Ada <nil>
	// Ada <nil>
	// Ada <nil>
	// { 0 1 2}
}

// A caller may leave, and the flight goes on for the others. Here there are none, so it
// ends with the caller's cause.
func ExampleCoalesce_Do() {
	users := coalesce.New[string, string](userID)
	ctx, leave := context.WithCancelCause(context.WithValue(context.Background(), userKey{}, "u-1"))
	ended := make(chan error, 1)
	_, err := users.Do(ctx, func(ctx context.Context) (string, error) {
		leave(errors.New("the browser closed the connection"))
		<-ctx.Done()
		ended <- context.Cause(ctx)
		return "", ctx.Err()
	})
	fmt.Println(errors.Is(err, context.Canceled))
	fmt.Println(<-ended)
	// Output:
	// true
	// the browser closed the connection
}

// Callers that change the value need a clone of their own.
func ExampleCoalesce_WithClone() {
	lists := coalesce.New[string, []int](userID).WithClone(slices.Clone[[]int])
	shared := []int{3, 1, 2}
	ctx := context.WithValue(context.Background(), userKey{}, "u-1")
	own, err := lists.Do(ctx, func(context.Context) ([]int, error) { return shared, nil })
	slices.Sort(own)
	fmt.Println(own, shared, err)
	// Output: [1 2 3] [3 1 2] <nil>
}

// Forget is for a key whose result has just changed: callers from now on must not get the
// answer to an older question.
func ExampleCoalesce_Forget() {
	users := coalesce.New[string, string](userID)
	ctx := context.WithValue(context.Background(), userKey{}, "u-1")
	old, err := users.Do(ctx, func(context.Context) (string, error) {
		users.Forget("u-1") // the user changes the name during the query
		renamed, err := users.Do(ctx, func(context.Context) (string, error) { return "Grace", nil })
		fmt.Println(renamed, err)
		return "Ada", nil
	})
	fmt.Println(old, err)
	// Output:
	// Grace <nil>
	// Ada <nil>
}

// In a pipeline, one flight pays for its retries once.
func ExampleCoalesce_Execute() {
	p := pipeline.New[string](coalesce.New[string, string](userID).WithName("users"), policy.Timeout[string](time.Second))
	fmt.Println(p)
	ctx := context.WithValue(context.Background(), userKey{}, "u-1")
	fmt.Println(p.Do(ctx, fake.NewFunc[string]().Return("Ada").Do))
	// Output:
	// coalesce(users) > timeout(1s)
	// Ada <nil>
}

// A call for which the key function returns false is not shared.
func ExampleCoalesce_Snapshot() {
	users := coalesce.New[string, string](userID).WithName("users")
	_, _ = users.Do(context.Background(), fake.NewFunc[string]().Return("a visitor").Do)
	_, _ = users.Do(context.WithValue(context.Background(), userKey{}, "u-1"), fake.NewFunc[string]().Return("Ada").Do)
	s := users.Snapshot()
	fmt.Println(s.Name, s.Flights, s.Joined)
	// Output: users 1 0
}
