package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/ductile-go/ductile/examples/internal/shop"
	"github.com/ductile-go/ductile/policy"
)

// timeline writes what happens to each order, and counts.
type timeline struct {
	mu      sync.Mutex
	out     io.Writer
	colour  palette
	start   time.Time
	lines   int
	attempt string // how the last attempt ended, until it is written
	n       counts
}

type counts struct {
	calls, attempts, retries, rejected, fallbacks, timeouts, moves int
}

// attempt counts an attempt, unless nothing was sent.
func (n *counts) attempt(err error) {
	if errors.Is(err, policy.ErrRejected) {
		return
	}
	n.attempts++
	if _, ok := errors.AsType[*policy.TimeoutError](err); ok {
		n.timeouts++
	}
}

func newTimeline(out io.Writer, colour palette) *timeline {
	return &timeline{out: out, colour: colour, start: time.Now()}
}

func (t *timeline) counts() counts {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.n
}

// written returns the number of lines so far.
func (t *timeline) written() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.lines
}

// Write writes lines that belong to no order.
func (t *timeline) Write(text []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lines += bytes.Count(text, []byte("\n"))
	return t.out.Write(text)
}

// line writes one line, with the time. The caller holds the lock.
func (t *timeline) line(what string) {
	t.lines++
	fmt.Fprintf(t.out, "%s %s\n", t.colour.faint(fmt.Sprintf("%6.2fs", time.Since(t.start).Seconds())), what)
}

// flush writes how the last attempt ended and what followed. The caller holds the lock.
func (t *timeline) flush(rest ...string) {
	if parts := append([]string{t.attempt}, rest...); t.attempt != "" || len(rest) > 0 {
		t.line("           " + strings.TrimPrefix(strings.Join(parts, "; "), "; "))
	}
	t.attempt = ""
}

// scene starts an order.
func (t *timeline) scene(o shop.Order, title string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.line(t.colour.bold(fmt.Sprintf("%-10s %s", o.ID, title)))
}

// ended writes how an order ended for the customer.
func (t *timeline) ended(e end) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if e == refused {
		t.attempt += "; final"
	}
	t.flush(t.colour.end(e))
}

// observe is a [policy.Observer].
func (t *timeline) observe(_ context.Context, e policy.Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch e.Kind {
	case policy.Attempted:
		t.flush()
		t.n.attempt(e.Err)
		t.attempt = fmt.Sprintf("attempt %d: %s", e.Attempt, brief(e.Err))
	case policy.Retried:
		t.n.retries++
		if e.Err != nil { // the error may follow the header that the attempt received
			t.attempt = fmt.Sprintf("attempt %d: %s", e.Attempt, brief(e.Err))
		}
		t.flush(fmt.Sprintf("again in %v, %s", e.Delay.Round(time.Millisecond), why(e)))
	case policy.FellBack:
		t.n.fallbacks++
		if errors.Is(e.Err, policy.ErrRejected) {
			t.n.rejected++
			t.attempt = brief(e.Err) // no attempt: nothing was sent
		}
		t.attempt += "; the fallback takes over"
	case policy.StateChanged:
		t.n.moves++
		t.line("           " + t.colour.warn(fmt.Sprintf("the circuit of %s: %s -> %s", e.Name, e.From, e.To)))
	case policy.Finished:
		t.n.calls++
	}
}

// why describes what set the delay before another attempt.
func why(e policy.Event) string {
	if e.Reason == "server" {
		return "as the server asked"
	}
	return "by backoff"
}
