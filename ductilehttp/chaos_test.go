package ductilehttp_test

import (
	"context"
	"errors"
	"io"
	"math"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/chaos"
	"github.com/ductile-go/ductile/ductilehttp"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/hedge"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/ratelimit"
	"github.com/ductile-go/ductile/retry"
)

type chaosPolicy = policy.Policy[*http.Response]

// chaosAlways acts in every request.
var chaosAlways = chaos.Config{Name: "outage", Rate: 1, Enabled: true}

// chaosFirst returns a config that acts in the first n requests.
func chaosFirst(n int) chaos.Config {
	draws := make([]float64, n, n+1)
	return chaos.Config{Name: "outage", Rate: 0.5, Enabled: true, Rand: fake.Rand(append(draws, 0.9)...)}
}

func ok(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	_, _ = io.WriteString(w, "hello, world")
}

func TestAnInjected503IsRetriedWhenItsRetryAfterSays(t *testing.T) {
	s := serve(t, ok)
	cfg, clk := config(s.base)
	cfg.Chaos = ductilehttp.ChaosStatus(chaosFirst(2), 503, 4*time.Second)
	code, body := do(t, cfg, request(t, "GET", s.URL, nil))
	assert.Equal(t, 200, code)
	assert.Equal(t, "hello, world", body)
	assert.Equal(t, []time.Duration{4 * time.Second, 4 * time.Second}, clk.Sleeps())
	assert.EqualValues(t, 1, s.requests.Load(), "injected responses are none of the server")
}

func TestAnInjected503ComesBackAsAResponse(t *testing.T) {
	for retryAfter, want := range map[time.Duration]string{
		0: "", 1: "1", time.Second: "1", 1500 * time.Millisecond: "2", math.MaxInt64: "9223372037",
	} {
		cfg, _ := config(http.DefaultTransport)
		cfg.Retry.MaxAttempts = 1
		cfg.Chaos = ductilehttp.ChaosStatus(chaosAlways, 503, retryAfter)
		r := request(t, "GET", "http://example.invalid", nil)
		resp, err := ductilehttp.NewTransport(cfg).RoundTrip(r)
		require.NoError(t, err)
		assert.Equal(t, "503 Service Unavailable", resp.Status)
		assert.Equal(t, want, resp.Header.Get("Retry-After"))
		assert.Same(t, r, resp.Request)
		assert.Equal(t, "injected: Service Unavailable\n", read(t, resp))
		assert.EqualValues(t, 30, resp.ContentLength)
	}
}

func TestAnInjectedResponseHasABodyOnlyWhereOneMayBe(t *testing.T) {
	for _, tt := range []struct {
		method string
		code   int
		length string
	}{{"HEAD", 503, "30"}, {"GET", 204, ""}, {"GET", 304, ""}} {
		cfg, _ := config(http.DefaultTransport)
		cfg.Retry.MaxAttempts = 1
		cfg.Chaos = ductilehttp.ChaosStatus(chaosAlways, tt.code, 0)
		resp, err := ductilehttp.NewTransport(cfg).RoundTrip(request(t, tt.method, "http://example.invalid", nil))
		require.NoError(t, err)
		assert.Equal(t, tt.code, resp.StatusCode)
		assert.Equal(t, tt.length, resp.Header.Get("Content-Length"))
		assert.Empty(t, read(t, resp))
	}
}

func TestAnInjectedResponseMayBeOfAnyShape(t *testing.T) {
	cfg, clk := config(http.DefaultTransport)
	cfg.Chaos = ductilehttp.ChaosResponse(chaosAlways, func(r *http.Request) *http.Response {
		if r.Method == http.MethodPut {
			return nil
		}
		return &http.Response{StatusCode: http.StatusTooManyRequests, Header: http.Header{"Retry-After": {"2"}}, Body: io.NopCloser(strings.NewReader(`{"code": 7}`))}
	})
	code, body := do(t, cfg, request(t, "GET", "http://example.invalid", nil))
	assert.Equal(t, 429, code)
	assert.Equal(t, `{"code": 7}`, body)
	assert.Equal(t, []time.Duration{2 * time.Second, 2 * time.Second}, clk.Sleeps())
	_, err := ductilehttp.NewTransport(cfg).RoundTrip(request(t, "PUT", "http://example.invalid", strings.NewReader("x")))
	assert.ErrorIs(t, err, chaos.ErrInjected)
	assert.ErrorContains(t, err, "ChaosResponse returned no response")

	cfg.Chaos = ductilehttp.ChaosResponse(chaosAlways, func(*http.Request) *http.Response { return &http.Response{StatusCode: http.StatusOK} })
	r := request(t, "GET", "http://example.invalid", nil)
	resp, err := ductilehttp.NewTransport(cfg).RoundTrip(r)
	require.NoError(t, err)
	assert.Same(t, r, resp.Request)
	assert.NotNil(t, resp.Header)
	assert.Empty(t, read(t, resp))
}

func TestPoliciesAndObserversCanTellAnInjectedStatus(t *testing.T) {
	s := serve(t, statuses(503))
	for _, injects := range []bool{false, true} {
		cfg, _ := config(s.base)
		rec := fake.NewRecorder()
		cfg.Observer = rec.Observe
		if injects {
			cfg.Chaos = ductilehttp.ChaosStatus(chaosAlways, 503, 0)
		}
		tr := ductilehttp.NewTransport(cfg)
		resp, err := tr.RoundTrip(request(t, "GET", s.URL, nil))
		require.NoError(t, err)
		_, gaveUp := ductilehttp.Attempts(resp)
		assert.Equal(t, injects, errors.Is(gaveUp, chaos.ErrInjected))
		assert.NoError(t, resp.Body.Close())
		heard := map[policy.EventKind]int{}
		for _, e := range rec.Events() {
			heard[e.Kind]++
			if e.Kind == policy.Injected {
				assert.Equal(t, "outage", e.Name)
				assert.ErrorIs(t, e.Err, chaos.ErrInjected)
			}
		}
		assert.Equal(t, map[bool]int{true: 3}[injects], heard[policy.Injected])
		assert.Equal(t, 3, heard[policy.Judged])

		c := ductilehttp.NewClient(ductilehttp.ClientConfig{BaseURL: s.URL, Base: s.base, MaxAttempts: 1, Chaos: cfg.Chaos})
		err = c.Get(t.Context(), "/", nil)
		status, ok := errors.AsType[*ductilehttp.StatusError](err)
		require.True(t, ok)
		assert.Equal(t, 503, status.StatusCode)
		assert.Equal(t, injects, errors.Is(err, chaos.ErrInjected))
	}
	var none *ductilehttp.StatusError
	assert.NotErrorIs(t, none, chaos.ErrInjected)
}

func TestAnInjected429PausesTheLimiter(t *testing.T) {
	l := ratelimit.NewLimiter(ratelimit.Config{Limit: 100, Clock: fake.NewClock()})
	cfg, _ := config(http.DefaultTransport)
	cfg.Retry.MaxAttempts, cfg.Limiter = 1, l
	cfg.Chaos = ductilehttp.ChaosStatus(chaosAlways, 429, 7*time.Second)
	_, _ = do(t, cfg, request(t, "GET", "http://example.invalid", nil))
	assert.Equal(t, 7*time.Second, l.Snapshot().Paused)
}

func TestAnInjectedResetIsATransportsErrorOfAConnection(t *testing.T) {
	cfg, _ := config(http.DefaultTransport)
	cfg.Chaos = ductilehttp.ChaosReset(chaosAlways)
	_, err := (&http.Client{Transport: ductilehttp.NewTransport(cfg)}).Do(request(t, "GET", "http://example.invalid", nil))
	assert.ErrorIs(t, err, syscall.ECONNRESET)
	assert.ErrorIs(t, err, chaos.ErrInjected)
	assert.ErrorIs(t, err, retry.ErrExhausted)
	op, found := errors.AsType[*net.OpError](err)
	require.True(t, found)
	assert.Equal(t, "read", op.Op)
}

func TestAnInjectedLatencyCountsTowardTheAttemptTimeout(t *testing.T) {
	s := serve(t, ok)
	cfg, clk := config(s.base)
	cfg.AttemptTimeout = time.Second
	slow := chaosFirst(1)
	slow.Clock = clk
	cfg.Chaos = chaos.Latency[*http.Response](slow, func(context.Context) time.Duration { return time.Hour })
	rec := fake.NewRecorder()
	cfg.Observer = rec.Observe
	code, _ := do(t, cfg, request(t, "GET", s.URL, nil))
	assert.Equal(t, 200, code)
	timeouts := 0
	for _, e := range rec.Events() {
		if e.Kind == policy.TimedOut {
			timeouts++
		}
	}
	assert.Equal(t, 1, timeouts)
}

// A fault before anything was sent is like a refused connection: every request may be
// repeated.
func TestAFaultOfPackageChaosIsRetriedForEveryMethod(t *testing.T) {
	s := serve(t, ok)
	cfg, _ := config(s.base)
	cfg.Chaos = chaos.Fault[*http.Response](chaosFirst(2), func(context.Context) error { return syscall.ECONNREFUSED })
	resp, err := ductilehttp.NewTransport(cfg).RoundTrip(request(t, "POST", s.URL, strings.NewReader("x")))
	require.NoError(t, err)
	assert.Equal(t, "hello, world", read(t, resp))
	assert.EqualValues(t, 1, s.requests.Load())
}

func TestChaosRunsInnermostWhereverItStands(t *testing.T) {
	s := serve(t, ok)
	standard, _ := config(s.base)
	standard.Hedge = &hedge.Config{Delay: time.Hour}
	pipe := ductilehttp.Config{Base: s.base, Pipeline: pipeline.New(ductilehttp.Retry(retry.Config{BaseDelay: retry.NoDelay}))}
	for name, cfg := range map[string]ductilehttp.Config{"standard": standard, "pipeline": pipe} {
		cfg.Chaos = ductilehttp.ChaosStatus(chaosFirst(1), 503, 0)
		var seen []error
		tr := ductilehttp.NewTransport(cfg).With(policy.Check(func(_ *http.Response, err error) error {
			seen = append(seen, err)
			return err
		}))
		resp, err := tr.RoundTrip(request(t, "GET", s.URL, nil))
		require.NoError(t, err, name)
		assert.Equal(t, 200, resp.StatusCode, name)
		_ = read(t, resp)
		require.Len(t, seen, 2, name)
		assert.ErrorIs(t, seen[0], chaos.ErrInjected, name)
	}
	// In With and in the Pipeline itself.
	p := ductilehttp.ChaosReset(chaosFirst(1))
	with, _ := config(s.base)
	resp, err := ductilehttp.NewTransport(with).With(p).RoundTrip(request(t, "GET", s.URL, nil))
	require.NoError(t, err)
	n, _ := ductilehttp.Attempts(resp)
	assert.Equal(t, 2, n)
	_ = read(t, resp)
	inside := ductilehttp.Config{Base: s.base, Pipeline: pipeline.New[*http.Response](
		ductilehttp.Retry(retry.Config{BaseDelay: retry.NoDelay}), chaos.Mix(ductilehttp.ChaosReset(chaosFirst(1))),
	)}
	resp, err = ductilehttp.NewTransport(inside).RoundTrip(request(t, "GET", s.URL, nil))
	require.NoError(t, err)
	n, _ = ductilehttp.Attempts(resp)
	assert.Equal(t, 2, n)
	_ = read(t, resp)
}

// Requests that a base makes under the context of an attempt are not the attempt's.
func TestChaosActsOnTheRequestAndNotOnOthersUnderItsContext(t *testing.T) {
	s := serve(t, ok)
	cfg, _ := config(s.base)
	inner := ductilehttp.NewTransport(ductilehttp.Config{Base: s.base})
	cfg.Prepare = func(r *http.Request, _ int) error {
		token, err := http.NewRequestWithContext(r.Context(), http.MethodGet, s.URL, nil)
		if err != nil {
			return err
		}
		resp, err := inner.RoundTrip(token)
		if err != nil {
			return err
		}
		return resp.Body.Close()
	}
	cfg.Chaos = ductilehttp.ChaosReset(chaosFirst(1))
	code, _ := do(t, cfg, request(t, "GET", s.URL, nil))
	assert.Equal(t, 200, code)
	assert.EqualValues(t, 3, s.requests.Load(), "two tokens and one request")
}

func TestChaosThatIsOffChangesNothing(t *testing.T) {
	s := serve(t, ok)
	cfg, _ := config(s.base)
	p := ductilehttp.ChaosReset(chaos.Config{Rate: 1})
	cfg.Chaos = p
	code, _ := do(t, cfg, request(t, "GET", s.URL, nil))
	assert.Equal(t, 200, code)
	p.On()
	_, err := ductilehttp.NewTransport(cfg).RoundTrip(request(t, "GET", s.URL, nil))
	assert.ErrorIs(t, err, syscall.ECONNRESET)
	assert.EqualValues(t, 3, p.Snapshot().Injected)
}

func TestChaosRefusesWhatItCannotDo(t *testing.T) {
	for want, f := range map[string]func(){
		"ductilehttp: ChaosStatus: code is 199, want 200 to 599":      func() { ductilehttp.ChaosStatus(chaosAlways, 199, 0) },
		"ductilehttp: ChaosStatus: code is 600, want 200 to 599":      func() { ductilehttp.ChaosStatus(chaosAlways, 600, 0) },
		"ductilehttp: ChaosResponse: respond is nil, want a function": func() { ductilehttp.ChaosResponse(chaosAlways, nil) },
		"ductilehttp: ChaosCutBody: n is -1, want 0 or more":          func() { ductilehttp.ChaosCutBody(chaosAlways, -1) },
	} {
		assert.PanicsWithValue(t, want, f)
	}
	bad := chaos.Config{Rate: 2}
	for _, f := range []func(){
		func() { ductilehttp.ChaosStatus(bad, 503, 0) }, func() { ductilehttp.ChaosReset(bad) },
		func() { ductilehttp.ChaosLostAnswer(bad) }, func() { ductilehttp.ChaosCutBody(bad, 0) },
	} {
		assert.PanicsWithError(t, bad.Validate().Error(), f)
	}
	var none *chaos.Injector[*http.Response]
	assert.EqualError(t, ductilehttp.Config{Chaos: none}.Validate(),
		"ductilehttp: Config.Chaos is a nil *chaos.Injector[*net/http.Response], want one that is not nil, or nothing")
	assert.EqualError(t, ductilehttp.ClientConfig{
		BaseURL: "http://example.invalid", Base: ductilehttp.NewTransport(ductilehttp.Config{}), Chaos: ductilehttp.ChaosReset(chaosAlways),
	}.Validate(), "ductilehttp: ClientConfig.Chaos is set, want zero beside a *ductilehttp.Transport")
}
