package bulkhead_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/keyed"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
)

// One gate protects one resource, here two rendering processes. Calls of any result type
// share it.
func ExampleNewGate() {
	renderers := bulkhead.NewGate(bulkhead.Config{Name: "renderers", Limit: 2})
	page := func(ctx context.Context) (string, error) {
		image := func(ctx context.Context) ([]byte, error) {
			_, err := bulkhead.Do(ctx, renderers, fake.NewFunc[int]().Return(3).Do) // a third
			fmt.Println(err)
			return nil, err
		}
		_, err := bulkhead.Do(ctx, renderers, image)
		return "a page", errors.Join(err)
	}
	_, err := bulkhead.Do(context.Background(), renderers, page)
	fmt.Println(errors.Is(err, bulkhead.ErrFull), errors.Is(err, policy.ErrRejected))
	fmt.Printf("%+v\n", renderers.Snapshot())
	// Output:
	// bulkhead: gate "renderers" is full: Limit is 2 and MaxQueue 0
	// true true
	// {Name:renderers Limit:2 InUse:0 Waiting:0 Admitted:2 Rejected:1}
}

// In a pipeline the gate is innermost: it counts running functions, not callers that wait
// for them.
func ExampleNew() {
	database := bulkhead.NewGate(bulkhead.Config{Name: "database", Limit: 20, MaxQueue: 100, MaxWait: 50 * time.Millisecond})
	queries := pipeline.New[int](policy.Timeout[int](time.Second), bulkhead.New[int](database))
	rows, err := queries.Do(context.Background(), func(context.Context) (int, error) {
		fmt.Println(database.Snapshot().InUse, "in use")
		return 7, nil
	})
	fmt.Println(rows, err)
	fmt.Println(queries)
	// Output:
	// 1 in use
	// 7 <nil>
	// timeout(1s) > bulkhead(database, 20)
}

func ExampleDo() {
	g := bulkhead.NewGate(bulkhead.Config{Limit: 1})
	v, err := bulkhead.Do(context.Background(), g, func(context.Context) (string, error) { return "done", nil })
	fmt.Println(v, err)
	// Output: done <nil>
}

// Acquire and Release, for work that is not a single function call.
func ExampleGate_Acquire() {
	uploads := bulkhead.NewGate(bulkhead.Config{Name: "uploads", Limit: 1})
	place, err := uploads.Acquire(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer place.Release()
	_, ok := uploads.TryAcquire()
	fmt.Println("a second place:", ok)
	// Output: a second place: false
}

// The limit can change while calls run. A higher limit admits waiting calls.
func ExampleGate_SetLimit() {
	g := bulkhead.NewGate(bulkhead.Config{Limit: 1, MaxQueue: 1})
	first, _ := g.TryAcquire()
	done := make(chan struct{})
	go func() {
		defer close(done)
		second, err := g.Acquire(context.Background())
		fmt.Println("second:", err)
		second.Release()
	}()
	g.SetLimit(2)
	<-done
	first.Release()
	fmt.Println(g.Snapshot().Limit, g.Idle())
	// Output:
	// second: <nil>
	// 2 true
}

// An overloaded server serves newcomers first, and rejects the other calls after 5 ms.
// Calls of a higher priority come first in any order.
func ExampleConfig() {
	clk := fake.NewClock() // leave Clock out for real time
	g := bulkhead.NewGate(bulkhead.Config{
		Name: "requests", Limit: 1, MaxQueue: 100,
		Order: bulkhead.Adaptive, Delay: bulkhead.CoDel{Target: 5 * time.Millisecond, Interval: 100 * time.Millisecond},
		Clock: clk,
	})
	running, _ := g.TryAcquire()
	served := make(chan string)
	for i, priority := range []policy.Priority{policy.Low, policy.Critical} {
		go func() {
			_, _ = bulkhead.Do(policy.WithPriority(context.Background(), priority), g, func(context.Context) (int, error) {
				served <- fmt.Sprint("served: priority ", priority)
				return 0, nil
			})
		}()
		_ = clk.BlockUntil(context.Background(), 2*(i+1)) // each call is one wait and one timer
	}
	running.Release()
	fmt.Println(<-served)
	fmt.Println(<-served)
	// Output:
	// served: priority critical
	// served: priority low
}

// download is a value that outlives its call.
type download struct{ done func() }

func (d *download) Close() { d.done() }

// A download holds its place until it is closed.
func ExampleBulkhead_WithKeep() {
	g := bulkhead.NewGate(bulkhead.Config{Name: "downloads", Limit: 4})
	b := bulkhead.New[*download](g).WithKeep(func(_ context.Context, d *download, release func()) *download {
		d.done = release
		return d
	})
	d, _ := b.Do(context.Background(), fake.NewFunc[*download]().Return(new(download)).Do)
	fmt.Println("reading:", g.Snapshot().InUse)
	d.Close()
	fmt.Println("closed:", g.Snapshot().InUse)
	// Output:
	// reading: 1
	// closed: 0
}

// One gate per tenant, so that no tenant takes all places. An unused gate is dropped.
func ExampleGate_Idle() {
	type tenant struct{}
	gates := keyed.New(keyed.Config[string, *bulkhead.Gate]{
		Make: func(name string) *bulkhead.Gate { return bulkhead.NewGate(bulkhead.Config{Name: name, Limit: 5}) },
	})
	perTenant := keyed.Policy(gates, func(ctx context.Context) (string, bool) {
		name, ok := ctx.Value(tenant{}).(string)
		return name, ok
	}, func(g *bulkhead.Gate) policy.Policy[int] { return bulkhead.New[int](g) })
	p := pipeline.New[int](perTenant)
	_, err := p.Do(context.WithValue(context.Background(), tenant{}, "acme"), func(context.Context) (int, error) {
		fmt.Println(gates.Get("acme").Snapshot().InUse, gates.Get("acme").Idle())
		return 0, nil
	})
	fmt.Println(err, gates.Get("acme").Idle())
	// Output:
	// 1 false
	// <nil> true
}
