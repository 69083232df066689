package bench_test

import (
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/circuitbreaker"
	"github.com/failsafe-go/failsafe-go/failsafehttp"
	"github.com/hashicorp/go-retryablehttp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/ductilehttp"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// answers is a base that answers each request with the next of its statuses, the last one
// repeatedly, and remembers what it was asked.
type answers struct {
	codes  []int
	header http.Header

	mu     sync.Mutex
	begun  time.Time
	at     []time.Duration
	bodies []string
	sent   []*http.Request
	given  []*given
}

// given is a response's body that knows whether it was closed.
type given struct {
	io.Reader
	closed bool
}

func (g *given) Close() error {
	g.closed = true
	return nil
}

func (a *answers) RoundTrip(r *http.Request) (*http.Response, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.begun.IsZero() {
		a.begun = time.Now()
	}
	body := ""
	if r.Body != nil {
		b, _ := io.ReadAll(r.Body)
		_ = r.Body.Close()
		body = string(b)
	}
	code := a.codes[min(len(a.at), len(a.codes)-1)]
	a.at, a.bodies, a.sent = append(a.at, time.Since(a.begun)), append(a.bodies, body), append(a.sent, r)
	g := &given{Reader: strings.NewReader("text")}
	a.given = append(a.given, g)
	header := a.header
	if header == nil {
		header = http.Header{}
	}
	return &http.Response{StatusCode: code, ProtoMajor: 1, ProtoMinor: 1, Header: header, Body: g, Request: r}, nil
}

// went is how a request through a client went.
type went struct {
	base *answers
	code int
	err  error
}

func (w went) times() []time.Duration { return w.base.at }

// goes sends a request of the method in a bubble.
func goes(t *testing.T, base *answers, method, body string, client func(http.RoundTripper) send) (w went) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w = went{base: base}
		var up io.Reader
		if body != "" {
			up = strings.NewReader(body)
		}
		r, err := http.NewRequestWithContext(t.Context(), method, "http://h.example", up)
		require.NoError(t, err)
		resp, err := client(base)(r)
		if w.err = err; err == nil {
			w.code = resp.StatusCode
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
		}
	})
	return w
}

func oursWith(change func(*ductilehttp.Config)) func(http.RoundTripper) send {
	return func(base http.RoundTripper) send {
		cfg := ductilehttp.Config{Base: base, AttemptTimeout: time.Hour, TotalTimeout: -1, NoCircuit: true}
		cfg.Retry = retry.Config{MaxAttempts: 5, BaseDelay: time.Second, MaxDelay: 30 * time.Second, JitterFactor: retry.NoJitter}
		if change != nil {
			change(&cfg)
		}
		return ductilehttp.NewTransport(cfg).RoundTrip
	}
}

func hashicorp(change func(*retryablehttp.Client)) func(http.RoundTripper) send {
	return func(base http.RoundTripper) send {
		c := retryablehttp.NewClient()
		c.HTTPClient, c.Logger = &http.Client{Transport: base}, nil
		if change != nil {
			change(c)
		}
		return func(r *http.Request) (*http.Response, error) {
			wrapped, err := retryablehttp.FromRequest(r)
			if err != nil {
				return nil, err
			}
			return c.Do(wrapped)
		}
	}
}

func down() *answers { return &answers{codes: []int{503}} }

var retryableHTTPRows = map[string]func(*testing.T){
	"`RetryMax`": func(t *testing.T) {
		theirs := goes(t, down(), "GET", "", hashicorp(func(c *retryablehttp.Client) { c.RetryMax = 2 }))
		ours := goes(t, down(), "GET", "", oursWith(func(c *ductilehttp.Config) { c.Retry.MaxAttempts = 3 }))
		assert.Equal(t, theirs.times(), ours.times())
		assert.Len(t, ours.times(), 3)
	},
	"`RetryWaitMin`, `RetryWaitMax`": func(t *testing.T) {
		theirs := goes(t, down(), "GET", "", hashicorp(func(c *retryablehttp.Client) { c.RetryWaitMin, c.RetryWaitMax = time.Second, 3*time.Second }))
		ours := goes(t, down(), "GET", "", oursWith(func(c *ductilehttp.Config) { c.Retry.MaxDelay = 3 * time.Second }))
		assert.Equal(t, theirs.times(), ours.times())
	},
	"Retry-After in seconds": func(t *testing.T) {
		asks := func(v string) *answers {
			return &answers{codes: []int{429, 200}, header: http.Header{"Retry-After": {v}}}
		}
		assert.Equal(t, goes(t, asks("7"), "GET", "", hashicorp(nil)).times(), goes(t, asks("7"), "GET", "", oursWith(nil)).times())
		assert.Len(t, goes(t, asks("3600"), "GET", "", hashicorp(nil)).times(), 2)
		assert.Len(t, goes(t, asks("3600"), "GET", "", oursWith(nil)).times(), 1)
		assert.Len(t, goes(t, asks("3600"), "GET", "", oursWith(func(c *ductilehttp.Config) { c.ClampRetryAfter = true })).times(), 2)
	},
	"`CheckRetry`": func(t *testing.T) {
		for code, attempts := range map[int]int{501: 1, 503: 5, 404: 1, 429: 5} {
			assert.Len(t, goes(t, &answers{codes: []int{code}}, "GET", "", hashicorp(nil)).times(), attempts, code)
			assert.Len(t, goes(t, &answers{codes: []int{code}}, "GET", "", oursWith(nil)).times(), attempts, code)
		}
		never := oursWith(func(c *ductilehttp.Config) {
			c.RetryResponse = func(*http.Response, error) bool { return false }
		})
		assert.Len(t, goes(t, down(), "GET", "", never).times(), 1)
	},
	"POST": postRow(hashicorp(nil), 5),
	"attempts spent": func(t *testing.T) {
		assert.Error(t, goes(t, down(), "GET", "", hashicorp(nil)).err)
		passing := hashicorp(func(c *retryablehttp.Client) { c.ErrorHandler = retryablehttp.PassthroughErrorHandler })
		assert.Equal(t, 503, goes(t, down(), "GET", "", passing).code)
		assert.Equal(t, 503, goes(t, down(), "GET", "", oursWith(nil)).code)
	},
	"`PrepareRetry`": func(t *testing.T) {
		theirs, ours := 0, 0
		goes(t, down(), "GET", "", hashicorp(func(c *retryablehttp.Client) {
			c.PrepareRetry = func(*http.Request) error { theirs++; return nil }
		}))
		goes(t, down(), "GET", "", oursWith(func(c *ductilehttp.Config) {
			c.Prepare = func(*http.Request, int) error { ours++; return nil }
		}))
		assert.Equal(t, []int{4, 5}, []int{theirs, ours})
	},
	"a body": func(t *testing.T) {
		for _, client := range []func(http.RoundTripper) send{hashicorp(nil), oursWith(nil)} {
			w := goes(t, down(), "PUT", "content", client)
			assert.Equal(t, []string{"content", "content", "content", "content", "content"}, w.base.bodies)
		}
	},
}

// postRow shows that they repeat a POST, and that we do not without a key.
func postRow(theirs func(http.RoundTripper) send, times int) func(*testing.T) {
	return func(t *testing.T) {
		assert.Len(t, goes(t, down(), "POST", "charge", theirs).times(), times)
		assert.Len(t, goes(t, down(), "POST", "charge", oursWith(nil)).times(), 1)
		keyed := oursWith(func(c *ductilehttp.Config) {
			c.RetryRequest = func(r *http.Request) bool {
				r = r.Clone(r.Context())
				r.Header.Set("Idempotency-Key", "k")
				return ductilehttp.RetryableRequest(r)
			}
		})
		assert.Len(t, goes(t, down(), "POST", "charge", keyed).times(), 5)
	}
}

func viaFailsafeHTTP(policies ...failsafe.Policy[*http.Response]) func(http.RoundTripper) send {
	return func(base http.RoundTripper) send { return failsafehttp.NewRoundTripper(base, policies...).RoundTrip }
}

func ownPipeline(policies ...policy.Policy[*http.Response]) func(http.RoundTripper) send {
	return func(base http.RoundTripper) send {
		return ductilehttp.NewTransport(ductilehttp.Config{Base: base, Pipeline: pipeline.New(policies...)}).RoundTrip //nolint:bodyclose // there is no response
	}
}

var failsafeHTTPRows = map[string]func(*testing.T){
	"`NewRoundTripper(base, policies...)`": func(t *testing.T) {
		up := func() *answers { return &answers{codes: []int{200}} }
		assert.Equal(t, 200, goes(t, up(), "GET", "", viaFailsafeHTTP(failsafehttp.NewRetryPolicyBuilder().Build())).code)
		assert.Equal(t, 200, goes(t, up(), "GET", "", ownPipeline(ductilehttp.Retry(retry.Config{}))).code)
	},
	"`NewRetryPolicyBuilder()`": func(t *testing.T) {
		theirs := goes(t, down(), "GET", "", viaFailsafeHTTP(failsafehttp.NewRetryPolicyBuilder().Build()))
		ours := goes(t, down(), "GET", "", ownPipeline(ductilehttp.Retry(retry.Config{JitterFactor: retry.NoJitter})))
		assert.Len(t, theirs.times(), 3)
		assert.Equal(t, []time.Duration{0, 500 * time.Millisecond, 1500 * time.Millisecond}, ours.times())
		assert.Zero(t, theirs.times()[2])
	},
	"a response that is given up": func(t *testing.T) {
		theirs := goes(t, down(), "GET", "", viaFailsafeHTTP(failsafehttp.NewRetryPolicyBuilder().Build()))
		ours := goes(t, down(), "GET", "", ownPipeline(ductilehttp.Retry(retry.Config{})))
		assert.False(t, theirs.base.given[0].closed)
		assert.True(t, ours.base.given[0].closed)
	},
	"POST": postRow(viaFailsafeHTTP(failsafehttp.NewRetryPolicyBuilder().Build()), 3),
	"`circuitbreaker` with `HandleIf`": func(t *testing.T) {
		theirs := circuitbreaker.NewBuilder[*http.Response]().WithFailureThreshold(1).HandleIf(isBad).Build()
		goes(t, down(), "GET", "", viaFailsafeHTTP(theirs))
		ours := breaker.NewCircuit(breaker.Config{FailureThreshold: 1})
		goes(t, down(), "GET", "", ownPipeline(ductilehttp.Breaker(ours)))
		assert.True(t, theirs.IsOpen())
		assert.NotEqual(t, breaker.Closed, ours.State()) // looked at outside of the bubble, it is half-open by now
	},
	"attempts spent": func(t *testing.T) {
		theirs := goes(t, down(), "GET", "", viaFailsafeHTTP(failsafehttp.NewRetryPolicyBuilder().Build()))
		ours := goes(t, down(), "GET", "", ownPipeline(ductilehttp.Retry(retry.Config{})))
		assert.Error(t, theirs.err)
		assert.NoError(t, ours.err)
		assert.Equal(t, 503, ours.code)
	},
}

func TestPortedHTTPRowsBehaveAsTheTablesSay(t *testing.T) {
	for heading, rows := range map[string]map[string]func(*testing.T){
		"## From hashicorp/go-retryablehttp": retryableHTTPRows,
		"## From failsafe-go's failsafehttp": failsafeHTTPRows,
	} {
		assert.ElementsMatch(t, rowsBelow(t, heading), keysOf(rows), heading)
		for row, run := range rows {
			t.Run(heading+" "+row, run)
		}
	}
}

func keysOf(rows map[string]func(*testing.T)) (keys []string) {
	for row := range rows {
		keys = append(keys, row)
	}
	return keys
}

// rowsBelow returns the first cells of the table below a heading.
func rowsBelow(t *testing.T, heading string) (cells []string) {
	t.Helper()
	return rowsOf(t, "../docs/porting-http.md", heading)
}

func rowsOf(t *testing.T, name, heading string) (cells []string) {
	t.Helper()
	page, err := os.ReadFile(name)
	require.NoError(t, err)
	_, after, found := strings.Cut(string(page), heading+"\n")
	require.True(t, found, heading)
	section, _, _ := strings.Cut(after, "\n## ")
	for line := range strings.Lines(section) {
		if strings.HasPrefix(line, "| ") {
			cells = append(cells, strings.TrimSpace(strings.Split(line, "|")[1]))
		}
	}
	require.NotEmpty(t, cells)
	return cells[1:]
}
