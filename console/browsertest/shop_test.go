package browsertest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"testing"
	"time"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/console"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/observe"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/ratelimit"
	"github.com/ductile-go/ductile/retry"
)

// shop is a program with a few pipelines in the middle of an outage: the page of docs/.
type shop struct {
	t        *testing.T
	clk      *fake.Clock
	stripe   *breaker.Circuit
	search   *breaker.Circuit
	mail     *breaker.Circuit
	ledger   *breaker.Circuit
	charge   *pipeline.Pipeline[int]
	find     *pipeline.Pipeline[int]
	notify   *pipeline.Pipeline[int]
	reports  *bulkhead.Gate
	release  []func()
	calls    int
	stripeUp bool
	console  *console.Console
}

var errStripe = &url.Error{
	Op: "Post", URL: "https://sk_live_51H:@api.stripe.example/v1/charges?expand=customer",
	Err: errors.New("dial tcp 203.0.113.7:443: connect: connection refused"),
}

func newShop(t *testing.T) *shop {
	clk := fake.NewClock(fake.At(time.Now().Add(-15 * time.Minute)))
	s := &shop{t: t, clk: clk, stripeUp: true}
	circuit := func(cfg breaker.Config) *breaker.Circuit {
		cfg.Clock = clk
		return breaker.NewCircuit(cfg)
	}
	s.stripe = circuit(breaker.Config{Name: "stripe", FailureThreshold: 5, RecoveryTimeout: 60 * time.Second})
	s.search = circuit(breaker.Config{Name: "search", FailureRate: 0.5, Window: time.Minute})
	s.mail = circuit(breaker.Config{Name: "mail", FailureThreshold: 3, RecoveryTimeout: 5 * time.Second})
	s.ledger = circuit(breaker.Config{Name: "ledger", FailureRate: 0.25, WindowCalls: 100})
	stats := observe.New(observe.Config{Clock: clk})
	budget := retry.NewBudget(retry.BudgetConfig{Name: "retries", MinPerSecond: 2, Clock: clk})
	retries := func(name string) *retry.Retry[int] {
		return retry.New[int](retry.Config{Name: name, Backoff: retry.Constant(0), Budget: budget, Clock: clk})
	}
	s.charge = pipeline.New(policy.FallbackValue(0), retries(""), breaker.New[int](s.stripe), policy.Timeout[int](10*time.Second)).WithName("charge")
	s.find = pipeline.New(retries(""), breaker.New[int](s.search)).WithName("search")
	s.reports = bulkhead.NewGate(bulkhead.Config{Name: "reports", Limit: 10, MaxQueue: 20, Clock: clk})
	limiter := ratelimit.NewLimiter(ratelimit.Config{Name: "mail", Limit: 100, Burst: 20, Clock: clk})
	s.notify = pipeline.New(ratelimit.New[int](limiter)).WithName("notify")
	for _, p := range []**pipeline.Pipeline[int]{&s.charge, &s.find, &s.notify} {
		*p = (*p).WithObserver(stats.Observe)
		stats.Watch(*p)
	}
	stats.Watch(s.stripe, s.reports, limiter, budget)
	s.console = console.New(console.Config{
		Stats: stats, Circuits: []*breaker.Circuit{s.stripe, s.search, s.mail, s.ledger}, Clock: clk,
		Title: "shop", Instance: "shop-7d9f8b5c4-x2x7q", Allow: allow,
	})
	t.Cleanup(func() {
		for _, release := range s.release {
			release()
		}
	})
	return s
}

// second is a second of the shop's life.
func (s *shop) second() {
	ctx := context.Background()
	takes := func(ms int, err error) policy.Func[int] {
		return func(context.Context) (int, error) {
			s.clk.Advance(time.Duration(ms) * time.Microsecond)
			return 1, err
		}
	}
	for range 12 + s.calls/40%9 {
		s.calls++
		var err error
		if !s.stripeUp {
			err = errStripe
		}
		_, _ = s.charge.Do(ctx, takes(80+s.calls%37*s.calls%11, err))
		err = nil
		if s.calls%19 == 0 {
			err = errors.New("search: shard 3 is not ready")
		}
		_, _ = s.find.Do(ctx, takes(20+s.calls%13, err))
	}
	_, _ = s.notify.Do(ctx, takes(200, nil))
}

// outage plays a quarter of an hour that ends in one.
func (s *shop) outage() {
	for range 9 * 6 {
		s.clk.Advance(10 * time.Second)
		s.second()
	}
	s.stripeUp = false
	s.second()
	s.clk.Advance(90 * time.Second)
	s.stripeUp = true
	s.second()
	s.clk.Advance(90 * time.Second)
	for range 3 {
		call(s.mail, errors.New("421 service not available, closing transmission channel"))
	}
	s.clk.Advance(6 * time.Second)
	_, err := s.mail.Acquire() // a probe that is out
	require.NoError(s.t, err)
	s.ledger.Isolate("the ledger moves to another zone")
	for range 8 {
		place, err := s.reports.Acquire(context.Background())
		require.NoError(s.t, err)
		s.release = append(s.release, func() { place.Release() })
	}
	for range 4 {
		s.clk.Advance(10 * time.Second)
		s.second()
	}
}

func TestThePageOfAShopInAnOutage(t *testing.T) {
	s := newShop(t)
	s.outage()
	p := visit(t, serve(t, s.console), desktop, false)
	for i := range 30 {
		if i == 20 {
			s.stripeUp = false
		}
		s.second()
		pass(t, s.clk, time.Second)
		p.wait(fmt.Sprintf(`document.querySelector('#pipelines li').item.past.length > %d`, i))
	}
	p.shows("#verdict", "2 circuits refuse calls, 1 is being tried")
	p.shows("#trouble", "Refuses all calls: 5 failures in a row, the last: Post \"https://...@api.stripe.example/v1/charges?...\": dial tcp 203.0.113.7:443: connect: connection refused.")
	p.shows("#trouble", "Lets a few probes through")
	p.shows(`#pipelines li[data-name=charge]`, "fallback > retry(3) > breaker(stripe) > timeout(10s)")
	p.shows(`#pipelines li[data-name=charge]`, "by stripe (open)")
	p.shows("#limits", "8 of 10")
	p.click(`li[data-name=mail] summary`)
	p.shows(`li[data-name=mail] dl`, "probes in flight")
	p.click(`li[data-name=mail] summary`)
	assert.Contains(t, eval[string](p, `document.querySelector('#pipelines path').getAttribute('d')`), "L")
	for _, look := range looks {
		p.screen(look.size, look.dark)
		wide := eval[[]int64](p, `[innerWidth, document.documentElement.scrollWidth]`)
		assert.LessOrEqual(t, wide[1], wide[0], "the page scrolls sideways")
		if look.size == desktop {
			p.screen(size{Width: 1200, Height: 1180}, look.dark)
		}
		p.do(scrollTo(0))
		p.shot("console-" + look.name)
	}
	p.quiet()
	_, err := chromedp.Call(p.ctx, page.SetBypassCSP, page.SetBypassCSPParams{Enabled: true})
	require.NoError(t, err)
	for _, look := range looks {
		p.screen(look.size, look.dark)
		p.do(chromedp.Reload())
		p.shows(`#pipelines li[data-name=charge]`, "fallback > retry(3) > breaker(stripe) > timeout(10s)")
		p.shows("#limits", "8 of 10")
		p.axe("the shop, " + look.name)
	}
}
