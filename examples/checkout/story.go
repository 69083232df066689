package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/examples/internal/shop"
	"github.com/ductile-go/ductile/policy"
)

// scene is one order, the faults it meets, and the expected result.
type scene struct {
	title  string
	faults []fault
	order  shop.Order
	end    end
	reach  int // requests that reach the server
	state  breaker.State
}

// end is how a call ends for the customer.
type end string

const (
	paid    end = "paid"
	queued  end = "queued"
	refused end = "refused"
)

func status(code int, kind string) fault { return fault{status: code, kind: kind} }

var unavailable = status(http.StatusServiceUnavailable, "api_error")

// scenes before the outage.
var scenes = []scene{
	{"a quiet day", nil, shop.Order{ID: "coffee", Amount: 450}, paid, 1, breaker.Closed},
	{"two 503s in a row", []fault{unavailable, unavailable}, shop.Order{ID: "teapot", Amount: 3200}, paid, 3, breaker.Closed},
	{"the connection breaks", []fault{{reset: true}}, shop.Order{ID: "kettle", Amount: 5900}, paid, 2, breaker.Closed},
	{"charged, but the answer is late", []fault{{delay: 3 * time.Second}}, shop.Order{ID: "grinder", Amount: 12900}, paid, 2, breaker.Closed},
	{"charged, but the answer is lost", []fault{{lost: true}}, shop.Order{ID: "whisk", Amount: 800}, paid, 2, breaker.Closed},
	{"charged, but the answer breaks off", []fault{{cut: true}}, shop.Order{ID: "mill", Amount: 8900}, paid, 2, breaker.Closed},
	{"the card is declined", []fault{status(http.StatusPaymentRequired, "card_error")}, shop.Order{ID: "espresso", Amount: 99900}, refused, 1, breaker.Closed},
	{"the shop forgets the amount", nil, shop.Order{ID: "nothing", Amount: 0}, refused, 1, breaker.Closed},
	{"another request holds the key", []fault{status(http.StatusConflict, "idempotency_error")}, shop.Order{ID: "filter", Amount: 700}, paid, 2, breaker.Closed},
	{"too many requests, back in 1 s", []fault{{status: http.StatusTooManyRequests, kind: "invalid_request_error", header: [2]string{"Retry-After", "1"}}}, shop.Order{ID: "scale", Amount: 4100}, paid, 2, breaker.Closed},
	{"a 500 that must not be repeated", []fault{{status: http.StatusInternalServerError, kind: "api_error", header: [2]string{"Stripe-Should-Retry", "false"}}}, shop.Order{ID: "saucer", Amount: 600}, refused, 1, breaker.Closed},
	{"a 400 that may be", []fault{{status: http.StatusBadRequest, kind: "invalid_request_error", header: [2]string{"Stripe-Should-Retry", "true"}}}, shop.Order{ID: "spoon", Amount: 300}, paid, 2, breaker.Closed},
}

// outage returns the scenes while no request gets through: five failures that count open
// the circuit, and later orders are not sent.
func (w way) outage() []scene {
	return []scene{
		{"nothing gets through", nil, shop.Order{ID: "mug", Amount: 1100}, queued, 3, breaker.Closed},
		{"and the circuit opens", nil, shop.Order{ID: "jug", Amount: 1900}, queued, 2 + w.idled, breaker.Open},
		{"so Stripe is left alone", nil, shop.Order{ID: "tray", Amount: 2500}, queued, 0, breaker.Open},
	}
}

// show plays scenes, writes the timeline and collects what went wrong.
type show struct {
	way    way
	log    *timeline
	proxy  *proxy
	shop   *shop.Checkout
	orders []shop.Order
	faults []string
}

// maxLines is how many lines fit on a few screens.
const maxLines = 100

// tell plays the whole story against the mock server at url.
func (w way) tell(ctx context.Context, out io.Writer, colour palette, url string) error {
	s := &show{way: w, log: newTimeline(out, colour), proxy: newProxy(url)}
	defer s.proxy.Close()
	s.shop = w.open(s.proxy.URL, "sk_test_123", s.log.observe, nil)
	fmt.Fprintf(s.log, "%s\n  pipeline %s\n  backend  %s\n\n", w.title, s.shop.Calls, w.backend)

	for _, sc := range scenes {
		s.play(ctx, sc)
	}
	s.badKey(ctx)
	s.proxy.setOutage(true)
	for _, sc := range w.outage() {
		s.play(ctx, sc)
	}
	s.proxy.setOutage(false)
	s.recover(ctx)
	return s.judge()
}

// play runs one scene and compares the result with the expected one.
func (s *show) play(ctx context.Context, sc scene) {
	s.log.scene(sc.order, sc.title)
	s.proxy.inject(sc.faults...)
	before := s.proxy.seen(sc.order.Key()).Requests
	r, err := s.shop.Pay(ctx, sc.order)
	s.orders = append(s.orders, sc.order)
	got := ended(r, err)
	s.expect(got == sc.end, "%s: order %s was %s, want %s (%v)", sc.title, sc.order.ID, got, sc.end, err)
	reached := s.proxy.seen(sc.order.Key()).Requests - before
	s.expect(reached == sc.reach, "%s: %d requests reached the server, want %d", sc.title, reached, sc.reach)
	state := s.shop.Circuit.State()
	s.expect(state == sc.state, "%s: the circuit is %s, want %s", sc.title, state, sc.state)
	s.log.ended(got)
}

func (s *show) expect(ok bool, format string, args ...any) {
	if !ok {
		s.faults = append(s.faults, fmt.Sprintf(format, args...))
	}
}

func ended(r shop.Receipt, err error) end {
	switch {
	case err != nil:
		return refused
	case r.Queued:
		return queued
	}
	return paid
}

// badKey pays with a key that the mock server itself rejects.
func (s *show) badKey(ctx context.Context) {
	good := s.shop
	s.shop = s.way.open(s.proxy.URL, "not-a-key", s.log.observe, nil)
	s.play(ctx, scene{"the API key is wrong", nil, shop.Order{ID: "cup", Amount: 900}, refused, 1, breaker.Closed})
	counts := s.shop.Circuit.Snapshot().Counts
	s.expect(counts.Failures == 0 && int(counts.Ignored) == s.way.ignored, "a bad key counted as %+v, want no failure", counts)
	s.shop = good
}

// recover waits until the circuit admits a probe, and pays the queued orders.
func (s *show) recover(ctx context.Context) {
	wait := s.shop.Circuit.Snapshot().RetryAfter
	fmt.Fprintf(s.log, "        Stripe is back; its circuit stays open for another %v\n", wait.Round(10*time.Millisecond))
	if err := policy.Sleep(ctx, nil, wait); err != nil {
		s.expect(false, "recovery: %v", err)
		return
	}
	queue := s.shop.Drain()
	s.expect(len(queue) == len(s.way.outage()), "%d orders are queued, want %d", len(queue), len(s.way.outage()))
	for _, o := range queue {
		s.play(ctx, scene{"is paid from the queue", nil, o, paid, 1, breaker.Closed})
	}
}

// judge writes the totals and the table of charges, and returns an error that lists what
// went wrong.
func (s *show) judge() error {
	n := s.log.counts()
	fmt.Fprintf(s.log, "\ncalls %d, attempts %d, retries %d, timeouts %d, fallbacks %d, rejected without a request %d, circuit transitions %d\n\n",
		n.calls, n.attempts, n.retries, n.timeouts, n.fallbacks, n.rejected, n.moves)
	requests := s.charges()
	for _, o := range []shop.Order{{ID: "grinder"}, {ID: "whisk"}, {ID: "mill"}} {
		e := s.proxy.seen(o.Key())
		s.expect(e.Requests == 2 && e.Charges == 1 && e.Replays == 1, "the answer to %s was not replayed: %+v", o.ID, e)
	}
	s.expect(n.attempts == requests, "%d attempts, and the server saw %d requests", n.attempts, requests)
	s.expect(n.rejected == 1, "%d orders were rejected, want only tray", n.rejected)
	s.expect(n.moves == s.way.moves, "%d state changes, want %d", n.moves, s.way.moves)
	s.expect(s.log.written() < maxLines, "the story has %d lines, want at most %d", s.log.written()+1, maxLines)

	if len(s.faults) > 0 {
		return fmt.Errorf("not as expected:\n  %s", strings.Join(s.faults, "\n  "))
	}
	fmt.Fprintln(s.log, "\nevery expectation held; no order was charged twice")
	return nil
}

// charges writes what the server saw of each idempotency key, and returns how many
// requests that were.
func (s *show) charges() (requests int) {
	w := tabwriter.NewWriter(s.log, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "idempotency key\trequests\treplayed\tcharges")
	shown := map[string]bool{}
	for _, o := range s.orders {
		if shown[o.ID] {
			continue
		}
		shown[o.ID] = true
		e := s.proxy.seen(o.Key())
		requests += e.Requests
		s.expect(e.Charges <= 1, "key %s was charged %d times", o.Key(), e.Charges)
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\n", o.Key(), e.Requests, e.Replays, e.Charges)
	}
	_ = w.Flush()
	return requests
}
