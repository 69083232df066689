package ductileotel_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"

	"github.com/ductile-go/ductile/ductilehttp"
	"github.com/ductile-go/ductile/ductileotel"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/hedge"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/retry"
)

// server is a transport that answers each request with a function.
type server func(*http.Request) (status int)

func (s server) RoundTrip(r *http.Request) (*http.Response, error) {
	status := s(r)
	if status == 0 {
		return nil, errors.New("refused")
	}
	return &http.Response{
		StatusCode: status, ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{}, Request: r,
		Body: io.NopCloser(strings.NewReader("hello")),
	}, nil
}

func get(t *testing.T, rt http.RoundTripper) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://api.example/", nil)
	require.NoError(t, err)
	resp, err := (&http.Client{Transport: rt}).Do(req)
	require.NoError(t, err)
	_, err = io.Copy(io.Discard, resp.Body)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
}

// resends returns http.request.resend_count of each request's span, in order.
func (s spans) resends(t *testing.T) (all []any) {
	t.Helper()
	for _, span := range s.named(t, "HTTP GET") {
		all = append(all, valueOf(span.Attributes(), "http.request.resend_count"))
	}
	return all
}

func TestTheSpanOfARepeatedRequestHasItsResendCount(t *testing.T) {
	s := recorded()
	n := 0
	base := server(func(*http.Request) int {
		if n++; n < 3 {
			return http.StatusServiceUnavailable
		}
		return http.StatusOK
	})
	get(t, ductilehttp.NewTransport(ductilehttp.Config{
		Base:  otelhttp.NewTransport(ductileotel.ResendCount(base), otelhttp.WithTracerProvider(s.provider)),
		Retry: retry.Config{Clock: fake.NewClock(fake.AutoAdvance())},
	}))
	assert.Equal(t, []any{nil, int64(1), int64(2)}, s.resends(t))
}

func TestTheSpanOfAHedgedRequestHasItsResendCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := recorded()
		base := server(func(r *http.Request) int {
			if hedge.Attempt(r.Context()) == 1 {
				<-r.Context().Done()
				return 0
			}
			return http.StatusOK
		})
		get(t, ductilehttp.NewTransport(ductilehttp.Config{
			Base:  otelhttp.NewTransport(ductileotel.ResendCount(base), otelhttp.WithTracerProvider(s.provider)),
			Hedge: &hedge.Config{Delay: time.Second, Budget: hedge.NoBudget},
		}))
		synctest.Wait()
		assert.Equal(t, []any{nil, int64(1)}, s.resends(t))
	})
}

// A traced pipeline is around the transport of otelhttp: its requests are children of the
// attempts.
func TestRequestsInATracedPipelineAreChildrenOfTheirAttempts(t *testing.T) {
	s := recorded()
	n := 0
	rt := otelhttp.NewTransport(ductileotel.ResendCount(server(func(*http.Request) int {
		if n++; n < 2 {
			return 0
		}
		return http.StatusOK
	})), otelhttp.WithTracerProvider(s.provider))
	p := tracedBy(s, pipeline.New[*http.Response](retry.New[*http.Response](retry.Config{Clock: fake.NewClock(fake.AutoAdvance())}))) //nolint:bodyclose // it is closed below
	resp, err := p.Do(t.Context(), func(ctx context.Context) (*http.Response, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://api.example/", nil)
		require.NoError(t, err)
		return rt.RoundTrip(req)
	})
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	assert.Equal(t, []any{nil, int64(1)}, s.resends(t))
	for i, request := range s.named(t, "HTTP GET") {
		assertChild(t, s.named(t, "attempt")[i], request)
	}
}

// idle counts how often its idle connections are closed.
type idle struct {
	server
	closed int
}

func (i *idle) CloseIdleConnections() { i.closed++ }

func TestIdleConnectionsOfTheBaseAreClosed(t *testing.T) {
	base := &idle{}
	(&http.Client{Transport: ductileotel.ResendCount(base)}).CloseIdleConnections()
	assert.Equal(t, 1, base.closed)
	assert.NotPanics(t, func() {
		(&http.Client{Transport: ductileotel.ResendCount(server(nil))}).CloseIdleConnections()
	})
}

func TestWithoutABaseTheDefaultTransportIsUsed(t *testing.T) {
	was := http.DefaultTransport
	t.Cleanup(func() { http.DefaultTransport = was })
	asked := 0
	http.DefaultTransport = server(func(*http.Request) int { asked++; return http.StatusOK })
	get(t, ductileotel.ResendCount(nil))
	assert.Equal(t, 1, asked)
}
