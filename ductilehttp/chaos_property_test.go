package ductilehttp_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/ductilehttp"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// The tests below compare what an injected fault makes of a request with what a real one
// does, for requests that may be repeated and others.

type chaosRequest struct {
	method, key, body string
	stream            bool // without a GetBody
}

func chaosRequests() (all []chaosRequest) {
	for _, method := range []string{"GET", "PUT", "POST", "PATCH", "DELETE"} {
		for _, key := range []string{"", "k1"} {
			all = append(all, chaosRequest{method: method, key: key})
			if method != "GET" && method != "DELETE" {
				all = append(all, chaosRequest{method: method, key: key, body: "an upload"}, chaosRequest{method: method, key: key, body: "an upload", stream: true})
			}
		}
	}
	return all
}

// outcome is what a caller, a circuit and an observer have seen of a request.
type outcome struct {
	Sleeps []time.Duration
	Counts breaker.Counts
	State  breaker.State
	Status int
	Sent   int
	Errors []bool // which sentinels the error matches
	Events []string
}

func outcomeOf(t *testing.T, base http.RoundTripper, url string, q chaosRequest, p chaosPolicy) outcome {
	t.Helper()
	cfg, clk := config(base)
	cfg.Circuits.FailureThreshold = 5
	cfg.Chaos = p
	var o outcome
	cfg.Observer = func(_ context.Context, e policy.Event) {
		if e.Kind != policy.Injected {
			o.Events = append(o.Events, fmt.Sprintf("%s %s %d %s %v", e.Kind, e.Policy, e.Attempt, e.Reason, e.Outcome))
		}
	}
	var body io.Reader
	if q.body != "" {
		body = strings.NewReader(q.body)
	}
	if q.stream {
		body = &upload{Reader: body}
	}
	r := request(t, q.method, url, body)
	if q.key != "" {
		r.Header.Set("Idempotency-Key", q.key)
	}
	tr := ductilehttp.NewTransport(cfg)
	resp, err := tr.RoundTrip(r)
	for _, target := range []error{syscall.ECONNRESET, retry.ErrExhausted, retry.ErrGaveUp, policy.ErrRejected, io.ErrUnexpectedEOF} {
		o.Errors = append(o.Errors, errors.Is(err, target))
	}
	if err == nil {
		o.Status = resp.StatusCode
		o.Sent, _ = ductilehttp.Attempts(resp)
		_, err = io.Copy(io.Discard, resp.Body)
		o.Errors = append(o.Errors, errors.Is(err, io.ErrUnexpectedEOF))
		require.NoError(t, resp.Body.Close())
	}
	circuit, found := tr.Circuits().Get(url)
	require.True(t, found)
	o.Sleeps, o.Counts, o.State = clk.Sleeps(), circuit.Snapshot().Counts, circuit.State()
	return o
}

// broken is a server that breaks every connection when it has read the request.
func broken(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	conn, _, err := w.(http.Hijacker).Hijack()
	if err == nil {
		reset(conn)
	}
}

func TestAnInjectedResetIsJudgedLikeARealOne(t *testing.T) {
	actual, good := serve(t, broken), serve(t, ok)
	actual.base.DisableKeepAlives = true // a connection that was idle may be spared
	for _, q := range chaosRequests() {
		want := outcomeOf(t, actual.base, actual.URL, q, nil)
		assert.Equal(t, want, outcomeOf(t, good.base, good.URL, q, ductilehttp.ChaosReset(chaosAlways)), "%+v", q)
		assert.Equal(t, want, outcomeOf(t, good.base, good.URL, q, ductilehttp.ChaosLostAnswer(chaosAlways)), "%+v", q)
	}
}

func TestAnInjectedStatusIsJudgedLikeARealOne(t *testing.T) {
	good := serve(t, ok)
	for _, code := range []int{200, 204, 404, 408, 429, 500, 501, 503} {
		actual := serve(t, func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			w.Header().Set("Retry-After", "3")
			w.WriteHeader(code)
			_, _ = io.WriteString(w, "x") // refused with 204
		})
		for _, q := range chaosRequests() {
			want := outcomeOf(t, actual.base, actual.URL, q, nil)
			got := outcomeOf(t, good.base, good.URL, q, ductilehttp.ChaosStatus(chaosAlways, code, 3*time.Second))
			assert.Equal(t, want, got, "%d %+v", code, q)
		}
	}
}

func TestACutBodyIsJudgedLikeARealOne(t *testing.T) {
	actual, good := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, "hello")
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}), serve(t, ok)
	for _, q := range chaosRequests() {
		want := outcomeOf(t, actual.base, actual.URL, q, nil)
		assert.Equal(t, want, outcomeOf(t, good.base, good.URL, q, ductilehttp.ChaosCutBody(chaosAlways, 5)), "%+v", q)
	}
}
