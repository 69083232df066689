// Checkout takes payments through the Stripe SDK while the way to Stripe breaks
// in every way that it does in practice, and shows that each order is charged
// at most once. It builds and starts Stripe's mock server itself, and exits
// with 0 only if everything went as it should.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "checkout:", err)
		os.Exit(1)
	}
}

func run() error {
	ctx, interrupted := signal.NotifyContext(context.Background(), os.Interrupt)
	defer interrupted()
	fmt.Println("building and starting", stripeMock)
	mock, stop, err := startMock(ctx)
	if err != nil {
		return err
	}
	defer stop()
	return tell(ctx, os.Stdout, mock)
}
