package ductilestripe_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/stripe/stripe-go/v86"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/ductilehttp"
	"github.com/ductile-go/ductile/ductilestripe"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// api implements as much of Stripe as is needed to charge: it charges once per idempotency
// key and repeats the stored response.
type api struct {
	*httptest.Server
	base *http.Transport

	mu      sync.Mutex
	faults  []fault // of the next requests, one each
	always  fault   // of the requests after those
	keys    []string
	header  []http.Header
	charges map[string]int
}

// fault is what happens to a request instead of a normal response. It may charge first.
type fault func(w http.ResponseWriter, r *http.Request, charge func())

func serve(t *testing.T, faults ...fault) *api {
	t.Helper()
	a := &api{faults: faults, charges: map[string]int{}}
	a.Server = httptest.NewUnstartedServer(a)
	a.Config.ErrorLog = log.New(io.Discard, "", 0)
	a.Start()
	a.base = a.Client().Transport.(*http.Transport)
	t.Cleanup(func() {
		a.base.CloseIdleConnections()
		a.Close()
	})
	return a
}

func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	if f := a.next(r); f != nil {
		f(w, r, func() { a.charge(r) })
		return
	}
	a.charge(r)
	_, _ = fmt.Fprintf(w, `{"id": "pi_%s", "object": "payment_intent"}`, key(r))
}

func key(r *http.Request) string { return r.Header.Get("Idempotency-Key") }

// next records a request and returns its fault.
func (a *api) next(r *http.Request) fault {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.keys = append(a.keys, key(r))
	a.header = append(a.header, r.Header)
	if len(a.faults) == 0 {
		return a.always
	}
	f := a.faults[0]
	a.faults = a.faults[1:]
	return f
}

// charge charges once per key.
func (a *api) charge(r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if k := key(r); k == "" || a.charges[k] == 0 {
		a.charges[k]++
	}
}

// seen returns the keys of the requests, in order.
func (a *api) seen() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.keys)
}

// charged returns the charges by key.
func (a *api) charged() map[string]int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return maps.Clone(a.charges)
}

func refuse(status int, kind string, header ...string) fault {
	return func(w http.ResponseWriter, _ *http.Request, _ func()) {
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, `{"error": {"type": %q, "message": "injected"}}`, kind)
	}
}

// raw responds with a body that is not in the format of Stripe's API v1.
func raw(status int, body string, header ...string) fault {
	return func(w http.ResponseWriter, _ *http.Request, _ func()) {
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// reset breaks the connection before anything was done.
func reset(w http.ResponseWriter, _ *http.Request, _ func()) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

// lost charges, and breaks the connection before the response.
func lost(w http.ResponseWriter, r *http.Request, charge func()) {
	charge()
	reset(w, r, charge)
}

// truncated charges, and breaks the connection in the middle of the response.
func truncated(w http.ResponseWriter, _ *http.Request, charge func()) {
	charge()
	w.Header().Set("Content-Length", "1000")
	_, _ = io.WriteString(w, `{"id": "pi_`)
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

// upgraded charges, and then keeps a silent connection open.
func upgraded(w http.ResponseWriter, _ *http.Request, charge func()) {
	charge()
	conn, rw, err := w.(http.Hijacker).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	_, _ = rw.WriteString("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
	_ = rw.Flush()
	_, _ = conn.Read(make([]byte, 1)) // until the client disconnects
	_ = conn.Close()
}

// garbled charges, and responds with invalid JSON.
func garbled(w http.ResponseWriter, _ *http.Request, charge func()) {
	charge()
	_, _ = io.WriteString(w, `{"id": "pi_`)
}

// late charges, and responds after the attempt timeout.
func late(clk *fake.Clock) fault {
	return func(_ http.ResponseWriter, r *http.Request, charge func()) {
		charge()
		clk.Advance(10 * time.Second)
		<-r.Context().Done()
	}
}

// stuck charges and begins a response that has not ended at the attempt timeout.
func stuck(clk *fake.Clock) fault {
	return func(w http.ResponseWriter, r *http.Request, charge func()) {
		charge()
		_, _ = io.WriteString(w, `{"id": "pi_`)
		_ = http.NewResponseController(w).Flush()
		clk.Advance(10 * time.Second)
		<-r.Context().Done()
	}
}

// shop is a way to pay in virtual time: a wait advances the clock.
type shop struct {
	clk     *fake.Clock
	circuit *breaker.Circuit
	pay     func(context.Context, *stripe.PaymentIntentCreateParams) (*stripe.PaymentIntent, error)
}

const threshold = 5

// opener makes a shop that connects to url. A nil clk means real time.
type opener func(url string, base http.RoundTripper, clk *fake.Clock) shop

// ways runs test with policies below the SDK, and with policies above it.
func ways(t *testing.T, test func(t *testing.T, open opener)) {
	t.Helper()
	t.Run("NewBackends", func(t *testing.T) { test(t, below) })
	t.Run("Call", func(t *testing.T) { test(t, above) })
}

// below returns a shop with its policies below the SDK.
func below(url string, base http.RoundTripper, clk *fake.Clock) shop {
	circuit := breaker.NewCircuit(breaker.Config{Name: "stripe", FailureThreshold: threshold, Clock: clock(clk)})
	client := clientOf(ductilestripe.Config{
		Transport: ductilehttp.Config{
			Base: base, Circuit: circuit,
			Retry: retry.Config{Clock: clock(clk), JitterFactor: retry.NoJitter},
		},
		SDK: stripe.BackendConfig{URL: stripe.String(url)},
	})
	return shop{clk, circuit, client.V1PaymentIntents.Create}
}

// above returns a shop with its policies above the SDK.
func above(url string, base http.RoundTripper, clk *fake.Clock) shop {
	circuit := breaker.NewCircuit(breaker.Config{
		Name: "stripe", FailureThreshold: threshold, Classify: ductilestripe.Classify, Clock: clock(clk),
	})
	payments := pipeline.New(
		retry.New[*stripe.PaymentIntent](retry.Config{Clock: clock(clk), JitterFactor: retry.NoJitter}),
		breaker.New[*stripe.PaymentIntent](circuit),
		policy.NewTimeout[*stripe.PaymentIntent](policy.TimeoutConfig{After: 10 * time.Second, Clock: clock(clk)}),
	)
	client := once(url, base)
	return shop{clk, circuit, func(ctx context.Context, p *stripe.PaymentIntentCreateParams) (*stripe.PaymentIntent, error) {
		return ductilestripe.Call(ctx, payments, p, client.V1PaymentIntents.Create)
	}}
}

func clock(clk *fake.Clock) policy.Clock {
	if clk == nil {
		return nil
	}
	return clk
}

func clientOf(cfg ductilestripe.Config) *stripe.Client {
	return stripe.NewClient("sk_test_123", stripe.WithBackends(ductilestripe.NewBackends(cfg)))
}

// once returns a client that sends each request once.
func once(url string, base http.RoundTripper) *stripe.Client { return clientOf(onceConfig(url, base)) }

func onceConfig(url string, base http.RoundTripper) ductilestripe.Config {
	return ductilestripe.Config{
		Once: true, Transport: ductilehttp.Config{Base: base}, SDK: stripe.BackendConfig{URL: stripe.String(url)},
	}
}

func price(cents int64) *stripe.PaymentIntentCreateParams {
	return &stripe.PaymentIntentCreateParams{Amount: stripe.Int64(cents), Currency: stripe.String("usd")}
}

// tripper is a base that is a function.
type tripper func(*http.Request) (*http.Response, error)

func (f tripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// says returns a response to r.
func says(r *http.Request, status int, body []byte, again string) *http.Response {
	h := http.Header{}
	if again != "" {
		h.Set("Stripe-Should-Retry", again)
	}
	return &http.Response{
		StatusCode: status, Status: http.StatusText(status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: h, Request: r,
		ContentLength: int64(len(body)), Body: io.NopCloser(bytes.NewReader(body)),
	}
}

// stripeError returns the SDK's error for a response.
func stripeError(t *testing.T, f fault) error {
	t.Helper()
	a := serve(t, f)
	_, err := once(a.URL, a.base).V1PaymentIntents.Create(t.Context(), price(100))
	require.Error(t, err)
	return err
}
