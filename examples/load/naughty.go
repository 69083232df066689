package main

import (
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// naughty is a handler that does everything wrong, and counts what arrives.
type naughty struct {
	seen *sync.Map // of a call's attempt, to *arrivals
	n    *atomic.Int64
	h2   bool
}

// arrivals is what arrived of one attempt.
type arrivals struct {
	n        atomic.Int64
	bodyless bool
}

func newNaughty(h2 bool) naughty { return naughty{new(sync.Map), new(atomic.Int64), h2} }

func (h naughty) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	call := r.Header.Get(callHeader)
	id := call + "/" + r.Header.Get(attemptHeader)
	if r.Method == http.MethodPost && r.Header.Get("Idempotency-Key") == "" {
		id = call + "/POST" // once, whatever the attempt
	}
	bodyless := r.ContentLength == 0
	a, _ := h.seen.LoadOrStore(id, &arrivals{bodyless: bodyless})
	a.(*arrivals).n.Add(1)
	n := h.n.Add(1)
	if n%3 != 0 { // sometimes it answers before it has read
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
	switch n % 11 {
	case 1:
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, strings.Repeat("down ", 1000))
	case 3:
		panic(http.ErrAbortHandler)
	case 4: // stalls, for longer than an attempt may take
		select {
		case <-r.Context().Done():
		case <-time.After(300 * time.Millisecond):
		}
		panic(http.ErrAbortHandler)
	case 5: // lies about the length
		w.Header().Set("Content-Length", "1000")
		_, _ = io.WriteString(w, "short")
		flush()
		panic(http.ErrAbortHandler)
	case 6: // the end of the connection; over HTTP/2 a GOAWAY
		w.Header().Set("Connection", "close")
		_, _ = io.WriteString(w, "bye")
	case 7:
		http.Redirect(w, r, "/", http.StatusTemporaryRedirect)
	case 8: // drips
		for range 3 {
			_, _ = io.WriteString(w, "drip")
			flush()
			time.Sleep(5 * time.Millisecond)
		}
	case 9: // a body that stalls
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

// judge adds what arrived more often than it may, and returns how many requests did.
func (h naughty) judge(s *soaked) int64 {
	h.seen.Range(func(id, v any) bool {
		a := v.(*arrivals)
		most := int64(1)
		if h.h2 && a.bodyless && !strings.HasSuffix(id.(string), "/POST") {
			most = 2 // what a server that goes away has not looked at, net/http sends once more
		}
		if n := a.n.Load(); n > most {
			s.fault("%v arrived %d times", id, n)
		}
		return true
	})
	return h.n.Load()
}

// repeats is how many requests net/http may have repeated.
func (h naughty) repeats() (n int64) {
	h.seen.Range(func(_, v any) bool {
		if a := v.(*arrivals); h.h2 && a.bodyless {
			n += a.n.Load() - 1
		}
		return true
	})
	return n
}

// targets returns the ways to soak, and the proxies that are not installed.
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

// served starts a server of ours.
func served(name string, h2, overTLS bool) *target {
	h := newNaughty(h2)
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.EnableHTTP2 = h2
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
	return &target{name: name, url: s.URL, base: base, naughty: h, stop: func() {
		base.CloseIdleConnections()
		s.CloseClientConnections()
		s.Close()
	}}
}

// free returns a port that nothing listens on.
func free() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // closed at once
	if err != nil {
		return "", err
	}
	defer func() { _ = l.Close() }()
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, err
}
