package ductilehttp

import (
	"bytes"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/keyed"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/ratelimit"
	"github.com/ductile-go/ductile/throttle"
)

// hostKey is a host in canonical spelling. If the URL already has that spelling, the
// strings are parts of the URL's, so a lookup allocates nothing.
type hostKey struct{ scheme, name, port string }

// String returns the host as in "https://api.example.com" or "http://[::1]:8080".
func (k hostKey) String() string {
	host := k.name
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if k.port != "" {
		host += ":" + k.port
	}
	return k.scheme + "://" + host
}

// hostOf returns the host of u: its scheme, name and port. The name is in lower case and in
// ASCII, without a trailing dot. An IP address is in its canonical form. The scheme's
// default port is omitted.
func hostOf(u *url.URL) hostKey {
	k := hostKey{strings.ToLower(u.Scheme), nameOf(u.Hostname()), u.Port()}
	if k.scheme == "http" && k.port == "80" || k.scheme == "https" && k.port == "443" {
		k.port = ""
	}
	return k
}

func nameOf(name string) string {
	if strings.Contains(name, ":") {
		if ip, err := netip.ParseAddr(name); err == nil {
			return ip.String()
		}
	}
	name = strings.ToLower(name)
	if len(name) > 1 {
		name = strings.TrimSuffix(name, ".")
	}
	for i := range len(name) {
		if name[i] >= utf8.RuneSelf {
			return punycode(name)
		}
	}
	return name
}

// punycode returns the ASCII form of an international name, as net/http writes it in a Host
// header. A name without an ASCII form is returned unchanged.
func punycode(name string) string {
	for _, dot := range []string{"\u3002", "\uff0e", "\uff61"} { // the dots of IDNA 2003
		name = strings.ReplaceAll(name, dot, ".")
	}
	var b bytes.Buffer
	r := &http.Request{Method: http.MethodGet, URL: &url.URL{Scheme: "http", Host: name, Path: "/"}}
	if r.Write(&b) != nil {
		return name
	}
	_, after, _ := strings.Cut(b.String(), "Host: ")
	if ascii, _, ok := strings.Cut(after, "\r\n"); ok && ascii != "" {
		return ascii
	}
	return name
}

// host is what a Transport knows about a host, and the pipelines of the calls to it.
type host struct {
	name     string
	circuit  *breaker.Circuit // nil if there is none, like the next four
	throttle *throttle.Throttle
	limiter  *ratelimit.Limiter
	gate     *bulkhead.Gate
	hedge    httpPolicy
	own      []keyed.Idler // those of circuit, throttle, limiter and gate that only this host uses
	calls    *calls
	derived  sync.Map // from *Transport, as With returns it, to *calls
	conns    connections
}

// Idle reports whether the host can be evicted without losing state.
func (h *host) Idle() bool {
	for _, part := range h.own {
		if !part.Idle() {
			return false
		}
	}
	return true
}

// pipeline returns the pipeline for an exchange of t.
func (h *host) pipeline(t *Transport, x *exchange) *pipeline.Pipeline[*http.Response] {
	if !t.derived {
		return h.calls.of(x)
	}
	own, ok := h.derived.Load(t)
	if !ok {
		own, _ = h.derived.LoadOrStore(t, t.compose(h.config(t.cfg), h))
	}
	return own.(*calls).of(x)
}
