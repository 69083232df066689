package main

import (
	"fmt"
	"time"
)

// expectation is what a rehearsal has to come to. holds returns what came, for the case that
// it does not.
type expectation struct {
	that  string
	holds func(got result) (came string, ok bool)
}

// always returns what is expected of every rehearsal.
func always() []expectation {
	return []expectation{
		number("no order to be refused", func(r result) int { return r.refused }, 0, 0),
		number("no card to be charged twice", func(r result) int { return r.twice }, 0, 0),
		number("every order to be charged in the end", func(r result) int { return r.unpaid }, 0, 0),
		number("every customer to get a mail in the end", func(r result) int { return r.unsent }, 0, 0),
		{fmt.Sprintf("no customer to wait for more than %v", patience), func(r result) (string, bool) {
			return r.slowest.Round(time.Millisecond).String(), r.slowest <= patience
		}},
	}
}

// number expects that of is from low to high.
func number(that string, of func(r result) int, low, high int) expectation {
	return expectation{that, func(r result) (string, bool) {
		n := of(r)
		return fmt.Sprint(n), low <= n && n <= high
	}}
}

func paidAtOnce(low, high int) expectation {
	return number(fmt.Sprintf("%s to be paid at once", some(low, high, "orders")), func(r result) int { return r.paid }, low, high)
}

func faults(low, high int) expectation {
	return number(some(low, high, "faults"), func(r result) int { return r.injected }, low, high)
}

func openings(low, high int) expectation {
	return number(fmt.Sprintf("the circuit to open %s", some(low, high, "times")), func(r result) int { return r.policies.opened }, low, high)
}

func reserved(low, high int) expectation {
	return number(fmt.Sprintf("%s to be reserved", some(low, high, "orders")), func(r result) int { return orders - r.unreserved }, low, high)
}

func mailedAtOnce(low, high int) expectation {
	return number(fmt.Sprintf("%s to get their mail at once", some(low, high, "customers")), func(r result) int { return r.mailed }, low, high)
}

func timeouts(low, high int) expectation {
	return number(some(low, high, "timeouts"), func(r result) int { return r.policies.timeouts }, low, high)
}

func some(low, high int, of string) string {
	switch low {
	case high:
		return fmt.Sprintf("%d %s", low, of)
	default:
		return fmt.Sprintf("%d to %d %s", low, high, of)
	}
}
