package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"syscall"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

func TestEachFailureHasItsOutcome(t *testing.T) {
	ended := func(reason, last error) error {
		return &url.Error{Op: "Get", Err: &retry.Error{Attempts: 3, Reason: reason, Last: last}}
	}
	for _, c := range []struct {
		err  error
		want outcome
	}{
		{&url.Error{Op: "Get", Err: &breaker.OpenError{}}, rejected},
		{ended(retry.ErrExhausted, &policy.TimeoutError{}), timeout},
		{ended(retry.ErrDeadline, context.DeadlineExceeded), timeout},
		{ended(retry.ErrBudget, fmt.Errorf("read: %w", syscall.ECONNRESET)), broken},
		{ended(retry.ErrExhausted, io.EOF), broken},
		{errors.New("else"), unexpected},
	} {
		assert.Equal(t, outcomeNames[c.want], outcomeNames[kind(c.err)], "%v", c.err)
	}
}

func TestACancelledBodyIsUnexpected(t *testing.T) {
	for err, want := range map[error]outcome{
		io.ErrUnexpectedEOF:    brokenBody,
		&policy.TimeoutError{}: brokenBody,
		context.Canceled:       unexpected,
	} {
		o, got := outcomeOf(&http.Response{Body: io.NopCloser(iotest.ErrReader(err))}, nil)
		assert.Equal(t, outcomeNames[want], outcomeNames[o])
		assert.Equal(t, err, got)
	}
}

func TestATallyKeepsTheFirstUnexpectedError(t *testing.T) {
	n, first := newTally(), errors.New("first")
	n.note(0, ok, nil)
	n.note(1, unexpected, first)
	n.note(1, unexpected, errors.New("second"))
	assert.Equal(t, first, *n.odd.Load())
	assert.EqualValues(t, 3, n.ended())
	assert.EqualValues(t, 2, sum(n.counts(1)))
}
