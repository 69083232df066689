package console_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/console"
)

func Example() {
	stripe := breaker.NewCircuit(breaker.Config{Name: "stripe"})
	search := breaker.NewCircuit(breaker.Config{Name: "search"})
	mux := http.NewServeMux()

	c := console.New(console.Config{Circuits: []*breaker.Circuit{stripe, search}})
	mux.Handle("/debug/ductile/", http.StripPrefix("/debug/ductile", c))

	srv := &http.Server{Addr: "localhost:6060", Handler: mux}
	srv.RegisterOnShutdown(c.Close)

	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/debug/ductile/", nil))
	fmt.Println(w.Code, w.Header().Get("Content-Type"))
	// Output:
	// 200 text/html; charset=utf-8
}

// Allow decides for each request and action.
func ExampleConfig_allow() {
	was := slog.Default()
	slog.SetDefault(slog.New(slog.DiscardHandler)) // each action is logged
	defer slog.SetDefault(was)

	stripe := breaker.NewCircuit(breaker.Config{Name: "stripe"})
	c := console.New(console.Config{
		Circuits: []*breaker.Circuit{stripe},
		Allow: func(r *http.Request, a console.Action) error {
			if a.Action == console.Isolate && r.Header.Get("X-Role") != "sre" {
				return errors.New("only an SRE may isolate a circuit")
			}
			return nil
		},
		Actor: func(r *http.Request) string { return r.Header.Get("X-User") },
	})
	for _, role := range []string{"dev", "sre"} {
		r := httptest.NewRequestWithContext(context.Background(), http.MethodPost, "/control", strings.NewReader(`{"circuit":"stripe","action":"isolate","reason":"drill"}`))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("X-Role", role)
		w := httptest.NewRecorder()
		c.ServeHTTP(w, r)
		fmt.Println(w.Code, strings.TrimSpace(w.Body.String()), stripe.State())
	}
	// Output:
	// 403 console: not allowed: only an SRE may isolate a circuit closed
	// 204  isolated
}
