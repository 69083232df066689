package ductilehttp

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/ductile-go/ductile/adaptive"
	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/internal/origin"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/ratelimit"
	"github.com/ductile-go/ductile/retry"
	"github.com/ductile-go/ductile/throttle"
)

// HandlerFunc is a handler that returns an error. It should return an error only before it
// has written anything; otherwise the response that it began is kept. Headers that it has
// set are sent with the error, except those that describe content.
type HandlerFunc func(w http.ResponseWriter, r *http.Request) error

// HandlerConfig configures [Handler]. The zero HandlerConfig is valid.
type HandlerConfig struct {
	// TimeoutHeader names the header with the caller's remaining time in milliseconds.
	// Empty means [DefaultTimeoutHeader].
	TimeoutHeader string
	// MaxTimeout bounds a request, whatever time its caller asks for. 0 means 30 s.
	// Negative means no limit.
	MaxTimeout time.Duration
	// Gate, if set, bounds the requests in flight. A request waits for a place within its
	// time limit, as the gate's queue allows, and is answered with 503 if it gets none.
	Gate *bulkhead.Gate
	// Priority returns the priority of a request. Gate uses it, and so do gates further in,
	// by the request's context. If nil, the priority in the context is used, or Normal.
	Priority func(r *http.Request) policy.Priority
	// Status returns the status and the Retry-After for an error. If nil, [Status] is used.
	// A code that is not a final status is replaced by 500.
	Status func(error) (code int, retryAfter time.Duration)
	// OnError is called with every error before the response is written.
	OnError func(r *http.Request, err error)
	Clock   policy.Clock // nil means real time
}

// Validate returns nil if [Handler] accepts c, and otherwise all faults, joined.
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

// Handler returns a handler that runs next within the time that its caller has left and
// answers the errors that next returns. By default, rejections and timeouts of policies are
// answered with 503 or 429 and a Retry-After, and all other errors with 500. The error's
// text is not sent.
//
// The caller's time is read from a header, such as the one that a [Transport] with a
// TimeoutHeader sends, and is at most MaxTimeout. It bounds the request's context, and so
// all calls that next makes with that context. If the caller has no time left, the request
// is refused without a call of next.
//
// Handler panics if next is nil, and with the error of Validate if cfg is invalid.
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
	if code < http.StatusOK || code > maxStatus { // net/http panics for some of these codes
		code = http.StatusInternalServerError
	}
	if after > 0 {
		w.Header().Set("Retry-After", inSeconds(after))
	}
	for _, name := range ofAnswer {
		w.Header().Del(name)
	}
	http.Error(w, http.StatusText(code), code)
}

// maxStatus is the highest status that net/http writes.
const maxStatus = 999

// ofAnswer are headers that next may have set for the response that it did not write. They
// would be wrong for the error that is sent instead.
var ofAnswer = []string{
	"Accept-Ranges", "Cache-Control", "Content-Digest", "Content-Disposition", "Content-Encoding", "Content-Language",
	"Content-Location", "Content-Md5", "Content-Range", "Digest", "Etag", "Expires", "Last-Modified", "Repr-Digest", "Trailer",
}

// serve runs next within the request's time limit.
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

// admit runs next while it holds a place in the gate.
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

// limit returns the time limit of r, or false if it has none.
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

// StatusClientClosed is the status that [Status] returns if the client has disconnected, as
// is usual in access logs. It reaches no client.
const StatusClientClosed = 499

// Status returns the status for an error, and how long the caller is to wait. It returns
// 429 for ratelimit.ErrExceeded, for any other rejection that carries a wait and is not a
// circuit's, and for a 429 of a server further on. It returns 499 for a cancellation, which
// means that the client has disconnected. It returns 503 for any other rejection, for a
// timeout, for a retry that gave up, and for a 5xx of a server further on. It returns 500
// for all other errors. The wait is the one that the error carries (policy.RetryAfter), and
// at least 1 s; it is 0 for 499 and 500.
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
		switch {
		case status.StatusCode == http.StatusTooManyRequests:
			return http.StatusTooManyRequests
		case status.StatusCode >= http.StatusInternalServerError:
			return http.StatusServiceUnavailable
		}
	}
	_, hinted := policy.RetryAfter(err)
	open := errors.Is(err, breaker.ErrOpen)
	switch {
	case errors.Is(err, ratelimit.ErrExceeded), errors.Is(err, policy.ErrRejected) && hinted && !open:
		return http.StatusTooManyRequests // the error of a limiter may no longer carry a wait
	case errors.Is(err, context.Canceled) && !open:
		return StatusClientClosed
	case open, errors.Is(err, policy.ErrRejected), isOverload(err), as[*policy.TimeoutError](err), as[*retry.Error](err),
		errors.Is(err, context.DeadlineExceeded):
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// isOverload reports whether err matches one of the sentinels of the policies that refuse
// without a wait. The sentinels alone do not match policy.ErrRejected.
func isOverload(err error) bool {
	return errors.Is(err, throttle.ErrThrottled) || errors.Is(err, bulkhead.ErrFull) || errors.Is(err, adaptive.ErrLimited)
}
