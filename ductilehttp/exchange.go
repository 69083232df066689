package ductilehttp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// exchange is one request of a caller on its way through a [Transport]. Policies run
// attempt as often as they like, also on other goroutines, and may go on with one after
// the exchange has ended. Only here is it known what went out before, so only here is it
// decided whether the request may be sent again, at the moment of sending.
type exchange struct {
	t          *Transport
	host       *host
	req        *http.Request
	upload     upload
	repeatable bool // RetryRequest says so
	most       int  // requests that may be sent; 0 means any number

	mu      sync.Mutex
	sent    int   // requests sent
	out     int   // of these, how many the server may have seen
	last    error // of the last attempt that failed
	replies []reply
	one     [1]reply // room for replies
	over    bool
	flying  int // attempts that have begun and not ended
	racing  int // of these, the extra ones of a hedge

	first attempt // room for one: most exchanges have no other
}

// reply holds a response and its body. finish closes it unless the caller gets that
// response.
type reply struct {
	resp *http.Response
	body io.ReadCloser // as the attempt returned it: a policy may replace that of resp
	bad  bool          // the response is an error to the policies
	of   any           // the hedge's call that it is of, if bad
}

// is reports whether r is the reply of resp, which may be a policy's copy, or have a
// policy's body.
func (r *reply) is(resp *http.Response) bool { return r.resp == resp || same(r.body, resp.Body) }

func newExchange(t *Transport, h *host, r *http.Request) *exchange {
	made := false
	defer func() {
		if !made && r.Body != nil { // the rule, or the body's Seek, did not return
			_ = r.Body.Close()
		}
	}()
	x := &exchange{t: t, host: h, req: r, repeatable: t.cfg.RetryRequest(r)}
	x.replies = x.one[:0]
	limit := int64(0)
	if x.repeatable {
		limit = t.cfg.MaxBufferedBody
	}
	x.upload = newUpload(r, limit)
	made = true
	return x
}

// attempt sends the request once, if it may be sent, and returns the result for the policies.
func (x *exchange) attempt(ctx context.Context) (*http.Response, error) {
	extra, ok := x.takeOff(ctx)
	if !ok {
		return nil, errBeside
	}
	defer x.land(extra)
	x.letGoBefore(ctx)
	n, err := x.begin()
	if err != nil {
		return x.refuse(err)
	}
	a, resp, err := x.send(ctx, n)
	if err != nil && a.unlooked {
		return x.once(ctx, err)
	}
	return x.judge(a, resp, err)
}

const (
	// maxAvoided is how often an attempt asks for another connection than one that fell
	// silent. net/http parts with that as soon as it has begun a request on it, but may look
	// at the context of a request that has ended before it begins it, or after: each is as
	// likely.
	maxAvoided = 30
	// avoidDelay, times the tries so far, is how long the goroutine that begins the request
	// has to do so. net/http does not wait for it: on a busy machine all tries would
	// otherwise be over before it runs.
	avoidDelay = 50 * time.Microsecond
)

// once sends again what an HTTP/2 server has not looked at, as net/http would, but no
// more than once.
func (x *exchange) once(ctx context.Context, refused error) (*http.Response, error) {
	if !x.upload.replayable() {
		x.fail(errSpent)
		return nil, retry.Permanent(errSpent)
	}
	n, err := x.begin()
	if err != nil {
		x.fail(refused)
		return nil, retry.Permanent(refused)
	}
	a, resp, err := x.send(ctx, n)
	return x.judge(a, resp, err)
}

// send sends the request, over another connection than one that fell silent.
func (x *exchange) send(ctx context.Context, n int) (a *attempt, resp *http.Response, err error) {
	for tries := 0; ; tries++ {
		a = newAttempt(ctx, x, n)
		a.patient = tries == maxAvoided
		resp, err = a.run()
		if !a.avoided {
			return a, resp, err
		}
		if policy.Sleep(ctx, nil, time.Duration(tries+1)*avoidDelay) != nil {
			x.unsent()
			return a, nil, context.Cause(ctx) // not the cancel of ours that avoided the connection
		}
	}
}

// begin reports the number of the request that may be sent now, or why none may be.
func (x *exchange) begin() (int, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	switch {
	case x.over:
		return 0, context.Canceled // a response would come too late
	case x.out > 0 && !x.repeatable:
		return 0, errUnrepeatable
	case x.sent > 0 && !x.upload.replayable():
		return 0, errSpent
	case x.most > 0 && x.sent >= x.most:
		return 0, retry.ErrExhausted
	}
	x.sent++
	x.out++
	return x.sent, nil
}

// unsent takes back that the server may have seen a request.
func (x *exchange) unsent() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.out--
}

// again counts a request that net/http repeated by itself, because an HTTP/2 server had
// not looked at it.
func (x *exchange) again() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.sent++
}

// refuse ends an attempt that may not be made: with the last bad response, if that was
// not let go, or with the last error.
func (x *exchange) refuse(why error) (*http.Response, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for i := len(x.replies) - 1; i >= 0; i-- {
		if r := &x.replies[i]; r.bad {
			return r.resp, retry.Permanent(x.last)
		}
	}
	if x.last != nil && !errors.Is(x.last, why) {
		why = fmt.Errorf("%w: %w", why, x.last)
	}
	return nil, retry.Permanent(breaker.Judge(why, policy.Ignored))
}

func (x *exchange) fail(err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.last = err
}

// keep records resp so that finish closes it. It returns false if the exchange is over.
func (x *exchange) keep(resp *http.Response) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	if !x.over && resp.Body != http.NoBody {
		x.replies = append(x.replies, reply{resp: resp, body: resp.Body})
	}
	return !x.over
}

// spoil notes that resp, of an attempt in ctx, is an error to the policies.
func (x *exchange) spoil(ctx context.Context, resp *http.Response, err error) {
	round := x.round(ctx)
	x.mu.Lock()
	defer x.mu.Unlock()
	x.last = err
	for i := range x.replies {
		if same(x.replies[i].body, resp.Body) {
			x.replies[i].bad, x.replies[i].of = true, round
		}
	}
}

// take takes out the bodies that match says.
func (x *exchange) take(match func(reply) bool) (bad []io.ReadCloser) {
	x.mu.Lock()
	defer x.mu.Unlock()
	kept := x.replies[:0]
	for _, r := range x.replies {
		if match(r) {
			bad = append(bad, r.body)
		} else {
			kept = append(kept, r)
		}
	}
	x.replies = kept
	return bad
}

// has reports whether resp was not let go.
func (x *exchange) has(resp *http.Response) bool {
	if resp.Body == http.NoBody {
		return true
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	for i := range x.replies {
		if x.replies[i].is(resp) {
			return true
		}
	}
	return false
}

// adopt makes the body of resp, with which a policy has replaced that of an attempt, end the
// attempt's body too: it may read from that, or have left it open.
func (x *exchange) adopt(resp *http.Response) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for i := range x.replies {
		r := &x.replies[i]
		if r.resp != resp || same(r.body, resp.Body) {
			continue
		}
		if inner := r.body; hasBody(resp) {
			b := &body{src: resp.Body}
			b.whenEnded(func() { _ = inner.Close() })
			resp.Body = b
		}
		r.body = resp.Body
	}
}

// finish ends the exchange with answer, or with an error if that is nil.
func (x *exchange) finish(answer *http.Response) {
	defer x.upload.close() // also if a Close below panics
	x.mu.Lock()
	x.over = true
	replies := x.replies
	x.replies = nil
	x.mu.Unlock()
	for _, r := range replies {
		if answer == nil || !same(r.body, answer.Body) {
			_ = r.body.Close()
		}
	}
}

// settle turns what the policies ended with into a response or an error. A bad response
// is what the caller asked for, unless it was let go, the caller has left, or a policy
// refused the next attempt.
func (x *exchange) settle(ctx context.Context, resp *http.Response, err error) (*http.Response, error) {
	switch {
	case err == nil && resp == nil:
		return nil, errors.New("ductilehttp: Config.Pipeline returned neither a response nor an error")
	case err == nil:
		if resp.Body == nil { // a policy's own response
			resp.Body = http.NoBody
		}
		x.note(resp, nil)
		return resp, nil
	case resp == nil || resp.Body == nil || !as[*StatusError](err) || !x.has(resp):
		return nil, err
	}
	ended, gaveUp := errors.AsType[*retry.Error](err)
	if gaveUp && (ctx.Err() != nil || errors.Is(ended.Reason, policy.ErrRejected)) {
		return nil, err
	}
	x.note(resp, ended)
	return resp, nil
}
