package adaptive_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ductile-go/ductile/adaptive"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

func query(context.Context) (string, error) { return "3 hits", nil }

func Example() {
	search := adaptive.NewLimiter(adaptive.Config{
		Name:     "search",
		MaxQueue: 50,
		MaxWait:  20 * time.Millisecond,
	})
	hits, err := adaptive.Do(context.Background(), search, query)
	fmt.Println(hits, err)
	// Output: 3 hits <nil>
}

func ExampleNewLimiter() {
	defer func() { fmt.Println(recover()) }()
	adaptive.NewLimiter(adaptive.Config{Initial: 50, Max: 20, MaxWait: time.Second})
	// Output:
	// adaptive: Config.Initial is 50, want 0 for the default, or Min to Max, which are 1 and 20
	// adaptive: Config.MaxWait is 1s but needs MaxQueue: without it no call waits
}

// A client that shares a server with other clients aims at a latency.
func ExampleConfig_target() {
	clk := fake.NewClock(fake.AutoAdvance())
	l := adaptive.NewLimiter(adaptive.Config{
		Initial:  20,
		Target:   150 * time.Millisecond, // three times the healthy 90th percentile
		Clock:    clk,
		MinCalls: 10,
		OnChange: func(c adaptive.Change) { fmt.Println("from", c.From, "to", c.To) },
	})
	slow := func(ctx context.Context) (int, error) {
		return 0, policy.Sleep(ctx, clk, 200*time.Millisecond)
	}
	for range 20 {
		_, _ = adaptive.Do(context.Background(), l, slow)
	}
	// Output:
	// from 20 to 18
	// from 18 to 16
}

func ExampleNew() {
	l := adaptive.NewLimiter(adaptive.Config{Name: "search"})
	p := pipeline.New[string](
		retry.New[string](retry.Config{}),
		policy.Timeout[string](time.Second),
		adaptive.New[string](l),
	)
	hits, err := p.Do(context.Background(), query)
	fmt.Println(hits, err)
	fmt.Println(p)
	// Output:
	// 3 hits <nil>
	// retry(3) > timeout(1s) > adaptive(search, 20)
}

func ExampleLimiter_Acquire() {
	l := adaptive.NewLimiter(adaptive.Config{Name: "uploads", Initial: 1})
	permit, err := l.Acquire(context.Background())
	if err != nil {
		return
	}
	_, err = l.Acquire(context.Background())
	fmt.Println(errors.Is(err, adaptive.ErrLimited), err)
	permit.Record(policy.Success)
	fmt.Println(l.Snapshot().InUse)
	// Output:
	// true adaptive: limiter "uploads" is full: its limit is 1 now, and MaxQueue 0
	// 0
}

func ExampleLimiter_Snapshot() {
	l := adaptive.NewLimiter(adaptive.Config{Name: "search"})
	fmt.Printf("%+v\n", l.Snapshot())
	// Output: {Name:search Limit:20 InUse:0 Waiting:0 Admitted:0 Rejected:0 Pinned:false}
}

func ExampleAdaptive_WithKeep() {
	l := adaptive.NewLimiter(adaptive.Config{})
	type rows struct{ close func() }
	p := adaptive.New[rows](l).WithKeep(func(_ context.Context, r rows, release func()) rows {
		r.close = release
		return r
	})
	r, _ := p.Do(context.Background(), func(context.Context) (rows, error) { return rows{}, nil })
	fmt.Println("reading:", l.Snapshot().InUse)
	r.close()
	fmt.Println("closed:", l.Snapshot().InUse)
	// Output:
	// reading: 1
	// closed: 0
}

func ExampleAdaptive_WithClassifier() {
	l := adaptive.NewLimiter(adaptive.Config{Target: time.Second})
	type answer struct{ status int }
	p := adaptive.New[answer](l).WithClassifier(func(a answer, _ error) policy.Outcome {
		if a.status == 503 {
			return policy.Failure // its latency says nothing
		}
		return policy.Undecided
	})
	a, err := p.Do(context.Background(), func(context.Context) (answer, error) { return answer{503}, nil })
	fmt.Println(a.status, err)
	// Output: 503 <nil>
}
