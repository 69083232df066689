package main

import (
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
	"sync/atomic"
)

// ledger is what both ends know about each attempt, so that they can be compared one by
// one. An attempt is named by its call, its URL's path, which redirects change, and its
// number.
type ledger struct {
	mu       sync.Mutex
	attempts map[string]*entry
}

// entry is one attempt.
type entry struct {
	made     bool        // by the client
	written  atomic.Bool // its header was; httptrace says so on goroutines of net/http
	heard    atomic.Bool // the answer to it has begun
	arrived  int         // how often
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

// prepare notes an attempt that is about to be sent, and follows it.
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

// arrive notes an attempt that the server got.
func (l *ledger) arrive(r *http.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.entry(r)
	e.arrived++
	e.bodyless = r.ContentLength == 0
	e.keyless = r.Method == http.MethodPost && r.Header.Get("Idempotency-Key") == ""
}

// balance counts attempts, and those that the server cannot have got or cannot have
// missed, and adds what does not agree.
func (l *ledger) balance(s *soaked, tg *target) {
	l.mu.Lock()
	defer l.mu.Unlock()
	posts := map[string]int{}
	for id, e := range l.attempts {
		s.attempts++
		s.arrived += int64(e.arrived)
		most := 1
		if tg.h2 && e.bodyless && !e.keyless {
			most = 2 // what a server that goes away has not looked at, net/http sends once more
		}
		switch {
		case !e.made:
			s.fault("%s arrived, and was no attempt", id)
		case e.arrived > most:
			s.fault("%s arrived %d times", id, e.arrived)
		case !e.written.Load():
			s.unsent++
			if e.arrived > 0 {
				s.fault("%s arrived, and was not written", id)
			}
		case e.arrived == 0:
			s.lost++
			if e.heard.Load() && !tg.proxied { // a proxy answers by itself
				s.fault("%s was answered, and did not arrive", id)
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
		s.fault("%d attempts, %d of them not sent, %d lost on their way, %d repeated, and %d arrived",
			s.attempts, s.unsent, s.lost, s.repeated, s.arrived)
	}
}
