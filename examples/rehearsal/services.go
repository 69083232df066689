package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/ductile-go/ductile/examples/internal/shop"
	"github.com/ductile-go/ductile/policy"
)

// double stands for a service: it is a RoundTripper without a network. It acts first and
// answers after a time.
type double struct {
	clock policy.Clock
	takes time.Duration
	act   func(r *http.Request, body url.Values) *shop.Answer
}

func (d double) RoundTrip(r *http.Request) (*http.Response, error) {
	body := url.Values{}
	if r.Body != nil {
		text, err := io.ReadAll(r.Body)
		_ = r.Body.Close()
		if err != nil {
			return nil, err
		}
		if body, err = url.ParseQuery(string(text)); err != nil {
			return nil, err
		}
	}
	a := d.act(r, body)
	if err := policy.Sleep(r.Context(), d.clock, d.takes); err != nil {
		return nil, err
	}
	return answer(a), nil
}

func answer(a *shop.Answer) *http.Response {
	return &http.Response{
		StatusCode: a.Status, Status: strconv.Itoa(a.Status) + " " + http.StatusText(a.Status),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: a.Header.Clone(),
		ContentLength: int64(len(a.Body)), Body: io.NopCloser(bytes.NewReader(a.Body)),
	}
}

// ok is a response in JSON.
func ok(format string, args ...any) *shop.Answer {
	return &shop.Answer{
		Status: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: fmt.Appendf(nil, format, args...),
	}
}

// stripe is a double of Stripe. It charges once for each key, and counts the charges of each
// order.
type stripe struct {
	ledger shop.Ledger

	mu      sync.Mutex
	charges map[string]int // by order
}

func (s *stripe) act(r *http.Request, body url.Values) *shop.Answer {
	key, order := r.Header.Get("Idempotency-Key"), body.Get("metadata[order]")
	s.ledger.Arrived(key)
	return s.ledger.Answer(key, func() *shop.Answer {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.charges[order]++
		return ok(`{"id": "pi_%s", "object": "payment_intent"}`, order)
	})
}

// mailer is a double of a mail server.
type mailer struct {
	clock policy.Clock
	sent  map[string]int // by order
}

func (m *mailer) send(ctx context.Context, order string) error {
	if err := policy.Sleep(ctx, m.clock, 20*time.Millisecond); err != nil {
		return err
	}
	m.sent[order]++
	return nil
}
