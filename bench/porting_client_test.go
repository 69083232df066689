package bench_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/ductilehttp"
)

// wire is a service without a network: it remembers what was sent.
type wire struct {
	requests []*http.Request
	bodies   []string
	status   int // 0 is 200
	hangs    bool
}

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	body := ""
	if r.Body != nil {
		b, _ := io.ReadAll(r.Body)
		_ = r.Body.Close()
		body = string(b)
	}
	w.requests, w.bodies = append(w.requests, r), append(w.bodies, body)
	if w.hangs {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	return &http.Response{
		StatusCode: max(w.status, http.StatusOK), Header: http.Header{}, Request: r,
		Body: io.NopCloser(strings.NewReader(`{"name":"Ada"}`)),
	}, nil
}

type named struct {
	Name string `json:"name"`
}

// sent calls a service by a client of ours and by a request made by hand, and returns
// both.
func sent(t *testing.T, cfg ductilehttp.ClientConfig, call func(c *ductilehttp.Client) error, by *http.Request) (ours, theirs *wire) {
	t.Helper()
	ours, theirs = &wire{}, &wire{}
	cfg.Base = ours
	require.NoError(t, call(ductilehttp.NewClient(cfg)))
	resp, err := (&http.Client{Transport: theirs}).Do(by)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Len(t, ours.requests, 1)
	require.Len(t, theirs.requests, 1)
	return ours, theirs
}

func request(t *testing.T, method, url, body string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	require.NoError(t, err)
	return r
}

const baseURL = "https://api.example.com/v1"

// asks returns how many requests a call made of a service that fails, and its error.
func asks(t *testing.T, w *wire, cfg ductilehttp.ClientConfig, call func(ctx context.Context, c *ductilehttp.Client) error) (way, int) {
	t.Helper()
	cfg.BaseURL, cfg.Base = baseURL, w
	went := follow(t, nil, func(ctx context.Context, _ *trail) error { return call(ctx, ductilehttp.NewClient(cfg)) })
	return went, len(w.requests)
}

func get(ctx context.Context, c *ductilehttp.Client) error { return c.Get(ctx, "/students", nil) }

var clientRows = map[string]func(*testing.T){
	"`base_url`": func(t *testing.T) {
		ours, theirs := sent(t, ductilehttp.ClientConfig{BaseURL: baseURL},
			func(c *ductilehttp.Client) error { return c.Get(t.Context(), "/students", nil) },
			request(t, http.MethodGet, baseURL+"/students", ""))
		assert.Equal(t, theirs.requests[0].URL.String(), ours.requests[0].URL.String())
		assert.ErrorContains(t, ductilehttp.ClientConfig{}.Validate(), "BaseURL")
	},
	"`circuit_breaker`": func(t *testing.T) {
		circuit := breaker.NewCircuit(breaker.Config{})
		circuit.Isolate("")
		w, n := asks(t, &wire{}, ductilehttp.ClientConfig{Circuit: circuit}, get)
		assert.ErrorIs(t, w.err, breaker.ErrOpen)
		assert.Zero(t, n)
		_, n = asks(t, &wire{status: 503}, ductilehttp.ClientConfig{}, func(ctx context.Context, c *ductilehttp.Client) error {
			_ = get(ctx, c)
			return get(ctx, c)
		})
		assert.Equal(t, 5, n, "the core's default opens after five")
	},
	"`timeout` of the client": func(t *testing.T) {
		const d = 3 * time.Second
		for limit, cfg := range map[time.Duration]ductilehttp.ClientConfig{
			d:                {AttemptTimeout: d},
			10 * time.Second: {},
		} {
			cfg.MaxAttempts = 1
			w, n := asks(t, &wire{hangs: true}, cfg, get)
			assert.Equal(t, limit, w.over)
			assert.Equal(t, 1, n)
			assert.ErrorIs(t, w.err, context.DeadlineExceeded)
		}
	},
	"`max_retries`": func(t *testing.T) {
		const n = 4
		_, asked := asks(t, &wire{status: 503}, ductilehttp.ClientConfig{MaxAttempts: n}, get)
		assert.Equal(t, n, asked)
		_, asked = asks(t, &wire{status: 503}, ductilehttp.ClientConfig{}, get)
		assert.Equal(t, 3, asked)
	},
	"`json=`": func(t *testing.T) {
		in, out := named{"Ada"}, named{}
		body, err := json.Marshal(in)
		require.NoError(t, err)
		ours, theirs := sent(t, ductilehttp.ClientConfig{BaseURL: baseURL},
			func(c *ductilehttp.Client) error { return c.Post(t.Context(), "/students", in, &out) },
			request(t, http.MethodPost, baseURL+"/students", string(body)))
		assert.JSONEq(t, theirs.bodies[0], ours.bodies[0])
		assert.Equal(t, named{"Ada"}, out)
	},
	"`headers=`": func(t *testing.T) {
		const name, value = "X-API-Key", "secret"
		by := request(t, http.MethodGet, baseURL+"/students", "")
		by.Header.Set(name, value)
		ours, theirs := sent(t, ductilehttp.ClientConfig{BaseURL: baseURL}, func(c *ductilehttp.Client) error {
			return c.Get(t.Context(), "/students", nil, ductilehttp.Header(name, value))
		}, by)
		assert.Equal(t, theirs.requests[0].Header.Get(name), ours.requests[0].Header.Get(name))
		header := http.Header{name: {value}}
		ours, _ = sent(t, ductilehttp.ClientConfig{BaseURL: baseURL, Header: header}, func(c *ductilehttp.Client) error {
			return c.Get(t.Context(), "/students", nil)
		}, by)
		assert.Equal(t, value, ours.requests[0].Header.Get(name))
	},
	"`raise_for_status()`": func(t *testing.T) {
		for _, code := range []int{304, 404, 503} {
			w, _ := asks(t, &wire{status: code}, ductilehttp.ClientConfig{}, get)
			var status *ductilehttp.StatusError
			require.ErrorAs(t, w.err, &status)
			assert.Equal(t, code, status.StatusCode)
		}
		w, _ := asks(t, &wire{status: 204}, ductilehttp.ClientConfig{}, get)
		assert.NoError(t, w.err)
	},
}
