package ductilehttp

import (
	"context"
	"errors"
	"io"
	"net/http"
	"reflect"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/ductile-go/ductile/retry"
)

// exchange is one logical request on its way through a [Transport]. A pipeline
// of the user's may make attempts on other goroutines, and go on with one after
// the exchange has ended.
type exchange struct {
	t          *Transport
	req        *http.Request
	upload     upload
	repeatable bool        // RetryRequest says so
	inner      atomic.Bool // a Transport further in has it

	mu       sync.Mutex
	attempts int
	unsent   bool // nothing of the last attempt was sent
	replies  []reply
	over     bool
}

// reply is a response that is to be closed by somebody.
type reply struct {
	*http.Response
	bad bool // an error to a pipeline of the user's
}

func newExchange(t *Transport, r *http.Request) *exchange {
	asked := false
	defer func() {
		if !asked && r.Body != nil { // the rule did not return
			_ = r.Body.Close()
		}
	}()
	x := &exchange{t: t, req: r, repeatable: t.cfg.RetryRequest(r)}
	asked = true
	if outer, ok := r.Context().Value(exchangeKey{}).(*exchange); ok {
		outer.inner.Store(true)
	}
	limit := 0
	if x.repeatable {
		limit = MaxBufferedBody
	}
	x.upload = newUpload(r, limit)
	return x
}

// attempt sends the request once.
func (x *exchange) attempt(ctx context.Context) (*http.Response, error) {
	if resp := x.giveUp(); resp != nil { // where OnRetry was not there to do it
		return resp, nil
	}
	n := x.begin()
	body, err := x.upload.open()
	if err != nil {
		return nil, err
	}
	ctx, cancel := x.scope(ctx)
	release := func() { cancel(context.Canceled) }
	held := false
	defer func() {
		if !held { // an error, or a panic
			release()
		}
	}()
	s := sending{repeats: repeats(x.t.cfg.Base, x.req), inner: &x.inner}
	if body == nil || body == http.NoBody {
		s.stop = cancel
	}
	resp, err := x.send(x.request(s.watch(ctx), n, body, &s))
	x.note(s.unsent())
	if err != nil {
		err = x.explain(&s, err)
	}
	f, alone := ctx.(*followed)
	switch {
	case err != nil && alone:
		return nil, f.explain(err)
	case err != nil:
		return nil, err
	case alone:
		f.answered.Store(true)
	}
	resp, held = HoldBody(ctx, resp, release), true
	if !x.keep(resp) {
		_ = resp.Body.Close()
		return nil, context.Canceled // nobody is there to take it
	}
	return resp, nil
}

// explain returns what err, of an attempt, is to the policies. That a connection
// broke which had idled says nothing of the server's health: the next attempt's does.
// Those that idle still are as old; each that is dead would cost an attempt.
func (x *exchange) explain(s *sending, err error) error {
	err = s.explain(err)
	if !s.stale(err) {
		return err
	}
	x.t.CloseIdleConnections()
	return &ownFault{err}
}

// scope returns the context to send in and what ends it.
func (x *exchange) scope(ctx context.Context) (context.Context, context.CancelCauseFunc) {
	if x.t.custom {
		f := follow(ctx, x.req.Context())
		return f, f.release
	}
	return context.WithCancelCause(ctx)
}

// send hands r to the base, and holds it to its contract.
func (x *exchange) send(r *http.Request) (resp *http.Response, err error) {
	returned := false
	defer func() {
		if !returned && r.Body != nil { // a panic, say
			_ = r.Body.Close()
		}
	}()
	resp, err = x.t.cfg.Base.RoundTrip(r)
	returned = true
	switch {
	case err != nil:
		if resp != nil && resp.Body != nil {
			_ = resp.Body.Close()
		}
		return nil, err
	case resp == nil:
		return nil, errors.New("ductilehttp: Config.Base returned neither a response nor an error")
	case resp.Request == r || resp.Request == nil:
		resp.Request = x.req
	}
	if resp.Body == nil {
		resp.Body = http.NoBody
	}
	return resp, nil
}

// request returns the request of the nth attempt. Trailers are shared, since
// their values are set while the body is read.
func (x *exchange) request(ctx context.Context, n int, body io.ReadCloser, s *sending) *http.Request {
	r := x.req.WithContext(ctx)
	r.Header = x.req.Header.Clone()
	r.Body, r.GetBody = body, nil
	if body != nil && body != http.NoBody {
		r.GetBody = func() (io.ReadCloser, error) {
			switch {
			case s.mayHaveArrived():
				return nil, errBroken
			case !x.upload.replayable():
				return nil, errSpent
			}
			return x.upload.open()
		}
	}
	if x.t.cfg.AttemptHeader != "" {
		setHeader(r, x.t.cfg.AttemptHeader, strconv.Itoa(n))
	}
	if name := x.t.cfg.TimeoutHeader; name != "" {
		if left, ok := timeLeft(ctx, r.Header.Get(name), x.t.now()); ok {
			setHeader(r, name, left)
		}
	}
	return r
}

func setHeader(r *http.Request, name, value string) {
	if r.Header == nil {
		r.Header = http.Header{}
	}
	r.Header.Set(name, value)
}

// tally is what a [Client] is told of its call, all redirects included.
type tally struct {
	attempts atomic.Int64
	ended    atomic.Pointer[retry.Error] // why there was no further attempt, of the last exchange
}

type tallyKey struct{}

// tell calls f with the tally that there may be.
func (x *exchange) tell(f func(*tally)) {
	if c, ok := x.req.Context().Value(tallyKey{}).(*tally); ok {
		f(c)
	}
}

// begin counts an attempt.
func (x *exchange) begin() int {
	x.tell(func(c *tally) {
		c.attempts.Add(1)
		c.ended.Store(nil)
	})
	x.mu.Lock()
	defer x.mu.Unlock()
	x.attempts++
	return x.attempts
}

// note takes down whether the last attempt sent anything.
func (x *exchange) note(unsent bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.unsent = unsent
}

// keep takes down a response that is to be closed by somebody, or returns false
// if there is nobody any more.
func (x *exchange) keep(resp *http.Response) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	if !x.over {
		x.replies = append(x.replies, reply{Response: resp})
	}
	return !x.over
}

// giveUp lets go of the responses that there were so far, for another attempt. If
// the request's body went on to where it cannot be sent again, since that
// attempt was decided upon, there can be none: it returns the last response.
func (x *exchange) giveUp() *http.Response {
	if !x.upload.hold() {
		x.mu.Lock()
		defer x.mu.Unlock()
		if n := len(x.replies); n > 0 {
			return x.replies[n-1].Response
		}
	}
	x.discard()
	return nil
}

// discard lets go of the responses that there were so far. In a pipeline of the
// user's that is the bad ones: as a hedge makes its second attempt, the good answer
// of the first may be on its way to the caller.
func (x *exchange) discard() {
	wanted := func(r reply) bool { return x.t.custom && !r.bad }
	x.mu.Lock()
	replies := x.replies
	x.replies = nil
	for _, r := range replies {
		if wanted(r) {
			x.replies = append(x.replies, r)
		}
	}
	x.mu.Unlock()
	for _, r := range replies {
		if !wanted(r) {
			discard(r.Response, x.t.cfg.Retry.Clock)
		}
	}
}

// refuse takes down that resp is an error to the user's pipeline.
func (x *exchange) refuse(resp *http.Response) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for i := range x.replies {
		x.replies[i].bad = x.replies[i].bad || x.replies[i].Response == resp
	}
}

// has reports whether resp was not let go.
func (x *exchange) has(resp *http.Response) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, r := range x.replies {
		if same(r.Response, resp) {
			return true
		}
	}
	return false
}

// same reports whether resp, which has a body, is other or what a policy made a
// copy of it with.
func same(resp, other *http.Response) bool {
	return resp == other || other != nil && reflect.ValueOf(resp.Body).Comparable() && resp.Body == other.Body
}

// finish ends the exchange with answer, or with an error if that is nil.
func (x *exchange) finish(answer *http.Response) {
	defer x.upload.close() // also where a Close below panics
	x.mu.Lock()
	x.over = true
	replies := x.replies
	x.replies = nil
	x.mu.Unlock()
	for _, r := range replies {
		if !same(r.Response, answer) {
			_ = r.Body.Close()
		}
	}
}
