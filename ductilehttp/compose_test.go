package ductilehttp_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/http/httptrace"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/ductilehttp"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/retry"
)

func TestRedirectsResendTheBody(t *testing.T) {
	protocols(t, func(t *testing.T, _ int, overTLS func(*httptest.Server)) {
		var n atomic.Int64
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			b, _ := io.ReadAll(r.Body)
			assert.Equal(t, "body", string(b))
			switch {
			case n.Add(1)%2 == 1:
				w.WriteHeader(http.StatusServiceUnavailable)
			case r.URL.Path == "/":
				http.Redirect(w, r, "/there", http.StatusTemporaryRedirect)
			default:
				_, _ = io.WriteString(w, "arrived")
			}
		}, overTLS)
		cfg, _ := config(s.base)
		client := &http.Client{Transport: ductilehttp.NewTransport(cfg)}
		resp, err := client.Do(request(t, "PUT", s.URL+"/", strings.NewReader("body")))
		require.NoError(t, err)
		assert.Equal(t, "arrived", read(t, resp))
		assert.EqualValues(t, 4, s.requests.Load())
	})
}

func TestEndlessRedirectsAreFinal(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/", http.StatusFound) })
	cfg, clk := config(s.base)
	client := &http.Client{Transport: ductilehttp.NewTransport(cfg)}
	resp, err := client.Do(request(t, "GET", s.URL, nil))
	if err == nil || resp != nil && resp.Body == nil {
		t.Fatal("want an error")
	}
	assert.False(t, ductilehttp.RetryableResponse(nil, err))
	assert.EqualValues(t, 10, s.requests.Load())
	assert.Empty(t, clk.Sleeps())
}

func TestCookiesAreKept(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if _, err := r.Cookie("session"); err != nil {
			http.SetCookie(w, &http.Cookie{Name: "session", Value: "1"})
			return
		}
		_, _ = io.WriteString(w, "known")
	})
	cfg, _ := config(s.base)
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	client := &http.Client{Transport: ductilehttp.NewTransport(cfg), Jar: jar}
	for _, want := range []string{"", "known"} {
		resp, err := client.Do(request(t, "GET", s.URL, nil))
		require.NoError(t, err)
		assert.Equal(t, want, read(t, resp))
	}
}

func TestAClientTimeoutEndsTheRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // in real time, the timeout may end before the server has read the request
		var requests atomic.Int64
		base := inBubble(t, func(w http.ResponseWriter, r *http.Request) {
			requests.Add(1)
			hang(w, r)
		})
		client := &http.Client{Transport: ductilehttp.NewTransport(ductilehttp.Config{Base: base}), Timeout: 50 * time.Millisecond}
		start := time.Now()
		resp, err := client.Do(request(t, "GET", "http://h.example", nil))
		if resp != nil {
			_ = resp.Body.Close()
		}
		var u *url.Error
		require.ErrorAs(t, err, &u)
		assert.True(t, u.Timeout())
		assert.Equal(t, 50*time.Millisecond, time.Since(start))
		assert.EqualValues(t, 1, requests.Load())
	})
}

func TestAReverseProxyRetriesForItsCaller(t *testing.T) {
	protocols(t, func(t *testing.T, _ int, overTLS func(*httptest.Server)) {
		s := serve(t, statuses(503, 502, 200), overTLS)
		target, err := url.Parse(s.URL)
		require.NoError(t, err)
		cfg, _ := config(s.base)
		front := serve(t, (&httputil.ReverseProxy{
			Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(target) },
			Transport: ductilehttp.NewTransport(cfg),
			ErrorLog:  quiet,
		}).ServeHTTP)
		resp, err := front.base.RoundTrip(request(t, "PUT", front.URL, strings.NewReader("body")))
		require.NoError(t, err)
		assert.Equal(t, "OK", read(t, resp))
		assert.EqualValues(t, 3, s.requests.Load())
	})
}

// echo hijacks a connection and sends back each line.
func echo(w http.ResponseWriter, r *http.Request) {
	c, buffer, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer func() { _ = c.Close() }()
	_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: "+r.Header.Get("Upgrade")+"\r\n\r\n")
	for {
		line, err := buffer.ReadString('\n')
		if err != nil {
			return
		}
		_, _ = io.WriteString(c, "echo "+line)
	}
}

func upgrade(t *testing.T, url string) *http.Request {
	r := request(t, "GET", url, nil)
	r.Header.Set("Connection", "Upgrade")
	r.Header.Set("Upgrade", "lines")
	return r
}

func talk(t *testing.T, resp *http.Response) {
	t.Helper()
	require.Equal(t, http.StatusSwitchingProtocols, resp.StatusCode)
	rw, ok := resp.Body.(io.ReadWriteCloser)
	require.True(t, ok, "the body can be written to: %T", resp.Body)
	in := bufio.NewReader(rw)
	for _, word := range []string{"one", "two"} {
		_, err := io.WriteString(rw, word+"\n")
		require.NoError(t, err)
		line, err := in.ReadString('\n')
		require.NoError(t, err)
		assert.Equal(t, "echo "+word+"\n", line)
	}
	require.NoError(t, rw.Close())
}

func TestAnUpgradeKeepsItsConnection(t *testing.T) {
	s := serve(t, echo)
	cfg, clk := config(s.base)
	cfg.RetryResponse = func(resp *http.Response, err error) bool {
		return resp != nil && resp.StatusCode == http.StatusSwitchingProtocols || ductilehttp.RetryableResponse(resp, err)
	}
	resp, err := ductilehttp.NewTransport(cfg).RoundTrip(upgrade(t, s.URL))
	require.NoError(t, err)
	clk.Advance(time.Hour) // no timeout remains that would cut it
	talk(t, resp)
	assert.EqualValues(t, 1, s.requests.Load(), "an upgrade is never repeated")
}

func TestAnUpgradeGoesThroughAReverseProxy(t *testing.T) {
	s := serve(t, echo)
	target, err := url.Parse(s.URL)
	require.NoError(t, err)
	cfg, _ := config(s.base)
	front := serve(t, (&httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport: ductilehttp.NewTransport(cfg),
		ErrorLog:  quiet,
	}).ServeHTTP)
	resp, err := front.base.RoundTrip(upgrade(t, front.URL))
	require.NoError(t, err)
	talk(t, resp)
}

func TestTheCallersTraceHooksSeeEveryAttempt(t *testing.T) {
	s := serve(t, statuses(503))
	cfg, _ := config(s.base)
	var wrote, first atomic.Int64
	r := request(t, "GET", s.URL, nil)
	r = r.WithContext(httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{
		WroteHeaders:         func() { wrote.Add(1) },
		GotFirstResponseByte: func() { first.Add(1) },
	}))
	do(t, cfg, r)
	assert.EqualValues(t, 3, wrote.Load())
	assert.EqualValues(t, 3, first.Load())
}

func TestTransportsCanBeNested(t *testing.T) {
	s := serve(t, statuses(503))
	inner, _ := config(s.base)
	inner.Circuits.FailureThreshold = 10
	outer, clk := config(ductilehttp.NewTransport(inner))
	outer.Retry.MaxAttempts = 2
	outer.Circuits.FailureThreshold = 10
	code, body := do(t, outer, request(t, "PUT", s.URL, io.MultiReader(strings.NewReader("body"))))
	assert.Equal(t, 503, code)
	assert.Equal(t, "Service Unavailable", body)
	assert.EqualValues(t, 6, s.requests.Load(), "two attempts of the outer, with three of the inner each")
	assert.Len(t, clk.Sleeps(), 1)
}

func TestAPostIsRetriedAfterADialError(t *testing.T) {
	s := serve(t, statuses(200))
	dials := 0
	base := &http.Transport{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		if dials++; dials < 3 {
			return nil, &net.OpError{Op: "dial", Err: io.ErrUnexpectedEOF}
		}
		return (&net.Dialer{}).DialContext(ctx, network, addr)
	}}
	t.Cleanup(base.CloseIdleConnections)
	cfg, clk := config(base)
	body := &closeCounter{Reader: strings.NewReader("charge")}
	code, _ := do(t, cfg, request(t, "POST", s.URL, body))
	assert.Equal(t, 200, code)
	assert.EqualValues(t, 1, s.requests.Load())
	assert.Len(t, clk.Sleeps(), 2, "the POST was not sent at all")
	awaitClosed(t, body)
}

func TestAPostIsNotRetriedIfTheBaseMayHaveSentIt(t *testing.T) {
	n := 0
	cfg, _ := config(tripper(func(*http.Request) (*http.Response, error) {
		n++
		return nil, &net.OpError{Op: "dial", Err: io.ErrUnexpectedEOF}
	}))
	resp, err := ductilehttp.NewTransport(cfg).RoundTrip(request(t, "POST", "http://h.example", nil))
	require.Error(t, err)
	require.Nil(t, resp)
	assert.Equal(t, 1, n)
}

func TestAnUntrustedCertificateIsFinal(t *testing.T) {
	protocols(t, func(t *testing.T, _ int, overTLS func(*httptest.Server)) {
		s := serve(t, statuses(200), overTLS)
		stranger := &http.Transport{}
		t.Cleanup(stranger.CloseIdleConnections)
		cfg, clk := config(stranger)
		tr := ductilehttp.NewTransport(cfg)
		resp, err := tr.RoundTrip(request(t, "GET", s.URL, nil))
		require.Error(t, err)
		require.Nil(t, resp)
		assert.True(t, ductilehttp.IsCertificateError(err), "%v", err)
		assert.Empty(t, clk.Sleeps())
		circuit, _ := tr.Circuits().Get(s.URL)
		assert.EqualValues(t, 1, circuit.Snapshot().Counts.Failures, "the server is to blame")

		resp, err = tr.RoundTrip(request(t, "GET", strings.Replace(s.URL, "https", "http", 1), nil))
		if err == nil {
			assert.Equal(t, 400, resp.StatusCode)
			read(t, resp)
		}
	})
}

func TestABudgetBoundsTheRetries(t *testing.T) {
	s := serve(t, statuses(503))
	clk := fake.NewClock(fake.AutoAdvance())
	cfg := ductilehttp.Config{Base: s.base, Retry: retry.Config{
		Clock: clk, Budget: retry.NewBudget(retry.BudgetConfig{Ratio: 0.1, MinPerSecond: 1e-9, Clock: clk}),
	}}
	cfg.Circuits.FailureThreshold = 1000
	tr := ductilehttp.NewTransport(cfg)
	for range 20 {
		resp, err := tr.RoundTrip(request(t, "GET", s.URL, nil))
		require.NoError(t, err)
		read(t, resp)
	}
	assert.EqualValues(t, 22, s.requests.Load())
}
