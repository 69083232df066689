// Otel traces calls through ductilehttp's Transport with otelhttp, on either
// side of it: outside there is a span for each call, inside, as its Base, one
// for each attempt, and on both sides the attempts are the call's children.
package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/ductile-go/ductile/ductilehttp"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

func main() {
	if err := tell(context.Background(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "otel:", err)
		os.Exit(1)
	}
}

// tell makes a call each way, to a server that fails twice, and shows its spans.
func tell(ctx context.Context, out io.Writer) error {
	for _, side := range sides {
		server := httptest.NewServer(failing(2))
		t := newTracing()
		client := &http.Client{Transport: side.transport(t, &http.Transport{}, nil)}
		err := get(ctx, client, server.URL)
		client.CloseIdleConnections()
		server.Close()
		if err != nil {
			return fmt.Errorf("%s: %w", side.name, err)
		}
		fmt.Fprintf(out, "otelhttp %s\n", side.name)
		t.show(out)
		if n := len(t.spans()); n != side.spans {
			return fmt.Errorf("%s: %d spans, want %d", side.name, n, side.spans)
		}
	}
	return nil
}

// side is where otelhttp is, and how many spans a call of three attempts has.
type side struct {
	name            string
	outside, inside bool
	spans           int
}

var sides = []side{
	{"outside", true, false, 1},
	{"inside", false, true, 3},
	{"on both sides", true, true, 4},
}

// transport returns a resilient transport on base that is traced.
func (s side) transport(t *tracing, base http.RoundTripper, clock policy.Clock) http.RoundTripper {
	if s.inside {
		base = t.wrap(base, "attempt")
	}
	var rt http.RoundTripper = ductilehttp.NewTransport(ductilehttp.Config{
		Base:  base,
		Retry: retry.Config{BaseDelay: 20 * time.Millisecond, Clock: clock},
	})
	if s.outside {
		rt = t.wrap(rt, "call")
	}
	return rt
}

// failing answers with a 503 n times before it is well.
func failing(n int64) http.HandlerFunc {
	var asked atomic.Int64
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if asked.Add(1) <= n {
			http.Error(w, "not yet", http.StatusServiceUnavailable)
			return
		}
		_, _ = io.WriteString(w, "hello")
	}
}

func get(ctx context.Context, client *http.Client, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("the server said %s", resp.Status)
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}

// tracing keeps the spans that have ended.
type tracing struct {
	recorder *tracetest.SpanRecorder
	provider *sdk.TracerProvider
}

func newTracing() *tracing {
	recorder := tracetest.NewSpanRecorder()
	return &tracing{recorder, sdk.NewTracerProvider(sdk.WithSpanProcessor(recorder))}
}

// wrap returns rt with a span, so called, around each request.
func (t *tracing) wrap(rt http.RoundTripper, name string) http.RoundTripper {
	return otelhttp.NewTransport(rt,
		otelhttp.WithTracerProvider(t.provider),
		otelhttp.WithPropagators(propagation.TraceContext{}),
		otelhttp.WithSpanNameFormatter(func(string, *http.Request) string { return name }))
}

func (t *tracing) spans() []sdk.ReadOnlySpan { return t.recorder.Ended() }

// show writes the spans in the order that they began in, children below parents.
func (t *tracing) show(out io.Writer) {
	for _, begun := range t.recorder.Started() {
		indent := 1
		if begun.Parent().IsValid() {
			indent++
		}
		span := begun.(sdk.ReadOnlySpan)
		fmt.Fprintf(out, "%s%-8s %d %-5s  span %s\n", strings.Repeat("  ", indent), span.Name(),
			statusOf(span), span.Status().Code, span.SpanContext().SpanID())
	}
}

// statusOf returns the status of the response that a span saw, or 0.
func statusOf(span sdk.ReadOnlySpan) int {
	for _, a := range span.Attributes() {
		if a.Key == attribute.Key("http.response.status_code") {
			return int(a.Value.AsInt64())
		}
	}
	return 0
}
