package ductilehttp

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/internal/ending"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// judge marks an attempt's result for the policies: whether another attempt may be made and
// is worthwhile, when, and what the result says about the server. No other code decides
// this.
func (x *exchange) judge(a *attempt, resp *http.Response, err error) (*http.Response, error) {
	if err != nil {
		x.fail(err)
		if !x.wanted(nil, err) {
			err = retry.Permanent(err)
		}
		if o := a.blame(err); o != policy.Undecided { // a bare cause of a timeout needs no mark
			err = breaker.Judge(err, o)
		}
		return nil, err
	}
	again := x.wanted(resp, nil)
	if !again && !failedStatus(resp.StatusCode) {
		return resp, nil
	}
	status := x.statusError(resp)
	status.injected = a.injected
	err = status
	switch {
	case !failedStatus(resp.StatusCode):
		err = breaker.Judge(err, policy.Success) // the server answered
	case resp.StatusCode == http.StatusNotImplemented:
		err = breaker.Judge(err, policy.Ignored)
	}
	switch {
	case !again:
		err = retry.Permanent(err)
	case status.retryAfter > 0:
		err = retry.After(err, status.retryAfter)
	}
	if resp.Body == http.NoBody {
		resp.Body = &body{x: x, src: http.NoBody, ended: true} // so that the response can be recognized later
		x.keep(resp)
	}
	x.spoil(a.parent, resp, err)
	return resp, err
}

// wanted reports whether a result is worth another attempt and the request may have one.
func (x *exchange) wanted(resp *http.Response, err error) bool {
	if resp != nil && resp.StatusCode == http.StatusSwitchingProtocols {
		return false // the connection belongs to the caller
	}
	x.mu.Lock()
	may := (x.repeatable || x.out == 0) && (x.most == 0 || x.sent < x.most)
	x.mu.Unlock()
	return may && x.upload.replayable() && x.t.cfg.RetryResponse(resp, err)
}

// blame returns what an attempt's error says about the server: Ignored, or Undecided to let
// circuits decide.
func (a *attempt) blame(err error) policy.Outcome {
	switch {
	case ending.Canceled(a.x.req.Context(), err): // the policies' contexts may not have ended yet
		return policy.Ignored
	case IsRequestError(err) && !a.x.outOfTime():
		return policy.Ignored
	case as[*prepareError](err), a.dry(err):
		return policy.Ignored
	case a.spared:
		return policy.Ignored
	}
	return policy.Undecided
}

// outOfTime reports whether Cancel comes from http.Client's Timeout, which closes it at the
// moment when the context ends. net/http then reports either one, and in both cases the
// server was too slow.
func (x *exchange) outOfTime() bool {
	//lint:ignore SA1019 http.Client sets it
	if x.req.Cancel == nil { //nolint:staticcheck // as above
		return false
	}
	deadline, ok := x.req.Context().Deadline()
	return ok && !time.Now().Before(deadline)
}

func (x *exchange) statusError(resp *http.Response) *StatusError {
	e := newStatusError(x.req, resp, x.count(), x.t.cfg.hint(resp))
	e.hold = func() { x.upload.hold() }
	return e
}

// outward makes a retry's error a net.Error if a timeout ended the retry.
func outward(err error) error {
	if ended, ok := err.(*retry.Error); ok { //nolint:errorlint // wrapped by another policy, it is that policy's to say
		var t interface{ Timeout() bool }
		if errors.As(ended, &t) && t.Timeout() || errors.Is(ended.Reason, context.DeadlineExceeded) {
			return &timeoutError{ended}
		}
	}
	return err
}

// timeoutError is a retry's error caused by a timeout.
type timeoutError struct{ err error }

func (e *timeoutError) Error() string   { return e.err.Error() }
func (e *timeoutError) Unwrap() error   { return e.err }
func (e *timeoutError) Timeout() bool   { return true }
func (e *timeoutError) Temporary() bool { return true }
