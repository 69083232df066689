package main

import (
	"github.com/ductile-go/ductile/examples/internal/shop"
	"github.com/ductile-go/ductile/policy"
)

// way is a place for the policies of a checkout.
type way struct {
	title   string
	backend string // what is below the SDK
	open    func(url, apiKey string, observe policy.Observer, clock policy.Clock) *shop.Checkout
	moves   int // state changes of the circuit that observers see
	// ignored is how a circuit counts a call that is the caller's fault: above the SDK not
	// at all, below it as a success.
	ignored int
	// idled is how many failures of the outage no circuit counts: below the SDK, the first
	// one is known to come from an idle connection.
	idled int
}

var ways = []way{
	{"every policy above the SDK", "each request once", above, 3, 1, 0},
	{"most policies below the SDK", "total(10s) > retry(3) > breaker(stripe) > timeout(1s)", below, 3, 0, 1},
}

func above(url, apiKey string, observe policy.Observer, clock policy.Clock) *shop.Checkout {
	return shop.Above(shop.Config{URL: url, APIKey: apiKey, Observe: observe, Clock: clock})
}

func below(url, apiKey string, observe policy.Observer, clock policy.Clock) *shop.Checkout {
	return shop.Below(shop.Config{URL: url, APIKey: apiKey, Observe: observe, Clock: clock})
}
