package ductilehttp

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/ductile-go/ductile/internal/beside"
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

// letGoBefore lets go of the bad responses before an attempt in ctx: not of those of the
// same hedge's call, whose attempts run beside each other. A policy may be reading one, or
// it may be what the call comes to.
func (x *exchange) letGoBefore(ctx context.Context) {
	x.mu.Lock()
	bad := slices.ContainsFunc(x.replies, isBad)
	x.mu.Unlock()
	if !bad {
		return
	}
	given := isBad
	if round := x.round(ctx); round != nil && !beside.Alone(ctx) {
		given = func(r reply) bool { return isBad(r) && r.of != round }
	}
	x.letGo(given)
}

// round returns the call of a hedge inside of this transport that ctx is of, or nil.
func (x *exchange) round(ctx context.Context) any {
	if round := beside.Round(ctx); round != nil && round != beside.Round(x.req.Context()) {
		return round
	}
	return nil
}

// letGo lets go of those bad responses that match says, for another attempt. It reads them
// to their end, so that their connections can be used again. Good ones stay: while a hedge
// makes its second attempt, the answer of the first may be on its way to the caller. If the
// request's body has been read to where it cannot be sent again, the responses stay too:
// there will be no other.
func (x *exchange) letGo(match func(reply) bool) {
	if !x.upload.hold() {
		return
	}
	for _, body := range x.take(match) {
		drain(body, x.t.cfg.Clock)
	}
}

func isBad(r reply) bool { return r.bad != nil }

// drop lets go of one bad response.
func (x *exchange) drop(resp *http.Response) {
	for _, body := range x.take(func(r reply) bool { return isBad(r) && same(r.body, resp.Body) }) {
		drain(body, x.t.cfg.Clock)
	}
}

func (x *exchange) count() int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.sent
}
