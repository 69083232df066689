package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/console"
	"github.com/ductile-go/ductile/examples/internal/shop"
	"github.com/ductile-go/ductile/observe"
	"github.com/ductile-go/ductile/policy"
)

// rhythm is how the page's outages come and go.
type rhythm struct {
	orders time.Duration // from one order to the next
	calm   time.Duration // before an outage, and after it
	outage time.Duration
}

var steady = rhythm{orders: 100 * time.Millisecond, calm: 12 * time.Second, outage: 10 * time.Second}

// maxOrders bounds the ledger: after so many orders, the first are repeated, and answered
// from what is stored.
const maxOrders = 1000

// page takes payments through one outage after another and serves the console of the
// checkout, until ctx ends.
func (w way) page(ctx context.Context, out io.Writer, url string, r rhythm) error {
	p := newProxy(url)
	defer p.Close()
	stats := observe.New(observe.Config{})
	checkout := w.open(p.URL, "sk_test_123", stats.Observe, nil)
	stats.Watch(checkout.Calls)
	c := console.New(console.Config{
		Stats:    stats,
		Circuits: []*breaker.Circuit{checkout.Circuit},
		Allow:    func(*http.Request, console.Action) error { return nil }, // a demo, on loopback
		Title:    "checkout",
	})
	srv := &http.Server{Handler: mounted(c), ReadHeaderTimeout: 5 * time.Second}
	srv.RegisterOnShutdown(c.Close)
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	fmt.Fprintf(out, "%s\n  http://%s/debug/ductile/\n  an outage of %v begins each %v; interrupt to end\n", w.title, l.Addr(), r.outage, r.calm+r.outage)

	trade(ctx, checkout, p, r)
	if err := srv.Shutdown(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	<-served
	return nil
}

// mounted serves the console where a program would have its debug pages.
func mounted(c *console.Console) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/debug/ductile/", http.StripPrefix("/debug/ductile", c))
	mux.Handle("/{$}", http.RedirectHandler("debug/ductile/", http.StatusFound))
	return mux
}

// trade takes orders until ctx ends, and pays those that were queued once Stripe is back.
func trade(ctx context.Context, c *shop.Checkout, p *proxy, r rhythm) {
	var orders sync.WaitGroup
	defer orders.Wait()
	begin := time.Now()
	for n := 0; ; n++ {
		p.setOutage(time.Since(begin)%(r.calm+r.outage) >= r.calm)
		if n%25 == 0 {
			p.inject(fault{delay: time.Second / 2}, unavailable)
		}
		due := []shop.Order{{ID: strconv.Itoa(n % maxOrders), Amount: 1900}}
		if c.Circuit.State() == breaker.Closed {
			due = append(due, c.Drain()...)
		}
		for _, o := range due {
			orders.Go(func() { _, _ = c.Pay(ctx, o) })
		}
		if policy.Sleep(ctx, nil, r.orders) != nil {
			return
		}
	}
}
