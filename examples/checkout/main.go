// Checkout takes payments through the Stripe SDK while the connection to Stripe fails in
// every way that occurs in practice, and shows that each order is charged at most once. It
// builds and starts Stripe's mock server itself, and exits with 0 only if every expectation
// held. At the end it runs the outage again in the simulator, with many customers, and writes
// the report beside outage.yaml.
//
// With -below, the policies run below the SDK instead of above it. With -page, outages follow
// one another until the program is interrupted, and a page shows what the policies do.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
)

func main() {
	below := flag.Bool("below", false, "put the policies below the SDK instead of above it")
	live := flag.Bool("page", false, "serve the console of a checkout with outages in a loop, until interrupted")
	flag.Parse()
	w := ways[0]
	if *below {
		w = ways[1]
	}
	if err := run(w, *live); err != nil {
		fmt.Fprintln(os.Stderr, "checkout:", err)
		os.Exit(1)
	}
}

func run(w way, live bool) error {
	ctx, interrupted := signal.NotifyContext(context.Background(), os.Interrupt)
	defer interrupted()
	fmt.Fprintln(os.Stderr, "building and starting", stripeMock)
	mock, stop, err := startMock(ctx)
	if err != nil {
		return err
	}
	defer stop()
	if live {
		return w.page(ctx, os.Stdout, mock, steady)
	}
	if err := w.tell(ctx, os.Stdout, paletteFor(os.Stdout), mock); err != nil {
		return err
	}
	return rehearse(ctx, os.Stdout, beside())
}
