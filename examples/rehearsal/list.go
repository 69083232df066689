package main

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/ductile-go/ductile/chaos"
	"github.com/ductile-go/ductile/ductilehttp"
	"github.com/ductile-go/ductile/examples/internal/shop"
	"github.com/ductile-go/ductile/fake"
)

// overHTTP are the faults of a dependency by HTTP.
type overHTTP = *chaos.Injector[*http.Response]

// onStock makes f a fault of the stock, at a rate.
func onStock(f func(chaos.Config) overHTTP, rate float64) breaking {
	return func(seed uint64, clk *fake.Clock) (chaoses, switches) {
		p := chaos.Mix(f(chaos.Config{Name: "stock", Rate: rate, Seed: seed, Clock: clk}))
		return chaoses{stock: p}, one[*http.Response]{p}
	}
}

// onStripe makes f a fault of Stripe, at a rate.
func onStripe(f func(chaos.Config) overHTTP, rate float64) breaking {
	return func(seed uint64, clk *fake.Clock) (chaoses, switches) {
		p := chaos.Mix(f(chaos.Config{Name: "stripe", Rate: rate, Seed: seed, Clock: clk}))
		return chaoses{stripe: p}, one[*http.Response]{p}
	}
}

// onMail makes f a fault of the mail server, at a rate.
func onMail(f func(chaos.Config) *chaos.Injector[any], rate float64) breaking {
	return func(seed uint64, clk *fake.Clock) (chaoses, switches) {
		p := chaos.Mix(f(chaos.Config{Name: "mail", Rate: rate, Seed: seed, Clock: clk}))
		return chaoses{mail: p}, one[any]{p}
	}
}

func unavailable(cfg chaos.Config) overHTTP {
	return ductilehttp.ChaosStatus(cfg, http.StatusServiceUnavailable, time.Second)
}

// overloaded is a 503 in the format of Stripe's API.
func overloaded(cfg chaos.Config) overHTTP {
	return ductilehttp.ChaosResponse(cfg, func(*http.Request) *http.Response {
		resp := answer(shop.Refusal(http.StatusServiceUnavailable, "api_error"))
		resp.Header.Set("Retry-After", "1")
		return resp
	})
}

func slow(cfg chaos.Config) overHTTP {
	return chaos.Latency[*http.Response](cfg, func(context.Context) time.Duration { return 3 * time.Second })
}

func cut(cfg chaos.Config) overHTTP { return ductilehttp.ChaosCutBody(cfg, 10) }

func refused(cfg chaos.Config) *chaos.Injector[any] {
	return chaos.Fault[any](cfg, func(context.Context) error { return errors.New("421 service not available") })
}

func hanging(cfg chaos.Config) *chaos.Injector[any] {
	return chaos.Latency[any](cfg, func(context.Context) time.Duration { return time.Minute })
}

// everything breaks all dependencies a little, at once, in every way.
func everything(seed uint64, clk *fake.Clock) (chaoses, switches) {
	cfg := func(name string, rate float64) chaos.Config {
		seed++
		return chaos.Config{Name: name, Rate: rate, Seed: seed, Clock: clk}
	}
	web := func(name string, refuse func(chaos.Config) overHTTP) *chaos.Mixture[*http.Response] {
		return chaos.Mix(
			refuse(cfg(name, 0.03)), ductilehttp.ChaosReset(cfg(name, 0.03)), ductilehttp.ChaosLostAnswer(cfg(name, 0.03)),
			cut(cfg(name, 0.03)), slow(cfg(name, 0.03)),
		)
	}
	stock, stripe := web("stock", unavailable), web("stripe", overloaded)
	mail := chaos.Mix(refused(cfg("mail", 0.1)), hanging(cfg("mail", 0.05)))
	return chaoses{stock: stock, stripe: stripe, mail: mail}, all{one[*http.Response]{stock}, one[*http.Response]{stripe}, one[any]{mail}}
}

// one is the switches of a mixture.
type one[T any] struct{ *chaos.Mixture[T] }

func (o one[T]) injected() (n int) {
	for _, s := range o.Snapshot() {
		n += int(s.Injected)
	}
	return n
}

// all are switches that are turned together.
type all []switches

func (a all) On() {
	for _, s := range a {
		s.On()
	}
}

func (a all) Off() {
	for _, s := range a {
		s.Off()
	}
}

func (a all) injected() (n int) {
	for _, s := range a {
		n += s.injected()
	}
	return n
}

// rehearsals are the list. Change it to what you are afraid of. What is expected holds for
// every seed.
var rehearsals = []rehearsal{
	{
		title: "nothing is broken", on: "stripe",
		want: []expectation{faults(0, 0), paidAtOnce(orders, orders), reserved(orders, orders), mailedAtOnce(orders, orders)},
	},
	{
		title: "stock: 30 % of the requests get a 503, back in 1 s", on: "stock", breaks: onStock(unavailable, 0.3), until: orders,
		want: []expectation{faults(1, orders), paidAtOnce(orders, orders), reserved(orders/2, orders-1)}, // there is no time to wait
	},
	{
		title: "stock: 30 % of the answers take 3 s", on: "stock", breaks: onStock(slow, 0.3), until: orders,
		want: []expectation{timeouts(1, orders), paidAtOnce(orders, orders), reserved(orders/2, orders)},
	},
	{
		title: "stock: down for 20 orders", on: "stock", breaks: onStock(ductilehttp.ChaosReset, 1), from: 10, until: 30,
		want: []expectation{faults(5, 20), openings(1, 5), paidAtOnce(orders, orders), reserved(orders-25, orders-20)},
	},
	{
		title: "stripe: 20 % of the requests get a 503, back in 1 s", on: "stripe", breaks: onStripe(overloaded, 0.2), until: orders,
		want: []expectation{faults(1, orders), paidAtOnce(orders-4, orders)},
	},
	{
		title: "stripe: 30 % of the connections break", on: "stripe", breaks: onStripe(ductilehttp.ChaosReset, 0.3), until: orders,
		want: []expectation{faults(1, orders), paidAtOnce(orders-8, orders)},
	},
	{
		title: "stripe: 30 % of the answers are lost, after the charge", on: "stripe", breaks: onStripe(ductilehttp.ChaosLostAnswer, 0.3), until: orders,
		want: []expectation{faults(1, orders), paidAtOnce(orders-8, orders)},
	},
	{
		title: "stripe: 30 % of the answers break off", on: "stripe", breaks: onStripe(cut, 0.3), until: orders,
		want: []expectation{faults(1, orders), paidAtOnce(orders-8, orders)},
	},
	{
		title: "stripe: 20 % of the answers take 3 s", on: "stripe", breaks: onStripe(slow, 0.2), until: orders,
		want: []expectation{timeouts(1, orders), paidAtOnce(orders-4, orders)},
	},
	{
		title: "stripe: down for 20 orders", on: "stripe", breaks: onStripe(ductilehttp.ChaosReset, 1), from: 10, until: 30,
		want: []expectation{faults(5, 20), openings(1, 8), paidAtOnce(orders-25, orders-20)},
	},
	{
		title: "mail: 30 % are refused", on: "mail", breaks: onMail(refused, 0.3), until: orders,
		want: []expectation{faults(1, orders), paidAtOnce(orders, orders), mailedAtOnce(orders/2, orders)},
	},
	{
		title: "mail: hangs for 20 orders", on: "mail", breaks: onMail(hanging, 1), from: 10, until: 30,
		want: []expectation{openings(1, 5), paidAtOnce(orders, orders), mailedAtOnce(orders-35, orders-20)},
	},
	{
		title: "everything, a little", on: "stripe", breaks: everything, until: orders,
		want: []expectation{faults(1, 3*orders), paidAtOnce(orders-4, orders), reserved(orders-10, orders), mailedAtOnce(orders/2, orders)},
	},
}
