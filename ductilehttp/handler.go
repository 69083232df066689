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
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// DefaultMaxTimeout is what HandlerConfig.MaxTimeout is by default.
const DefaultMaxTimeout = 30 * time.Second

// HandlerFunc is a handler that may fail. One that returns an error should not
// have written anything; if it has, its answer stands. What headers it has set are
// sent with the error, but for those that describe content.
type HandlerFunc func(w http.ResponseWriter, r *http.Request) error

// HandlerConfig configures [Handler]. The zero value is the default.
type HandlerConfig struct {
	// TimeoutHeader names the header with the time that the caller has left, in
	// milliseconds. Empty means [TimeoutHeader].
	TimeoutHeader string
	// MaxTimeout bounds a request, whatever its caller says. 0 means 30 s, negative
	// no bound.
	MaxTimeout time.Duration
	// Status says how an error is answered. Nil means [Status].
	Status func(error) (code int, retryAfter time.Duration)
	// OnError is told of every error before it is answered.
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
	return faults.Err()
}

// Handler returns a handler that runs next in the time that its caller has left
// and answers for the errors that it returns: by default with 503 and 429 and a
// Retry-After for what policies refused or timed out, and with 500 for the rest.
// The error's text stays here.
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
	cfg.TimeoutHeader = cmp.Or(cfg.TimeoutHeader, TimeoutHeader)
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
	if after > 0 {
		w.Header().Set("Retry-After", strconv.FormatInt(int64(math.Ceil(after.Seconds())), 10))
	}
	for _, name := range ofAnswer {
		w.Header().Del(name)
	}
	http.Error(w, http.StatusText(code), code)
}

// ofAnswer is what next may have said of the answer that it did not come to. Of
// the error that is sent instead it would be wrong.
var ofAnswer = []string{
	"Accept-Ranges", "Cache-Control", "Content-Digest", "Content-Disposition", "Content-Encoding", "Content-Language",
	"Content-Location", "Content-Range", "Digest", "Etag", "Expires", "Last-Modified", "Repr-Digest", "Trailer",
}

// serve runs next within the request's time.
func (h *handler) serve(w http.ResponseWriter, r *http.Request) error {
	limit, ok := h.limit(r)
	switch {
	case !ok:
		return h.next(w, r)
	case limit <= 0:
		return &policy.TimeoutError{Name: "request"}
	}
	t := policy.NewTimeout[struct{}](policy.TimeoutConfig{Name: "request", After: limit, Clock: h.cfg.Clock})
	_, err := t.Do(r.Context(), func(ctx context.Context) (struct{}, error) {
		return struct{}{}, h.next(w, r.WithContext(ctx))
	})
	return err
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

// Status returns the status that an error is answered with, and how long the
// caller is to wait: 429 for a rejection that is not a circuit's, and for a 429
// that came from further on; 503 for a circuit's, for a timeout, for retries that
// ended and for a 5xx from further on; 500 for the rest. The wait is what the
// error's chain says by a method RetryAfter, and 1 s if it says nothing; after a
// 500 there is none.
func Status(err error) (code int, retryAfter time.Duration) {
	code = statusOf(err)
	if code == http.StatusInternalServerError {
		return code, 0
	}
	var hint interface{ RetryAfter() time.Duration }
	if errors.As(err, &hint) {
		retryAfter = hint.RetryAfter()
	}
	return code, max(retryAfter, time.Second)
}

func statusOf(err error) int {
	var status *StatusError
	switch {
	case errors.As(err, &status) && status.Status == http.StatusTooManyRequests:
		return http.StatusTooManyRequests
	case status != nil && status.Status < http.StatusInternalServerError:
		return http.StatusInternalServerError
	case status != nil, errors.Is(err, breaker.ErrOpen), as[*policy.TimeoutError](err), as[*retry.Error](err),
		errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return http.StatusServiceUnavailable
	case errors.Is(err, policy.ErrRejected):
		return http.StatusTooManyRequests
	}
	return http.StatusInternalServerError
}
