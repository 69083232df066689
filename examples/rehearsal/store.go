package main

import (
	"context"
	"math/rand/v2"
	"net/http"
	"net/url"
	"time"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/ductilehttp"
	"github.com/ductile-go/ductile/examples/internal/shop"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// config is what the flags say.
type config struct {
	below, careless bool
	seed            uint64
}

// chaoses are the faults of each dependency; nil means none.
type chaoses struct {
	stock, stripe policy.Policy[*http.Response]
	mail          policy.Policy[any]
}

// store is the shop with its dependencies and their policies.
type store struct {
	clock    *fake.Clock
	rand     func() float64 // spreads delays
	stripe   *stripe
	mailer   *mailer
	counts   map[string]*counts // by dependency
	stock    *pipeline.Pipeline[bool]
	client   *ductilehttp.Client
	checkout *shop.Checkout
	mail     *pipeline.Pipeline[any]
	outbox   []string // orders whose mail follows
}

func open(cfg config, clk *fake.Clock, faults chaoses) *store {
	s := &store{
		clock: clk, rand: rand.New(rand.NewPCG(cfg.seed, 0)).Float64, //nolint:gosec // to repeat, not a secret
		stripe: &stripe{charges: map[string]int{}}, mailer: &mailer{clock: clk, sent: map[string]int{}},
		counts: map[string]*counts{"stock": {}, "stripe": {}, "mail": {}},
	}
	s.openStock(faults.stock)
	s.openCheckout(cfg, faults.stripe)
	s.openMail(faults.mail)
	return s
}

// openStock makes the client of the stock: a JSON API by HTTP. An order that cannot be
// reserved is taken all the same.
func (s *store) openStock(chaos policy.Policy[*http.Response]) {
	transport := ductilehttp.NewTransport(ductilehttp.Config{
		Base: double{s.clock, 30 * time.Millisecond, func(*http.Request, url.Values) *shop.Answer { return ok(`{"reserved": true}`) }},
		Retry: retry.Config{
			BaseDelay: 50 * time.Millisecond, MaxDelay: 200 * time.Millisecond, MaxRetryAfter: 2 * time.Second, Rand: s.rand,
		},
		Circuits:       breaker.Config{FailureThreshold: 5, RecoveryTimeout: 2 * time.Second},
		AttemptTimeout: 300 * time.Millisecond, TotalTimeout: time.Second,
		Observer: s.counts["stock"].observe, Chaos: chaos, Clock: s.clock,
	})
	s.client = ductilehttp.NewClient(ductilehttp.ClientConfig{BaseURL: "http://stock.example", Base: transport})
	s.stock = pipeline.New(policy.FallbackValue(false))
}

func (s *store) reserve(ctx context.Context, o shop.Order) (reserved bool, err error) {
	return s.stock.Do(ctx, func(ctx context.Context) (bool, error) {
		var answer struct{ Reserved bool }
		err := s.client.Put(ctx, "/reservations/"+o.ID, nil, &answer)
		return answer.Reserved, err
	})
}

// openCheckout opens the checkout of examples/checkout. A payment that Stripe does not take
// now is queued.
func (s *store) openCheckout(cfg config, chaos policy.Policy[*http.Response]) {
	where, observe, inside := shop.Above, s.counts["stripe"].observe, policy.Observer(nil)
	if cfg.below { // the policies are inside, and so are their events
		where, observe, inside = shop.Below, func(context.Context, policy.Event) {}, observe
	}
	s.checkout = where(shop.Config{
		URL: "http://stripe.example", APIKey: "sk_test_123", Observe: observe, Inside: inside, Clock: s.clock, Rand: s.rand,
		Base: double{s.clock, 80 * time.Millisecond, s.stripe.act}, Chaos: chaos, Careless: cfg.careless,
	})
}

// openMail makes the pipeline of mails, around a function that is no HTTP. A mail that is not
// taken now waits in the outbox.
func (s *store) openMail(chaos policy.Policy[any]) {
	policies := []policy.Policy[any]{
		retry.New[any](retry.Config{BaseDelay: 50 * time.Millisecond, Clock: s.clock, Rand: s.rand}),
		breaker.New[any](breaker.NewCircuit(breaker.Config{Name: "mail", RecoveryTimeout: 5 * time.Second, Clock: s.clock})),
		policy.NewTimeout[any](policy.TimeoutConfig{After: 200 * time.Millisecond, Clock: s.clock}),
	}
	if chaos != nil {
		policies = append(policies, chaos)
	}
	s.mail = pipeline.New(policies...).WithName("mail").WithObserver(s.counts["mail"].observe)
}

func (s *store) confirm(ctx context.Context, order string) {
	if err := pipeline.Exec(ctx, s.mail, func(ctx context.Context) error { return s.mailer.send(ctx, order) }); err != nil {
		s.outbox = append(s.outbox, order)
	}
}

// counts are what the policies of a dependency did.
type counts struct {
	retries, timeouts, rejected, opened int
}

func (c *counts) observe(_ context.Context, e policy.Event) {
	switch e.Kind {
	case policy.Retried:
		c.retries++
	case policy.TimedOut:
		c.timeouts++
	case policy.Rejected:
		c.rejected++
	case policy.StateChanged:
		if e.To == breaker.Open.String() {
			c.opened++
		}
	}
}
