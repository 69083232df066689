package main

import (
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
	"sync/atomic"
)

// ledger records what both ends know about each attempt, so that they can be compared one
// by one. An attempt is identified by its call, its number, and the path of its URL, which
// redirects change.
type ledger struct {
	mu       sync.Mutex
	attempts map[string]*entry
}

// entry is one attempt.
type entry struct {
	made     bool        // the client made it
	written  atomic.Bool // its header was written; httptrace reports it on goroutines of net/http
	heard    atomic.Bool // its response has begun
	arrived  int         // how often it arrived
	bodyless bool
	keyless  bool // a POST that must not be repeated
}

func newLedger() *ledger { return &ledger{attempts: map[string]*entry{}} }

func (l *ledger) entry(r *http.Request) *entry {
	id := r.Header.Get(callHeader) + r.URL.Path + "#" + r.Header.Get(attemptHeader)
	e := l.attempts[id]
	if e == nil {
		e = &entry{}
		l.attempts[id] = e
	}
	return e
}

// prepare records an attempt that is about to be sent, and traces it.
func (l *ledger) prepare(r *http.Request, _ int) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.entry(r)
	e.made = true
	*r = *r.WithContext(httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{
		WroteHeaders:         func() { e.written.Store(true) },
		GotFirstResponseByte: func() { e.heard.Store(true) },
	}))
	return nil
}

// arrive records an attempt that reached the server.
func (l *ledger) arrive(r *http.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.entry(r)
	e.arrived++
	e.bodyless = r.ContentLength == 0
	e.keyless = r.Method == http.MethodPost && r.Header.Get("Idempotency-Key") == ""
}

// balance counts attempts, adds those that the server cannot have received or cannot have
// missed, and reports disagreements.
func (l *ledger) balance(s *soaked, tg *target) {
	l.mu.Lock()
	defer l.mu.Unlock()
	posts := map[string]int{}
	for id, e := range l.attempts {
		s.attempts++
		s.arrived += int64(e.arrived)
		most := 1
		if tg.h2 && e.bodyless && !e.keyless {
			most = 2 // net/http repeats once what a server that goes away has not processed
		}
		switch {
		case !e.made:
			s.fault("%s arrived but was not an attempt", id)
		case e.arrived > most:
			s.fault("%s arrived %d times", id, e.arrived)
		case !e.written.Load():
			s.unsent++
			if e.arrived > 0 {
				s.fault("%s arrived but was not written", id)
			}
		case e.arrived == 0:
			s.lost++
			if e.heard.Load() && !tg.proxied { // a proxy may answer by itself
				s.fault("%s was answered but did not arrive", id)
			}
		default:
			s.repeated += int64(e.arrived - 1)
		}
		if e.keyless {
			call, _, _ := strings.Cut(id, "#")
			if posts[call] += e.arrived; posts[call] == 2 {
				s.fault("%s, a POST without a key, arrived twice", call)
			}
		}
	}
	if s.attempts-s.unsent-s.lost+s.repeated != s.arrived {
		s.fault("%d attempts: %d not sent, %d lost, %d repeated, but %d arrived",
			s.attempts, s.unsent, s.lost, s.repeated, s.arrived)
	}
}
