// Products serves the pages of a shop while the catalog behind them breaks: kept answers for
// as long as they may be old, then a placeholder. A header says how old an answer is. The
// policies do not return that: an observer notes it in the context of the call.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"time"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/cache"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

var errNotFound = errors.New("no such product")

// request is what a call wants, and what answered it. It is in the call's context.
type request struct{ product, answered string }

type requestKey struct{}

// requestOf returns the request of a call. Every call of a shop has one.
func requestOf(ctx context.Context) *request { return ctx.Value(requestKey{}).(*request) }

// note is the observer. It runs on the goroutine of the call, before the call returns.
func note(ctx context.Context, e policy.Event) {
	switch e.Kind {
	case policy.Served:
		requestOf(ctx).answered = fmt.Sprintf("%s, %v old", e.From, e.Elapsed)
	case policy.FellBack:
		requestOf(ctx).answered = e.Policy
	}
}

// shop serves product pages.
type shop struct {
	products *pipeline.Pipeline[string]
	catalog  func(ctx context.Context, id string) (string, error)
}

func newShop(clock policy.Clock, catalog func(context.Context, string) (string, error)) *shop {
	circuit := breaker.NewCircuit(breaker.Config{Name: "catalog", FailureThreshold: 3, Clock: clock})
	return &shop{catalog: catalog, products: pipeline.New(
		policy.FallbackValue("We cannot show this product at the moment.").WithCondition(func(_ string, err error) bool {
			return err != nil && !errors.Is(err, errNotFound) // that is an answer of the catalog
		}),
		cache.New(cache.Config[string, string]{
			Name: "products", Key: func(ctx context.Context) (string, bool) { return requestOf(ctx).product, true },
			TTL: time.Minute, StaleIfError: time.Hour, Jitter: cache.NoJitter,
			NegativeTTL: 10 * time.Second, Negative: func(err error) bool { return errors.Is(err, errNotFound) }, Clock: clock,
		}),
		retry.New[string](retry.Config{JitterFactor: retry.NoJitter, Clock: clock}),
		breaker.New[string](circuit),
	).WithObserver(note, policy.Served, policy.FellBack)}
}

func (s *shop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	wanted := &request{r.PathValue("product"), "catalog"}
	text, err := s.products.Do(context.WithValue(r.Context(), requestKey{}, wanted), func(ctx context.Context) (string, error) {
		return s.catalog(ctx, wanted.product)
	})
	w.Header().Set("X-Answered-By", wanted.answered)
	if err != nil { // only errNotFound gets here
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	fmt.Fprintln(w, text)
}

func main() { tell(context.Background(), os.Stdout) }

func tell(ctx context.Context, out io.Writer) {
	clock := fake.NewClock(fake.AutoAdvance()) // virtual time: leave Clock out for real time
	up, asked := true, 0
	mux := http.NewServeMux()
	mux.Handle("GET /products/{product}", newShop(clock, func(_ context.Context, id string) (string, error) {
		asked++
		switch {
		case !up:
			return "", errors.New("no route to host")
		case id == "unicorn":
			return "", retry.Permanent(breaker.Judge(errNotFound, policy.Success))
		}
		return "A fine " + id + ".", nil
	}))
	get := func(id string) {
		w := httptest.NewRecorder()
		before := asked
		mux.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodGet, "/products/"+id, nil))
		fmt.Fprintf(out, "  %d %-44s %s, requests: %d\n", w.Code, strings.TrimSpace(w.Body.String()), w.Header().Get("X-Answered-By"), asked-before)
	}
	for _, step := range []struct {
		title string
		after time.Duration
		up    bool
	}{
		{"all is well", 0, true}, {"the catalog is down", 2 * time.Minute, false}, {"still, and the circuit is open", 10 * time.Second, false},
		{"two hours later", 2 * time.Hour, false}, {"it is back", time.Minute, true},
	} {
		clock.Advance(step.after)
		up = step.up
		fmt.Fprintln(out, step.title)
		for _, id := range []string{"teapot", "teapot", "unicorn"} {
			get(id)
		}
	}
}
