package ductilehttp

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/ductile-go/ductile/policy"
)

// errUnrepeatable is what an attempt ends with that would send a request again which may
// have arrived and must not be repeated.
var errUnrepeatable = errors.New("ductilehttp: the request may have arrived, and must not be sent again")

// hedgeable reports whether the request may be sent again while it is on its way, which
// needs a body of its own for each attempt.
func (x *exchange) hedgeable() bool { return x.repeatable && x.upload.parallel() }

// errBeside is what an attempt ends with that would run beside another one of a request
// that must not be repeated, or of which there is one body. It is a rejection: it says
// nothing about the request that is on its way.
var errBeside = fmt.Errorf("ductilehttp: the request is on its way, and cannot be sent beside that: %w", policy.ErrRejected)

// takeOff counts an attempt that begins, or reports that it must not run beside another.
// Which one of a hedge's attempts comes first is open, so the extra ones are known: an
// attempt after one that a timeout has abandoned may run.
func (x *exchange) takeOff(ctx context.Context) (extra, ok bool) {
	alone := !x.hedgeable()
	extra = alone && policy.Speculative(ctx)
	x.mu.Lock()
	defer x.mu.Unlock()
	if alone && (extra && x.flying > 0 || x.racing > 0) {
		return extra, false
	}
	x.flying++
	if extra {
		x.racing++
	}
	return extra, true
}

func (x *exchange) land(extra bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.flying--
	if extra {
		x.racing--
	}
}

// drop lets go of one bad response.
func (x *exchange) drop(resp *http.Response) {
	for _, body := range x.take(func(r reply) bool { return r.bad != nil && same(r.body, resp.Body) }) {
		drain(body, x.t.cfg.Clock)
	}
}

func (x *exchange) count() int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.sent
}
