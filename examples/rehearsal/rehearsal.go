package main

import (
	"context"
	"fmt"
	"time"

	"github.com/ductile-go/ductile/examples/internal/shop"
	"github.com/ductile-go/ductile/fake"
)

const (
	orders   = 40                     // of each rehearsal
	every    = 250 * time.Millisecond // the time from one customer to the next
	patience = 4 * time.Second        // how long a customer waits at most
)

// switches turns chaos on and off, and says in how many calls it acted.
type switches interface {
	On()
	Off()
	injected() int
}

// rehearsal breaks something and says what is to come of it.
type rehearsal struct {
	title  string
	on     string   // the dependency
	breaks breaking // nil: nothing
	from   int      // the chaos is on for the orders from this one
	until  int      // and before this one
	want   []expectation
}

// breaking makes the faults of a rehearsal.
type breaking func(seed uint64, clk *fake.Clock) (chaoses, switches)

// result is what came of a rehearsal.
type result struct {
	paid, queued, refused int           // orders, as the customer saw them
	unreserved            int           // of these, the ones that the stock did not reserve
	slowest               time.Duration // that a customer waited
	mailed                int           // orders whose mail went out at once
	injected              int           // faults, in all dependencies
	policies              counts        // of the dependency

	// After the chaos:
	unpaid int // orders that are not charged at the end
	twice  int // orders that were charged more than once
	unsent int // orders without a mail at the end
	again  int // orders with more than one mail
}

// run plays one rehearsal.
func (r rehearsal) run(ctx context.Context, cfg config) (got result) {
	clk := fake.NewClock(fake.AutoAdvance())
	var faults chaoses
	var turn switches
	if r.breaks != nil {
		faults, turn = r.breaks(cfg.seed, clk)
	}
	s := open(cfg, clk, faults)
	var placed []shop.Order
	for i := range orders {
		if turn != nil && i == r.from {
			turn.On()
		}
		if turn != nil && i == r.until {
			turn.Off()
		}
		o := shop.Order{ID: fmt.Sprintf("%02d", i+1), Amount: int64(100 * (i + 1))}
		placed = append(placed, o)
		s.serve(ctx, o, &got)
		_ = clk.Sleep(ctx, every)
	}
	if turn != nil {
		turn.Off()
		got.injected = turn.injected()
	}
	got.policies = *s.counts[r.on]
	s.catchUp(ctx)
	s.audit(placed, &got)
	return got
}

// serve takes the order of one customer.
func (s *store) serve(ctx context.Context, o shop.Order, got *result) {
	begun := s.clock.Now()
	if reserved, err := s.reserve(ctx, o); err != nil || !reserved {
		got.unreserved++
	}
	receipt, err := s.checkout.Pay(ctx, o)
	switch {
	case err != nil:
		got.refused++
	case receipt.Queued:
		got.queued++
	default:
		got.paid++
	}
	if err == nil {
		outbox := len(s.outbox)
		if s.confirm(ctx, o.ID); len(s.outbox) == outbox {
			got.mailed++
		}
	}
	got.slowest = max(got.slowest, s.clock.Now().Sub(begun))
}

// catchUp is what the shop does when its dependencies are back: it charges for the orders in
// the queue, and sends the mails of the outbox.
func (s *store) catchUp(ctx context.Context) {
	_ = s.clock.Sleep(ctx, time.Minute)
	for _, o := range s.checkout.Drain() {
		_, _ = s.checkout.Pay(ctx, o)
	}
	late := s.outbox
	s.outbox = nil
	for _, order := range late {
		s.confirm(ctx, order)
	}
}

// audit compares the books of Stripe and of the mail server with the orders.
func (s *store) audit(placed []shop.Order, got *result) {
	for _, o := range placed {
		switch n := s.stripe.charges[o.ID]; {
		case n == 0:
			got.unpaid++
		case n > 1:
			got.twice++
		}
		switch n := s.mailer.sent[o.ID]; {
		case n == 0:
			got.unsent++
		case n > 1:
			got.again++
		}
	}
}

// judge returns the expectations that did not hold, with what came instead.
func (r rehearsal) judge(got result) (faults []string) {
	for _, e := range append(always(), r.want...) {
		if came, ok := e.holds(got); !ok {
			faults = append(faults, fmt.Sprintf("expected %s; got %s", e.that, came))
		}
	}
	return faults
}
