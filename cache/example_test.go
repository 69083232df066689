package cache_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ductile-go/ductile/cache"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
)

type userKey struct{}

func userOf(ctx context.Context) (int, bool) { id, ok := ctx.Value(userKey{}).(int); return id, ok }

var ann = context.WithValue(context.Background(), userKey{}, 7)

func ExampleNew() {
	users := cache.New(cache.Config[int, string]{Key: userOf, TTL: time.Minute})
	for range 2 {
		name, err := users.Do(ann, func(context.Context) (string, error) {
			fmt.Println("loading")
			return "Ann", nil
		})
		fmt.Println(name, err)
	}
	// Output:
	// loading
	// Ann <nil>
	// Ann <nil>
}

func ExampleConfig_stale() {
	clk := fake.NewClock()
	users := cache.New(cache.Config[int, string]{
		Key: userOf, Clock: clk,
		TTL:   time.Minute,
		Stale: time.Hour, // answer at once with an old value, and refresh it behind
	})
	name := "Ann"
	load := func(context.Context) (string, error) { return name, nil }
	fmt.Println(users.Do(ann, load))

	name = "Anna"
	clk.Advance(time.Minute)
	fmt.Println(users.Do(ann, load))
	_ = users.Close(context.Background()) // waits for the refresh
	fmt.Println(users.Do(ann, load))
	// Output:
	// Ann <nil>
	// Ann <nil>
	// Anna <nil>
}

func ExampleConfig_staleIfError() {
	clk := fake.NewClock()
	users := cache.New(cache.Config[int, string]{Key: userOf, TTL: time.Minute, StaleIfError: time.Hour, Clock: clk})
	_, _ = users.Do(ann, func(context.Context) (string, error) { return "Ann", nil })

	clk.Advance(30 * time.Minute)
	down := func(context.Context) (string, error) { return "", errors.New("the database is down") }
	fmt.Println(users.Do(ann, down))
	clk.Advance(time.Hour)
	fmt.Println(users.Do(ann, down))
	// Output:
	// Ann <nil>
	//  the database is down
}

func ExampleConfig_negative() {
	errNotFound := errors.New("not found")
	users := cache.New(cache.Config[int, string]{
		Key: userOf, TTL: time.Hour,
		NegativeTTL: time.Minute,
		Negative:    func(err error) bool { return errors.Is(err, errNotFound) },
	})
	for range 2 {
		_, err := users.Do(ann, func(context.Context) (string, error) {
			fmt.Println("loading")
			return "", errNotFound
		})
		fmt.Println(err)
	}
	// Output:
	// loading
	// not found
	// not found
}

func ExampleCache_Delete() {
	users := cache.New(cache.Config[int, string]{Key: userOf, TTL: time.Minute})
	name := "Ann"
	load := func(context.Context) (string, error) { return name, nil }
	fmt.Println(users.Do(ann, load))
	name = "Anna"
	if err := users.Delete(ann, 7); err != nil { // after the change, not before
		fmt.Println(err)
	}
	fmt.Println(users.Do(ann, load))
	// Output:
	// Ann <nil>
	// Anna <nil>
}

func ExampleCache_WithClone() {
	c := cache.New(cache.Config[int, map[string]int]{Key: userOf, TTL: time.Minute}).
		WithClone(func(m map[string]int) map[string]int {
			own := map[string]int{}
			for k, v := range m {
				own[k] = v
			}
			return own
		})
	for range 2 {
		limits, _ := c.Do(ann, func(context.Context) (map[string]int, error) { return map[string]int{"calls": 10}, nil })
		limits["calls"]-- // its own
		fmt.Println(limits)
	}
	// Output:
	// map[calls:9]
	// map[calls:9]
}

func ExampleCache_Snapshot() {
	users := cache.New(cache.Config[int, string]{Name: "users", Key: userOf, TTL: time.Minute})
	for range 10 {
		_, _ = users.Do(ann, policy.Func[string](func(context.Context) (string, error) { return "Ann", nil }))
	}
	s := users.Snapshot()
	fmt.Println(users, s.Hits, s.Misses, s.Entries)
	// Output: cache(users, 1m0s) 9 1 1
}

func ExampleNewMemory() {
	store := cache.NewMemory[int, string](cache.MemoryConfig{MaxEntries: 2})
	c := cache.New(cache.Config[int, string]{Key: userOf, TTL: time.Minute, Store: store})
	for id := range 5 {
		ctx := context.WithValue(context.Background(), userKey{}, id)
		_, _ = c.Do(ctx, func(context.Context) (string, error) { return "a user", nil })
	}
	fmt.Println(store.Len(), store.Evicted())
	// Output: 2 3
}
