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

// errUnrepeatable ends an attempt that would send the request again although it may have
// arrived and must not be repeated.
var errUnrepeatable = errors.New("ductilehttp: the request may have arrived and must not be repeated")

// hedgeable reports whether the request may be sent again while it is in flight. Each
// attempt then needs its own body.
func (x *exchange) hedgeable() bool { return x.repeatable && x.upload.parallel() }

// errBeside ends an attempt that would run beside another attempt of a request that must
// not be repeated, or that has only one body. It is a rejection: it says nothing about the
// request in flight.
var errBeside = fmt.Errorf("ductilehttp: the request is in flight and cannot be sent a second time beside it: %w", policy.ErrRejected)

// takeOff counts a starting attempt, or reports that it must not run beside another. A
// hedge's attempts may start in any order, so takeOff recognizes the extra ones by their
// context. An attempt that follows one abandoned by a timeout may run.
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

// letGoBefore discards bad responses before an attempt in ctx. It keeps those of the same
// call of a hedge, whose attempts run concurrently: a policy may be reading one, or the call
// may return it.
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

// round returns the call of a hedge inside this transport to which ctx belongs, or nil.
func (x *exchange) round(ctx context.Context) any {
	if round := beside.Round(ctx); round != nil && round != beside.Round(x.req.Context()) {
		return round
	}
	return nil
}

// letGo discards the bad responses for which match returns true, before another attempt. It
// reads them to their end, so that their connections can be reused. It keeps good responses:
// while a hedge makes its second attempt, the response of the first may be on its way to the
// caller. If the request's body can no longer be sent again, it keeps bad ones too, since no
// other response will follow.
func (x *exchange) letGo(match func(reply) bool) {
	if !x.upload.hold() {
		return
	}
	for _, body := range x.take(match) {
		drain(body, x.t.cfg.Clock)
	}
}

func isBad(r reply) bool { return r.bad }

// drop discards one bad response.
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
