package ductilehttp

import (
	"context"
	"io"
	"net/http"
	"time"

	"github.com/ductile-go/ductile/policy"
)

// Bounds of what is read of a response that nobody wants. Beyond them a new
// connection is cheaper.
const (
	maxDrain  = 64 << 10
	drainTime = 100 * time.Millisecond
)

// discard reads a response to its end, so that its connection can be used again,
// and closes it.
func discard(resp *http.Response, clock policy.Clock) {
	defer func() { _ = resp.Body.Close() }()
	b, ok := resp.Body.(*body)
	if !ok || resp.ContentLength > maxDrain {
		return
	}
	defer after(clock, drainTime, b.cutOff)()
	_, _ = io.CopyN(io.Discard, b, maxDrain+1)
}

// after calls f when d has passed on clock, unless stopped.
func after(clock policy.Clock, d time.Duration, f func()) (stop func()) {
	if clock == nil {
		t := time.AfterFunc(d, f)
		return func() { t.Stop() }
	}
	ctx, cancel := clock.WithTimeout(context.Background(), d)
	unhook := context.AfterFunc(ctx, f)
	return func() {
		unhook()
		cancel()
	}
}
