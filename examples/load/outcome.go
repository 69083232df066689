package main

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"syscall"

	"github.com/ductile-go/ductile/breaker"
)

// outcome is how a logical call ended. Each call has exactly one.
type outcome int

const (
	ok         outcome = iota
	status             // the last attempt got a 503
	timeout            // of the attempt or of the call
	broken             // the connection broke before the response
	brokenBody         // the connection broke, or time ran out, within the response
	rejected           // by the circuit
	unexpected
	outcomes // number of outcomes
)

var outcomeNames = [outcomes]string{"ok", "503", "timeout", "reset", "broken body", "rejected", "unexpected"}

// outcomeOf reads resp to its end, closes it, and returns the outcome of the call.
func outcomeOf(resp *http.Response, err error) (outcome, error) {
	if err != nil {
		return kind(err), err
	}
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	switch {
	case err != nil && kind(err) == unexpected: // for example a context that ended too early
		return unexpected, err
	case err != nil:
		return brokenBody, err
	case resp.StatusCode == http.StatusServiceUnavailable:
		return status, nil
	case resp.StatusCode != http.StatusOK || string(body) != content:
		return unexpected, errors.New(resp.Status + " " + string(body))
	}
	return ok, nil
}

// kind returns the outcome for err. It checks for a rejection first: a rejection may end a
// retry whose earlier attempts failed in other ways.
func kind(err error) outcome {
	var net net.Error
	switch {
	case errors.Is(err, breaker.ErrOpen):
		return rejected
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &net) && net.Timeout():
		return timeout
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE),
		errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return broken
	}
	return unexpected
}

// tally counts calls by the phase in which they began.
type tally struct {
	started  atomic.Int64
	finished [][outcomes]atomic.Int64
	odd      atomic.Pointer[error] // an unexpected error, to show
}

func newTally() *tally { return &tally{finished: make([][outcomes]atomic.Int64, len(script))} }

// note counts a finished call.
func (t *tally) note(phase int, o outcome, err error) {
	t.finished[phase][o].Add(1)
	if o == unexpected {
		t.odd.CompareAndSwap(nil, &err)
	}
}

// counts returns how the calls of a phase ended.
func (t *tally) counts(phase int) (n [outcomes]int64) {
	for o := range n {
		n[o] = t.finished[phase][o].Load()
	}
	return n
}

// ended returns the number of finished calls.
func (t *tally) ended() (n int64) {
	for i := range t.finished {
		n += sum(t.counts(i))
	}
	return n
}

// sum adds up.
func sum(n [outcomes]int64) (total int64) {
	for _, v := range n {
		total += v
	}
	return total
}
