package ductilehttp

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// maxRedirects is how many redirects a call follows; net/http's client has the same limit.
const maxRedirects = 10

// journey is one call of a Client, with its redirects.
type journey struct {
	c        *Client
	begun    time.Time
	own      Override // set by the caller
	attempts int      // requests sent so far
	retried  int      // of these, the ones after the first to each URL
	gaveUp   *retry.Error
}

// send sends r and follows its redirects, all within the call's attempts and time.
func (j *journey) send(r *http.Request) (*http.Response, error) {
	if own, ok := r.Context().Value(overrideKey{}).(*Override); ok {
		j.own = *own
	}
	for hop, left := 0, time.Duration(0); ; hop++ {
		resp, err := j.c.transport.RoundTrip(j.limited(r, hop, left))
		if err != nil {
			if ended, ok := errors.AsType[*retry.Error](err); ok {
				j.attempts += ended.Attempts
			}
			return nil, err
		}
		n, gaveUp := Attempts(resp)
		j.attempts, j.retried, j.gaveUp = j.attempts+n, j.retried+n-1, gaveUp
		next, err := j.c.redirected(r, resp)
		if next == nil && err == nil {
			return resp, nil
		}
		_ = resp.Body.Close()
		left = j.timeLeft() // read once: 0 would mean the default, negative no limit
		switch {
		case err != nil:
			return nil, err
		case hop+1 == maxRedirects:
			return nil, errors.New("stopped after 10 redirects")
		case left <= 0:
			return nil, &policy.TimeoutError{Name: "total", After: j.total()}
		}
		r = next
	}
}

// limited limits r to what the call has left. If an attempt timeout no longer fits in that,
// the default is used.
func (j *journey) limited(r *http.Request, hop int, left time.Duration) *http.Request {
	cfg := j.c.transport.Config()
	if hop == 0 || cfg.Pipeline != nil {
		return r
	}
	o := j.own
	most := cmp.Or(o.MaxAttempts, cfg.Retry.WithDefaults().MaxAttempts)
	if most != retry.Unlimited {
		o.MaxAttempts = max(1, most-j.retried)
	}
	if j.total() > 0 {
		o.TotalTimeout = left
		if o.AttemptTimeout >= left {
			o.AttemptTimeout = 0
		}
	}
	return r.WithContext(WithOverride(r.Context(), o))
}

func (j *journey) total() time.Duration {
	return cmp.Or(j.own.TotalTimeout, j.c.transport.cfg.TotalTimeout, DefaultTotalTimeout)
}

func (j *journey) timeLeft() time.Duration {
	if j.total() < 0 || j.c.transport.cfg.Pipeline != nil {
		return 1
	}
	return j.total() - policy.Now(j.c.transport.cfg.Clock).Sub(j.begun)
}

// redirected returns the request that resp redirects r to, or nil if resp is the final
// response. A redirect that would turn another method into a GET is final: following it
// would report success for a request that was not made. Only 303 See Other asks for a GET.
func (c *Client) redirected(r *http.Request, resp *http.Response) (*http.Request, error) {
	keep := true
	switch resp.StatusCode {
	case http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
	case http.StatusMovedPermanently, http.StatusFound:
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			return nil, nil
		}
	case http.StatusSeeOther:
		keep = r.Method == http.MethodGet || r.Method == http.MethodHead
	default:
		return nil, nil
	}
	location := resp.Header.Get("Location")
	if location == "" {
		return nil, nil
	}
	ref, err := url.Parse(location)
	if err != nil {
		return nil, errors.New("ductilehttp: the Location of a redirect is not a valid URL") // its text may contain secrets
	}
	u := r.URL.ResolveReference(ref)
	if hostOf(u) != c.host {
		return nil, ErrRedirect
	}
	return follow(r, u, keep)
}

// ofWrite are headers of a request that describe its body or its repetition. They would be
// wrong for the GET that follows it.
var ofWrite = [...]string{
	"Content-Digest", "Content-Encoding", "Content-Language", "Content-Length", "Content-Location", "Content-Md5", "Content-Range",
	"Content-Type", "Digest", "Expect", "Idempotency-Key", "Repr-Digest", "X-Idempotency-Key",
}

// follow returns the request to u that repeats r, or a GET if keep is false. It returns nil
// if the body of r cannot be read again: it would arrive empty.
func follow(r *http.Request, u *url.URL, keep bool) (*http.Request, error) {
	next := r.WithContext(r.Context())
	next.URL, next.Header = u, r.Header.Clone()
	if !keep {
		next.Method, next.Body, next.GetBody, next.ContentLength = http.MethodGet, nil, nil, 0
		next.TransferEncoding, next.Trailer = nil, nil
		for _, name := range ofWrite {
			next.Header.Del(name)
		}
		return next, nil
	}
	switch {
	case r.Body == nil || r.Body == http.NoBody:
		return next, nil
	case r.GetBody == nil:
		return nil, nil
	}
	var err error
	next.Body, err = r.GetBody()
	return next, err
}
