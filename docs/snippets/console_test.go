package snippets_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/console"
	"github.com/ductile-go/ductile/observe"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/registry"
	"github.com/ductile-go/ductile/retry"
)

// The README, and the opening of docs/console.md.
func Example_console() {
	stripe := breaker.NewCircuit(breaker.Config{Name: "stripe"})
	charge := pipeline.New(retry.New[int](retry.Config{}), breaker.New[int](stripe)).WithName("charge")
	mux := http.NewServeMux()

	stats := observe.New(observe.Config{})
	charge = charge.WithObserver(stats.Observe)
	stats.Watch(charge)

	c := console.New(console.Config{Stats: stats, Circuits: []*breaker.Circuit{stripe}})
	mux.Handle("/debug/ductile/", http.StripPrefix("/debug/ductile", c))

	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/debug/ductile/", nil))
	fmt.Println(w.Code)
	// Output: 200
}

// docs/console.md, Configuration.
func Example_consoleRegistry() {
	stats := observe.New(observe.Config{})
	reg, err := registry.New(registry.Spec{
		Circuits:  map[string]registry.CircuitSpec{"stripe": {}},
		Pipelines: map[string]registry.PipelineSpec{"charge": {Circuit: "stripe"}},
	}, registry.WithObserver(stats.Observe))
	if err != nil {
		fmt.Println(err)
		return
	}

	c := console.New(console.Config{Registry: reg, Stats: stats})

	w := httptest.NewRecorder()
	c.ServeHTTP(w, httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/snapshot", nil))
	fmt.Println(w.Code)
	// Output: 200
}

// isSRE and userOf stand for the reader's own.
func isSRE(r *http.Request) bool    { return r.Header.Get("X-Role") == "sre" }
func userOf(r *http.Request) string { return r.Header.Get("X-User") }

// docs/console.md, Controls and Shutdown.
func Example_consoleControls() {
	stripe := breaker.NewCircuit(breaker.Config{Name: "stripe"})
	srv := &http.Server{}

	c := console.New(console.Config{
		Circuits: []*breaker.Circuit{stripe},
		Allow: func(r *http.Request, a console.Action) error {
			if a.Action == console.Isolate && !isSRE(r) {
				return errors.New("only an SRE may isolate a circuit")
			}
			return nil
		},
		Actor: userOf,
	})
	srv.RegisterOnShutdown(c.Close)

	w := httptest.NewRecorder()
	c.ServeHTTP(w, httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/snapshot", nil))
	fmt.Println(w.Code)
	// Output: 200
}
