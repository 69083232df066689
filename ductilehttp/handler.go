package ductilehttp

import (
	"cmp"
	"context"
	"errors"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/internal/origin"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/ratelimit"
	"github.com/ductile-go/ductile/retry"
)

// HandlerFunc is a handler that may fail. One that returns an error should not
// have written anything; if it has, its answer stands. What headers it has set are
// sent with the error, but for those that describe content.
type HandlerFunc func(w http.ResponseWriter, r *http.Request) error

// HandlerConfig configures [Handler]. The zero value is the default.
type HandlerConfig struct {
	// TimeoutHeader names the header with the time that the caller has left, in
	// milliseconds. Empty means [DefaultTimeoutHeader].
	TimeoutHeader string
	// MaxTimeout bounds a request, whatever its caller says. 0 means 30 s, negative
	// no bound.
	MaxTimeout time.Duration
	// Gate, if set, has a place for each request. A request waits for one within its time,
	// as the gate's queue allows, and is answered with 503 if it gets none.
	Gate *bulkhead.Gate
	// Priority returns the priority of a request, for Gate and, in the request's context,
	// for gates further in. Nil means that the context has it already, or Normal.
	Priority func(r *http.Request) policy.Priority
	// Status says how an error is answered. Nil means [Status]. A code that is no final
	// status counts as 500.
	Status func(error) (code int, retryAfter time.Duration)
	// OnError is called with every error before it is answered.
	OnError func(r *http.Request, err error)
	Clock   policy.Clock // nil means real time
}

// Validate returns nil for a config that [Handler] takes, or all that is wrong
// with it.
func (c HandlerConfig) Validate() error {
	faults := faultsOf("HandlerConfig")
	if c.TimeoutHeader != "" && !isToken(c.TimeoutHeader) {
		faults.Add("TimeoutHeader", strconv.Quote(c.TimeoutHeader), "a header's name")
	}
	if c.Gate != nil {
		faults.In("Gate", origin.Gate(c.Gate))
	}
	return faults.Err()
}

// Handler returns a handler that runs next in the time that its caller has left
// and answers the errors that it returns: by default with 503 or 429 and a
// Retry-After for what policies refused or timed out, and with 500 for the rest.
// The error's text is not sent.
//
// The caller's time is read from a header, such as a [Transport] with a
// TimeoutHeader sends, and is at most MaxTimeout. The request's context ends with
// it; so does what next calls with that context, and so on. A caller with no time
// left is refused without a call.
//
// Handler panics when next is nil, and with Validate's error.
func Handler(next HandlerFunc, cfg HandlerConfig) http.Handler {
	if next == nil {
		panic("ductilehttp: Handler: next is nil, want a function")
	}
	if err := cfg.Validate(); err != nil {
		panic(err)
	}
	cfg.TimeoutHeader = cmp.Or(cfg.TimeoutHeader, DefaultTimeoutHeader)
	cfg.MaxTimeout = cmp.Or(cfg.MaxTimeout, DefaultMaxTimeout)
	if cfg.Status == nil {
		cfg.Status = Status
	}
	return &handler{next: next, cfg: cfg}
}

type handler struct {
	next HandlerFunc
	cfg  HandlerConfig
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	tracked := &writer{ResponseWriter: w}
	err := h.serve(tracked, r)
	if err == nil {
		return
	}
	if h.cfg.OnError != nil {
		h.cfg.OnError(r, err)
	}
	if tracked.wrote {
		return
	}
	code, after := h.cfg.Status(err)
	if code < http.StatusOK || code > maxStatus { // net/http panics over some of them
		code = http.StatusInternalServerError
	}
	if after > 0 {
		w.Header().Set("Retry-After", strconv.FormatInt(int64(math.Ceil(after.Seconds())), 10))
	}
	for _, name := range ofAnswer {
		w.Header().Del(name)
	}
	http.Error(w, http.StatusText(code), code)
}

// maxStatus is the highest status that net/http writes.
const maxStatus = 999

// ofAnswer is what next may have said of the answer that it did not come to. Of
// the error that is sent instead it would be wrong.
var ofAnswer = []string{
	"Accept-Ranges", "Cache-Control", "Content-Digest", "Content-Disposition", "Content-Encoding", "Content-Language",
	"Content-Location", "Content-Md5", "Content-Range", "Digest", "Etag", "Expires", "Last-Modified", "Repr-Digest", "Trailer",
}

// serve runs next within the request's time.
func (h *handler) serve(w http.ResponseWriter, r *http.Request) error {
	if h.cfg.Priority != nil {
		r = r.WithContext(policy.WithPriority(r.Context(), h.cfg.Priority(r)))
	}
	limit, ok := h.limit(r)
	switch {
	case !ok:
		return h.admit(w, r)
	case limit <= 0:
		return &policy.TimeoutError{Name: "request"}
	}
	t := policy.NewTimeout[struct{}](policy.TimeoutConfig{Name: "request", After: limit, Clock: h.cfg.Clock})
	_, err := t.Do(r.Context(), func(ctx context.Context) (struct{}, error) {
		return struct{}{}, h.admit(w, r.WithContext(ctx))
	})
	return err
}

// admit runs next in a place of the gate.
func (h *handler) admit(w http.ResponseWriter, r *http.Request) error {
	if h.cfg.Gate != nil {
		place, err := h.cfg.Gate.Acquire(r.Context())
		if err != nil {
			return err
		}
		defer place.Release()
	}
	return h.next(w, r)
}

// limit returns the time that r has, or false if it has no bound.
func (h *handler) limit(r *http.Request) (time.Duration, bool) {
	asked, ok := parseTimeLeft(r.Header.Get(h.cfg.TimeoutHeader))
	switch {
	case h.cfg.MaxTimeout < 0:
		return asked, ok
	case ok:
		return min(asked, h.cfg.MaxTimeout), true
	}
	return h.cfg.MaxTimeout, true
}

// StatusClientClosed is the status that [Status] returns if the client has left, as
// usual in access logs. No client sees it.
const StatusClientClosed = 499

// Status returns the status that an error is answered with, and how long the caller is
// to wait. It is 429 for ratelimit.ErrExceeded, for any other rejection that says when to
// come back and is not a circuit's, and for a 429 of a server further on; 499 for a
// cancel, that is, for a client that has left; 503 for any other rejection, for a
// timeout, for a retry that ended, and for a 5xx from further on; 500 for the rest. The
// wait is what the error asks for (policy.RetryAfter), and at least 1 s; 499 and 500 have
// none.
func Status(err error) (code int, retryAfter time.Duration) {
	code = statusOf(err)
	if code == http.StatusInternalServerError || code == StatusClientClosed {
		return code, 0
	}
	retryAfter, _ = policy.RetryAfter(err)
	return code, max(retryAfter, time.Second)
}

func statusOf(err error) int {
	if status, ok := errors.AsType[*StatusError](err); ok && status != nil {
		return statusFor(status.StatusCode)
	}
	_, hinted := policy.RetryAfter(err)
	open := errors.Is(err, breaker.ErrOpen)
	switch {
	case errors.Is(err, ratelimit.ErrExceeded), errors.Is(err, policy.ErrRejected) && hinted && !open:
		return http.StatusTooManyRequests // a limiter of ours may have no hint any more
	case errors.Is(err, context.Canceled) && !open:
		return StatusClientClosed
	case open, errors.Is(err, policy.ErrRejected), as[*policy.TimeoutError](err), as[*retry.Error](err),
		errors.Is(err, context.DeadlineExceeded):
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// statusFor returns the answer for a status of a server further on.
func statusFor(code int) int {
	switch {
	case code == http.StatusTooManyRequests:
		return code
	case code >= http.StatusInternalServerError:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}
