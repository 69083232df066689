package main

import (
	"context"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

// backend is what the service calls: payments, a search, and partners that get deliveries.
type backend struct {
	pay      atomic.Int32 // how payments are: flaky, down or up
	payments atomic.Int64
	searches atomic.Int64
	requests atomic.Int64
	lost     atomic.Int64 // requests to the partner that never answers well
}

// How payments are. A flaky one fails one of 10.
const (
	flaky int32 = iota
	down
	up
)

// lost is the partner that never answers well.
const lost = "initech"

func (b *backend) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.requests.Add(1)
	if b.fails(r.URL.Path) {
		http.Error(w, "out of order", http.StatusServiceUnavailable)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// fails reports whether a request fails. One of 20 searches does.
func (b *backend) fails(path string) bool {
	switch {
	case strings.HasPrefix(path, "/payments"):
		nth := b.payments.Add(1)
		return b.pay.Load() == down || b.pay.Load() == flaky && nth%10 == 0
	case strings.HasPrefix(path, "/search"):
		return b.searches.Add(1)%20 == 0
	}
	if path != "/partners/"+lost {
		return false
	}
	b.lost.Add(1)
	return true
}

// serve starts a server on loopback, with its address as Addr.
func serve(ctx context.Context, h http.Handler) (*http.Server, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &http.Server{Addr: l.Addr().String(), Handler: h, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = s.Serve(l) }()
	return s, nil
}
