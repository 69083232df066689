package ductilehttp

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// blame says what an attempt's result means to a circuit: 5xx and 429 are
// errors, and a fault of the request's own is one that circuits ignore.
func (x *exchange) blame(resp *http.Response, err error) (*http.Response, error) {
	switch {
	case err != nil && RequestError(err) && !x.outOfTime():
		return nil, &ownFault{err}
	case err == nil && (resp.StatusCode >= 500 || resp.StatusCode == http.StatusTooManyRequests):
		return resp, x.statusError(resp)
	}
	return resp, err
}

// outOfTime reports whether a Cancel is http.Client's own, whose Timeout closes it in
// the instant in which it ends the context. net/http then tells of either, and the
// server was as slow in both cases.
func (x *exchange) outOfTime() bool {
	//lint:ignore SA1019 http.Client sets it
	if x.req.Cancel == nil { //nolint:staticcheck // as above
		return false
	}
	deadline, ok := x.req.Context().Deadline()
	return ok && !time.Now().Before(deadline)
}

// ownFault is an error that is not the server's on its way through a circuit. Like
// a rejection, it means that the server was not asked, or that nobody knows.
type ownFault struct{ err error }

func (e *ownFault) Error() string        { return e.err.Error() }
func (e *ownFault) Unwrap() error        { return e.err }
func (e *ownFault) Is(target error) bool { return target == policy.ErrRejected }

// judge says what an attempt's result means to a retry: an error for what is to
// be tried again, a permanent one for what failed for good.
//
// Where the context has ended there is nothing to say: the retry sees to that,
// and tells of the end and the error both.
func (x *exchange) judge(ctx context.Context, resp *http.Response, err error) (*http.Response, error) {
	var own *ownFault
	if errors.As(err, &own) {
		err = own.err
	}
	again := x.again(resp, err)
	switch {
	case err != nil && resp == nil && ctx.Err() != nil:
		return nil, err
	case again && err == nil:
		err = x.statusError(resp)
	case !again && err != nil:
		return resp, retry.Permanent(err)
	}
	var status *StatusError
	if errors.As(err, &status) && status.retryAfter > 0 {
		return resp, retry.After(err, status.retryAfter)
	}
	return resp, err
}

// again reports whether a result is worth another attempt, and the request may
// have one.
func (x *exchange) again(resp *http.Response, err error) bool {
	if resp != nil {
		if resp.StatusCode == http.StatusSwitchingProtocols {
			return false // the connection is the caller's
		}
		err = nil // a status, not an error, to the rules
	}
	x.mu.Lock()
	unsent := x.unsent && err != nil
	x.mu.Unlock()
	return (x.repeatable || unsent) && x.upload.replayable() && x.t.cfg.RetryResponse(resp, err)
}

func (x *exchange) statusError(resp *http.Response) *StatusError {
	x.mu.Lock()
	n := x.attempts
	x.mu.Unlock()
	return newStatusError(x.req, resp, n, x.t.now())
}

// attemptAlone is attempt for a pipeline of the user's making, which gets both
// judgements at once.
func (x *exchange) attemptAlone(ctx context.Context) (*http.Response, error) {
	resp, err := x.attempt(ctx)
	if err != nil && RequestError(err) && !x.outOfTime() {
		return nil, retry.Permanent(&ownFault{err})
	}
	resp, err = x.blame(resp, err)
	resp, err = x.judge(ctx, resp, err)
	if resp != nil && err != nil {
		x.refuse(resp)
	}
	return resp, err
}

// settle turns what a retry ended with into a response or an error. A bad
// response is what the caller asked for, unless it was let go or the caller has
// gone.
func (x *exchange) settle(ctx context.Context, resp *http.Response, err error) (*http.Response, error) {
	var own *ownFault
	if errors.As(err, &own) {
		err = own.err
	}
	switch {
	case err == nil && resp == nil:
		return nil, errors.New("ductilehttp: Config.Pipeline returned neither a response nor an error")
	case err == nil:
		return resp, nil
	case resp == nil || !as[*StatusError](err) || !x.has(resp):
		return nil, err
	case ctx.Err() != nil && as[*retry.Error](err):
		return nil, err
	}
	if ended, ok := errors.AsType[*retry.Error](err); ok {
		x.tell(func(c *tally) { c.ended.Store(ended) })
	}
	return resp, nil
}
