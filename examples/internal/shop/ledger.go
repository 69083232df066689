package shop

import (
	"fmt"
	"net/http"
	"sync"
)

// Ledger does for a double of Stripe what Stripe does with idempotency keys: it stores the
// response to a key and returns it for every repeated request. The zero Ledger is empty. It is
// safe for concurrent use.
type Ledger struct {
	mu      sync.Mutex
	entries map[string]*Entry
}

// Entry is what the server saw for one idempotency key.
type Entry struct {
	Requests, Charges, Replays int

	busy   bool // a request with this key is being answered
	stored *Answer
}

// Answer is a response.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Arrived counts a request.
func (l *Ledger) Arrived(key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entry(key).Requests++
}

// Seen returns what the server saw for a key.
func (l *Ledger) Seen(key string) Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	return *l.entry(key)
}

// Charges returns the number of charges of all keys.
func (l *Ledger) Charges() (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.entries {
		n += e.Charges
	}
	return n
}

func (l *Ledger) entry(key string) *Entry {
	if l.entries == nil {
		l.entries = map[string]*Entry{}
	}
	if l.entries[key] == nil {
		l.entries[key] = &Entry{}
	}
	return l.entries[key]
}

// Answer returns the response stored for the key, or calls charge and stores its response.
// While a key's first request is in flight, Answer refuses others with that key, as Stripe
// does.
func (l *Ledger) Answer(key string, charge func() *Answer) *Answer {
	l.mu.Lock()
	e := l.entry(key)
	switch {
	case e.stored != nil:
		e.Replays++
		l.mu.Unlock()
		return e.stored
	case e.busy:
		l.mu.Unlock()
		return Refusal(http.StatusConflict, "idempotency_error")
	}
	e.busy = true
	l.mu.Unlock()

	a := charge()

	l.mu.Lock()
	defer l.mu.Unlock()
	e.busy = false
	if a.Status == http.StatusOK {
		e.Charges++
		e.stored = a
	}
	return a
}

// Refusal is a response in the API's own format, with the error's type.
func Refusal(status int, kind string) *Answer {
	return &Answer{
		Status: status, Header: http.Header{"Content-Type": {"application/json"}},
		Body: fmt.Appendf(nil, `{"error": {"type": %q, "message": "injected: %s"}}`, kind, http.StatusText(status)),
	}
}
