package main

import (
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"time"
)

// naughty is a handler that misbehaves in every way, and counts the requests that arrive.
type naughty struct {
	ledger *ledger
	n      *atomic.Int64
	h2     bool
}

func newNaughty(h2 bool) naughty { return naughty{newLedger(), new(atomic.Int64), h2} }

func (h naughty) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.ledger.arrive(r)
	n := h.n.Add(1)
	if n%3 != 0 { // sometimes respond before reading
		call := r.Header.Get(callHeader)
		if b, err := io.ReadAll(r.Body); err == nil && len(b) > 0 && !strings.HasPrefix(string(b), call) {
			w.WriteHeader(http.StatusTeapot)
			return
		}
	}
	h.misbehave(w, r, n)
}

// misbehave answers the nth request in one of many ways.
func (h naughty) misbehave(w http.ResponseWriter, r *http.Request, n int64) {
	flush := func() { _ = http.NewResponseController(w).Flush() }
	switch n % 12 {
	case 0:
		if !h.h2 { // reset the connection; over HTTP/2, the stream
			hijackedReset(w)
		}
		panic(http.ErrAbortHandler)
	case 1:
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, strings.Repeat("down ", 1000))
	case 3:
		panic(http.ErrAbortHandler)
	case 4: // stall for longer than an attempt may take
		select {
		case <-r.Context().Done():
		case <-time.After(300 * time.Millisecond):
		}
		panic(http.ErrAbortHandler)
	case 5: // send a wrong length
		w.Header().Set("Content-Length", "1000")
		_, _ = io.WriteString(w, "short")
		flush()
		panic(http.ErrAbortHandler)
	case 6: // close the connection; over HTTP/2, send a GOAWAY
		w.Header().Set("Connection", "close")
		_, _ = io.WriteString(w, "bye")
	case 7:
		http.Redirect(w, r, r.URL.Path+"x", http.StatusTemporaryRedirect)
	case 8: // respond slowly
		for range 3 {
			_, _ = io.WriteString(w, "drip")
			flush()
			time.Sleep(5 * time.Millisecond)
		}
	case 9: // stall within the body
		_, _ = io.WriteString(w, "and then nothing")
		flush()
		select {
		case <-r.Context().Done():
		case <-time.After(300 * time.Millisecond):
		}
		panic(http.ErrAbortHandler)
	default:
		_, _ = io.WriteString(w, "ok")
	}
}

// hijackedReset resets an HTTP/1.1 connection.
func hijackedReset(w http.ResponseWriter) {
	c, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	if under, ok := c.(interface{ NetConn() net.Conn }); ok {
		c = under.NetConn()
	}
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = c.Close()
}

// targets returns the targets to soak, and the names of proxies that are not installed.
func targets() (all []*target, missing []string) {
	for _, p := range []struct {
		name    string
		h2, tls bool
	}{{"HTTP/1.1", false, false}, {"HTTP/1.1 TLS", false, true}, {"HTTP/2 TLS", true, true}, {"HTTP/2", true, false}} {
		all = append(all, served(p.name, p.h2, p.tls))
	}
	for _, proxy := range proxies {
		tg, err := proxy.start()
		if err != nil {
			missing = append(missing, proxy.name+" ("+err.Error()+")")
			continue
		}
		all = append(all, tg)
	}
	return all, missing
}

// served starts one of our servers.
func served(name string, h2, overTLS bool) *target {
	h := newNaughty(h2)
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.EnableHTTP2 = h2
	// Streams beyond the second are refused until a client has read this setting.
	s.Config.HTTP2 = &http.HTTP2Config{MaxConcurrentStreams: 2}
	var open atomic.Int64
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			open.Add(1)
		case http.StateClosed, http.StateHijacked:
			open.Add(-1)
		}
	}
	base := &http.Transport{}
	switch {
	case overTLS:
		s.StartTLS()
		base = s.Client().Transport.(*http.Transport)
	case h2:
		s.Config.Protocols = new(http.Protocols)
		s.Config.Protocols.SetUnencryptedHTTP2(true)
		base.Protocols = s.Config.Protocols
		s.Start()
	default:
		s.Start()
	}
	base.MaxIdleConnsPerHost = soakers
	return &target{name: name, url: s.URL, base: base, naughty: h, open: &open, stop: s.Close}
}

// free returns a port on which nothing listens.
func free() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // closed at once
	if err != nil {
		return "", err
	}
	defer func() { _ = l.Close() }()
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, err
}
