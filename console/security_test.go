package console_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/console"
)

const isolate = `{"circuit":"stripe","action":"isolate","reason":"drill"}`

func TestOnlyThePagesOwnOriginMayAct(t *testing.T) {
	quietLog(t)
	for _, c := range []struct {
		what   string
		change []func(*http.Request)
		status int
	}{
		{"curl", nil, 204},
		{"the page", []func(*http.Request){header("Sec-Fetch-Site", "same-origin"), header("Origin", "http://elsewhere.example")}, 204},
		{"another site", []func(*http.Request){header("Sec-Fetch-Site", "cross-site")}, 403},
		{"another host of the site", []func(*http.Request){header("Sec-Fetch-Site", "same-site")}, 403},
		{"a foreign origin, of an old browser", []func(*http.Request){header("Origin", "https://evil.example")}, 403},
		{"a page without an origin", []func(*http.Request){header("Origin", "null")}, 403},
		{"another port of this host", []func(*http.Request){header("Origin", "http://127.0.0.1:1")}, 403},
	} {
		circuit := quick("stripe", nil)
		asked := false
		base := serve(t, console.New(console.Config{
			Circuits: []*breaker.Circuit{circuit},
			Allow:    func(*http.Request, console.Action) error { asked = true; return nil },
		}))
		status, text := post(t, base, isolate, c.change...)
		assert.Equal(t, c.status, status, "%s: %s", c.what, text)
		assert.Equal(t, c.status == 204, circuit.State() == breaker.Isolated, c.what)
		assert.Equal(t, c.status == 204, asked, c.what)
	}
}

// It could not read a stream, but hold all of them.
func TestAPageOfAnotherSiteHoldsNoStream(t *testing.T) {
	base := serve(t, console.New(console.Config{Circuits: []*breaker.Circuit{quick("stripe", nil)}, MaxStreams: 1}))
	for _, site := range []string{"cross-site", "same-site"} {
		r := open(t, base+"stream", header("Sec-Fetch-Site", site))
		assert.Equal(t, http.StatusForbidden, r.resp.StatusCode, site)
		assertStrict(t, r.resp.Header)
	}
	open(t, base+"stream", header("Sec-Fetch-Site", "same-origin")).until("snapshot")
}

// By DNS rebinding, a page of evil.example reaches 127.0.0.1 under its own name: Origin and
// Host are the same, so the check of the origin passes.
func TestALoopbackListenerServesNoOtherHost(t *testing.T) {
	quietLog(t)
	c := quick("stripe", nil)
	base := serve(t, console.New(console.Config{
		Circuits: []*breaker.Circuit{c}, Allow: allow, Hosts: []string{"debug.example", "Ops.Example:8443"},
	}))
	for name, served := range map[string]bool{
		"localhost": true, "localhost:1234": true, "LocalHost": true, "127.0.0.1": true, "127.0.0.1:80": true, "[::1]": true, "[::1]:80": true,
		"debug.example": true, "debug.example:9": true, "ops.example": true, "ops.example:1": true,
		"evil.example": false, "evil.example:80": false, "localhost.evil.example": false, "127.0.0.1.evil.example": false,
		"debug.example.evil.example": false, "xdebug.example": false, "127.0.0.2": false, "0.0.0.0": false, "localhost:80:80": false,
	} {
		for _, path := range []string{"", "snapshot", "events", "app.js", "nowhere"} {
			status, h, text := request(t, http.MethodGet, base+path, "", host(name))
			assert.Equal(t, served, status != http.StatusMisdirectedRequest, "%s %s: %s", name, path, text)
			assertStrict(t, h)
		}
		if !served {
			status, h, _ := request(t, http.MethodGet, base+"stream", "", host(name))
			assert.Equal(t, http.StatusMisdirectedRequest, status, name)
			assertStrict(t, h)
			status, _ = post(t, base, isolate, host(name), header("Origin", "http://"+name))
			assert.Equal(t, http.StatusMisdirectedRequest, status, name)
		}
	}
	assert.Equal(t, breaker.Closed, c.State())
}

func TestARequestWithoutAHostIsRefusedOnLoopback(t *testing.T) {
	base := serve(t, console.New(console.Config{Circuits: []*breaker.Circuit{quick("stripe", nil)}}))
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.Split(base, "/")[2])
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	_, err = io.WriteString(conn, "GET /debug/ductile/snapshot HTTP/1.0\r\n\r\n")
	require.NoError(t, err)
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	assert.Equal(t, http.StatusMisdirectedRequest, resp.StatusCode)
}

func TestEveryHostIsServedUnlessTheListenerIsKnownToBeOnLoopback(t *testing.T) {
	h := console.New(console.Config{Circuits: []*breaker.Circuit{quick("stripe", nil)}})
	for what, local := range map[string]struct {
		addr   net.Addr
		served bool
	}{
		"unknown":       {nil, true},
		"a network's":   {&net.TCPAddr{IP: net.IPv4(192, 0, 2, 7)}, true},
		"unix":          {&net.UnixAddr{Name: "/run/debug.sock"}, true},
		"127.0.0.1":     {&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}, false},
		"127.9.9.9":     {&net.TCPAddr{IP: net.IPv4(127, 9, 9, 9)}, false},
		"::1":           {&net.TCPAddr{IP: net.IPv6loopback}, false},
		"::ffff:127...": {&net.TCPAddr{IP: net.ParseIP("::ffff:127.0.0.1")}, false},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/snapshot", nil)
		r.Host = "pod-7.example"
		if local.addr != nil {
			r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, local.addr))
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		assert.Equal(t, local.served, w.Code == http.StatusOK, what)
	}
}

func TestForwardedHeadersAreNotTrusted(t *testing.T) {
	base := serve(t, console.New(console.Config{Circuits: []*breaker.Circuit{quick("stripe", nil)}, Allow: allow}))
	forwarded := []func(*http.Request){
		host("evil.example"), header("X-Forwarded-Host", "localhost"), header("X-Forwarded-For", "127.0.0.1"),
		header("Forwarded", "host=localhost"), header("X-Real-IP", "127.0.0.1"), header("X-Forwarded-Proto", "https"),
	}
	status, _, _ := request(t, http.MethodGet, base+"snapshot", "", forwarded...)
	assert.Equal(t, http.StatusMisdirectedRequest, status)
	status, _ = post(t, base, isolate, header("Origin", "https://evil.example"), header("X-Forwarded-Host", "evil.example"), header("X-Forwarded-Proto", "https"))
	assert.Equal(t, http.StatusForbidden, status)
}

func assertStrict(t *testing.T, h http.Header) {
	t.Helper()
	csp := h.Get("Content-Security-Policy")
	assert.True(t, strings.HasPrefix(csp, "default-src 'none'; "), csp)
	for _, part := range []string{"style-src 'self'", "script-src 'self'", "connect-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'"} {
		assert.Contains(t, csp, part)
	}
	assert.NotContains(t, csp, "unsafe")
	assert.NotContains(t, csp, "*")
	assert.Equal(t, "nosniff", h.Get("X-Content-Type-Options"))
	assert.Equal(t, "no-store", h.Get("Cache-Control"))
	assert.Equal(t, "no-referrer", h.Get("Referrer-Policy"))
	assert.Equal(t, "DENY", h.Get("X-Frame-Options"))
	assert.Empty(t, h.Get("Access-Control-Allow-Origin"))
}

func TestEveryResponseHasTheStrictHeaders(t *testing.T) {
	quietLog(t)
	c := quick("stripe", nil)
	base := serve(t, console.New(console.Config{Circuits: []*breaker.Circuit{c}, Allow: allow, MaxStreams: 1}))
	r := open(t, base+"stream")
	assertStrict(t, r.resp.Header)
	for _, c := range []struct {
		method, path, body string
		change             []func(*http.Request)
		status             int
	}{
		{http.MethodGet, "", "", nil, 200},
		{http.MethodGet, "app.js", "", nil, 200},
		{http.MethodGet, "snapshot", "", nil, 200},
		{http.MethodGet, "events?after=x", "", nil, 400},
		{http.MethodGet, "stream", "", nil, 503},
		{http.MethodGet, "nowhere", "", nil, 404},
		{http.MethodPut, "snapshot", "", nil, 405},
		{http.MethodPost, "control", isolate, []func(*http.Request){inJSON}, 204},
		{http.MethodPost, "control", isolate, nil, 415},
		{http.MethodPost, "control", "{", []func(*http.Request){inJSON}, 400},
		{http.MethodPost, "control", isolate, []func(*http.Request){inJSON, header("Sec-Fetch-Site", "cross-site")}, 403},
		{http.MethodGet, "", "", []func(*http.Request){host("evil.example")}, 421},
	} {
		status, h, text := request(t, c.method, base+c.path, c.body, c.change...)
		assert.Equal(t, c.status, status, "%s %s: %s", c.method, c.path, text)
		assertStrict(t, h)
	}
}

func TestNamesAndErrorsWithMarkupStayText(t *testing.T) {
	evil := `<img src=x onerror=alert(1)></script>&"'` + "\u2028"
	c := quick(evil, nil)
	base := serve(t, console.New(console.Config{Circuits: []*breaker.Circuit{c}, Title: evil, Instance: evil}))
	fail(c, errors.New(evil))
	for _, path := range []string{"snapshot", "events"} {
		_, h, body := request(t, http.MethodGet, base+path, "")
		assert.Equal(t, "application/json", h.Get("Content-Type"))
		assert.NotContains(t, body, "<")
		assert.NotContains(t, body, "\u2028")
	}
	assert.Equal(t, evil, snapshot(t, base).Circuits[0].Name)
	m := open(t, base+"stream").until("event")
	assert.NotContains(t, m.data, "<")
	status, h, body := request(t, http.MethodGet, base+"%3Cscript%3E", "")
	assert.Equal(t, http.StatusNotFound, status)
	assert.Equal(t, "text/plain; charset=utf-8", h.Get("Content-Type"), body)
}

func TestSecretsInErrorsAreRedactedEverywhere(t *testing.T) {
	quietLog(t)
	c := quick("db", nil)
	base := serve(t, console.New(console.Config{Circuits: []*breaker.Circuit{c}}))
	fail(c, errors.New(`Get "https://bob:hunter2@api.example/v1?key=sk_live_1": connection refused`))
	_, _, snap := request(t, http.MethodGet, base+"snapshot", "")
	_, _, list := request(t, http.MethodGet, base+"events", "")
	r := open(t, base+"stream")
	for _, text := range []string{snap, list, r.until("snapshot").data, r.until("event").data} {
		assert.Contains(t, text, "connection refused")
		assert.Contains(t, text, "api.example/v1")
		for _, secret := range []string{"bob", "hunter2", "sk_live_1", "key"} {
			assert.NotContains(t, text, secret)
		}
	}
}

func TestRedactReplacesTheDefault(t *testing.T) {
	c := quick("db", nil)
	base := serve(t, console.New(console.Config{Circuits: []*breaker.Circuit{c}, Redact: func(string) string { return "an error" }}))
	fail(c, errDown)
	assert.Equal(t, "an error", snapshot(t, base).Circuits[0].Cause)
	assert.Equal(t, "an error", events(t, base, "")[0].Err)
}
