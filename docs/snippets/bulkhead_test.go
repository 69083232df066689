package snippets_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/ductilehttp"
	"github.com/ductile-go/ductile/keyed"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
)

func report(ctx context.Context, render policy.Func[string]) (string, error) {
	reports := bulkhead.NewGate(bulkhead.Config{
		Name:     "reports",
		Limit:    10,                     // this many at a time
		MaxQueue: 20,                     // these wait for a place
		MaxWait:  200 * time.Millisecond, // for so long
	})
	report, err := bulkhead.Do(ctx, reports, render)
	if errors.Is(err, bulkhead.ErrFull) {
		return "", errBusy // render did not run
	}
	return report, err
}

// The opening of docs/policies/bulkhead.md.
func Example_bulkhead() {
	fmt.Println(report(context.Background(), func(context.Context) (string, error) { return "a report", nil }))
	fmt.Println(report(context.Background(), func(context.Context) (string, error) { return "", bulkhead.ErrFull }))
	// Output:
	// a report <nil>
	//  busy
}

// releasing is a body that gives its place back when it is closed.
type releasing struct {
	io.ReadCloser
	release func()
}

func (b *releasing) Close() error {
	defer b.release()
	return b.ReadCloser.Close()
}

// docs/policies/bulkhead.md, Composition.
func Example_bulkheadKeep() {
	gate := bulkhead.NewGate(bulkhead.Config{Limit: 1})
	downloads := bulkhead.New[io.ReadCloser](gate).WithKeep(func(_ context.Context, body io.ReadCloser, release func()) io.ReadCloser {
		return &releasing{body, release}
	})
	body, err := downloads.Do(context.Background(), func(context.Context) (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader("a file")), nil
	})
	fmt.Println(err, gate.Snapshot().InUse)
	_ = body.Close()
	fmt.Println(gate.Snapshot().InUse)
	// Output:
	// <nil> 1
	// 0
}

type tenantKey struct{}

func tenantOf(ctx context.Context) (string, bool) {
	tenant, ok := ctx.Value(tenantKey{}).(string)
	return tenant, ok
}

// docs/policies/bulkhead.md, Recipe.
func Example_bulkheadForEachTenant() {
	gates := keyed.New(keyed.Config[string, *bulkhead.Gate]{
		Make: func(tenant string) *bulkhead.Gate {
			return bulkhead.NewGate(bulkhead.Config{Name: tenant, Limit: 5})
		},
	})
	perTenant := keyed.Policy(gates, tenantOf, func(g *bulkhead.Gate) policy.Policy[string] {
		return bulkhead.New[string](g)
	})
	acme := context.WithValue(context.Background(), tenantKey{}, "acme")
	fmt.Println(pipeline.New(perTenant).Do(acme, nothing))
	fmt.Println(gates.Get("acme").Snapshot().Admitted)
	// Output:
	//  <nil>
	// 1
}

// docs/policies/bulkhead.md, Recipe.
func Example_bulkheadServer() {
	priorityOf := func(r *http.Request) policy.Priority {
		if r.URL.Path == "/healthz" {
			return policy.Critical
		}
		return policy.Normal
	}
	serve := func(_ http.ResponseWriter, r *http.Request) error {
		fmt.Println(r.URL.Path, policy.PriorityOf(r.Context()))
		return nil
	}
	mux := http.NewServeMux()
	gate := bulkhead.NewGate(bulkhead.Config{
		Name:     "requests",
		Limit:    64,
		MaxQueue: 256,
		Order:    bulkhead.Adaptive,
		Delay:    bulkhead.CoDel{Target: 5 * time.Millisecond, Interval: 100 * time.Millisecond},
	})
	mux.Handle("/", ductilehttp.Handler(serve, ductilehttp.HandlerConfig{Gate: gate, Priority: priorityOf}))

	mux.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/healthz", nil))
	fmt.Println(gate.Snapshot().Admitted)
	// Output:
	// /healthz critical
	// 1
}

func upload(ctx context.Context, uploads *bulkhead.Gate) error {
	place, err := uploads.Acquire(ctx)
	if err != nil {
		return err
	}
	defer place.Release()
	return nil
}

// docs/policies/bulkhead.md, Config.
func Example_bulkheadByHand() {
	uploads := bulkhead.NewGate(bulkhead.Config{Limit: 1})
	fmt.Println(upload(context.Background(), uploads), uploads.Idle())
	// Output: <nil> true
}
