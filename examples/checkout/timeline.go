package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/ductile-go/ductile/policy"
)

// timeline writes each event of the pipeline as a line, and counts.
type timeline struct {
	mu    sync.Mutex
	out   io.Writer
	start time.Time
	n     counts
}

type counts struct {
	calls, attempts, retries, rejected, fallbacks, timeouts, moves int
}

// attempt counts an attempt, unless nothing was sent for it.
func (n *counts) attempt(err error) {
	if errors.Is(err, policy.ErrRejected) {
		return
	}
	n.attempts++
	if _, ok := errors.AsType[*policy.TimeoutError](err); ok {
		n.timeouts++
	}
}

func newTimeline(out io.Writer) *timeline { return &timeline{out: out, start: time.Now()} }

func (t *timeline) counts() counts {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.n
}

// observe is a [policy.Observer].
func (t *timeline) observe(ctx context.Context, e policy.Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var what string
	switch e.Kind {
	case policy.Attempted:
		t.n.attempt(e.Err)
		what = fmt.Sprintf("attempt %d: %s", e.Attempt, brief(e.Err))
	case policy.Retried:
		t.n.retries++
		what = fmt.Sprintf("again in %v", e.Delay.Round(time.Millisecond))
	case policy.Started, policy.Judged, policy.Rejected, policy.TimedOut, policy.Recovered:
		return // the attempt says so
	case policy.GaveUp:
		what = "gave up: " + brief(e.Err)
	case policy.FellBack:
		t.n.fallbacks++
		what = "falls back: the order is queued under its key"
		if errors.Is(e.Err, policy.ErrRejected) {
			t.n.rejected++
			what += ", since the " + brief(e.Err)
		}
	case policy.StateChanged:
		t.n.moves++
		what = fmt.Sprintf("circuit %s: %s -> %s", e.Name, e.From, e.To)
	case policy.Finished:
		t.n.calls++
		return
	default:
		what = string(e.Kind)
	}
	o, _ := ctx.Value(orderKey{}).(order)
	fmt.Fprintf(t.out, "%7.3fs %-9s %s\n", time.Since(t.start).Seconds(), o.id, what)
}
