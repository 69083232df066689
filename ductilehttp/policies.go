package ductilehttp

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/hedge"
	"github.com/ductile-go/ductile/internal/verdict"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/ratelimit"
	"github.com/ductile-go/ductile/retry"
)

// Retry returns a policy for the Pipeline of a [Config] that retries as cfg says. It
// discards the response of a failed attempt before the delay, so that its connection can be
// used in the meantime. It panics with the error of retry.Config.Validate if cfg is
// invalid.
func Retry(cfg retry.Config) *retry.Retry[*http.Response] {
	if told := cfg.OnRetry; told != nil {
		cfg.OnRetry = func(ctx context.Context, e policy.Event) {
			if status, ok := e.Err.(*StatusError); ok && status != nil && status.hold != nil { //nolint:errorlint // the exchange's own
				status.hold() // an upload that continues must not spoil the next attempt
			}
			told(ctx, e)
		}
	}
	return retry.New[*http.Response](cfg).WithDiscard(Discard)
}

// Hedge returns a policy for the Pipeline of a [Config] that makes extra attempts as cfg
// says and discards the losing responses. It does not hedge a request that must not be
// repeated or whose body GetBody cannot return again: the extra attempts of such a request
// fail before they send anything. It panics with the error of hedge.Config.Validate if cfg
// is invalid.
func Hedge(cfg hedge.Config) *hedge.Hedge[*http.Response] {
	return hedge.New[*http.Response](cfg).WithDiscard(discardBeside)
}

// RateLimit returns a policy for the Pipeline of a [Config] that takes a token of l for
// each attempt. A 429 with a hint pauses l for that long, at most
// retry.DefaultMaxRetryAfter. It panics if l is nil or was not made by NewLimiter.
func RateLimit(l *ratelimit.Limiter) *ratelimit.RateLimit[*http.Response] { return rateLimit(l, 0) }

// rateLimit is RateLimit with a maximum pause; 0 means the default.
func rateLimit(l *ratelimit.Limiter, most time.Duration) *ratelimit.RateLimit[*http.Response] {
	most = cmp.Or(most, retry.DefaultMaxRetryAfter)
	return ratelimit.New[*http.Response](l).WithPause(func(_ *http.Response, err error) time.Duration {
		if status, ok := errors.AsType[*StatusError](err); ok && status != nil && status.StatusCode == http.StatusTooManyRequests {
			return min(status.retryAfter, most)
		}
		return 0
	})
}

// Bulkhead returns a policy for the Pipeline of a [Config] that runs each attempt in a
// place of g. The place is held until the response body has ended. It panics if g is nil or
// was not made by NewGate.
func Bulkhead(g *bulkhead.Gate) *bulkhead.Bulkhead[*http.Response] {
	return bulkhead.New[*http.Response](g).WithKeep(holdPlace)
}

// holdPlace keeps a place until the body has ended. Unlike HoldBody, it does not end the
// body with the context: an attempt's context ends with the header.
func holdPlace(_ context.Context, resp *http.Response, release func()) *http.Response {
	var b *body
	if resp != nil {
		b, _ = resp.Body.(*body)
	}
	if b == nil {
		release()
		return resp
	}
	b.whenEnded(release)
	return resp
}

// Discard discards an unwanted response, for the WithDiscard of a retry. It reads the body
// to its end, within 64 KiB and 100 ms, so that the connection can be reused, and closes
// it.
func Discard(resp *http.Response) {
	if resp == nil || resp.Body == nil {
		return
	}
	if b, ok := resp.Body.(*body); ok && b.x != nil {
		b.x.letGo(func(r reply) bool { return isBad(r) || r.is(resp) }) // a policy may have made an error of a good one
		return
	}
	_ = resp.Body.Close()
}

// discardBeside is Discard for a response that lost to another response. The winner is on
// its way to the caller and is kept.
func discardBeside(resp *http.Response) {
	if resp == nil || resp.Body == nil {
		return
	}
	if b, ok := resp.Body.(*body); ok && b.x != nil {
		b.x.drop(resp)
		return
	}
	_ = resp.Body.Close()
}

// Breaker returns a policy for the Pipeline of a [Config] that uses circuit and judges a
// response when its body has ended. A body that breaks off or stalls is a Failure. A body
// that is closed early and an event stream are a Success. A body whose caller cancels is
// Ignored. It panics if circuit is nil or was not made by NewCircuit.
func Breaker(circuit *breaker.Circuit) policy.Policy[*http.Response] {
	return &judging{breaker.New[*http.Response](circuit).WithKeep(holdVerdict)}
}

// judging is a breaker whose verdict may come after the call has returned.
type judging struct {
	*breaker.Breaker[*http.Response]
}

// Execute runs next if the circuit admits it.
func (j *judging) Execute(ctx context.Context, next policy.Call[*http.Response]) (*http.Response, error) {
	return j.Breaker.Execute(&verdict.Context{Context: ctx}, next)
}

// Refusal returns the circuit's refusal.
func (j *judging) Refusal(ctx context.Context, after time.Duration) error {
	return j.Breaker.Refusal(ctx, after)
}

// holdVerdict makes the response body call record.
func holdVerdict(ctx context.Context, resp *http.Response, record func(policy.Outcome)) *http.Response {
	var b *body
	if resp != nil {
		b, _ = resp.Body.(*body)
	}
	if b == nil || streams(resp) {
		record(policy.Success)
		return resp
	}
	if c, ok := ctx.(*verdict.Context); ok {
		c.Outlive()
	}
	b.await(record)
	return resp
}

// HoldBody keeps the context of a response until its body has ended. Use it as the WithKeep
// of a Timeout in the Pipeline of a [Config]:
//
//	policy.Timeout[*http.Response](10 * time.Second).WithKeep(ductilehttp.HoldBody)
//
// The limit then covers the body: a Read that exceeds it returns an error that matches
// *policy.TimeoutError. Without HoldBody, the limit covers only the header. HoldBody keeps
// nothing for a response without a body, or for an upgrade, whose connection belongs to the
// caller from then on.
//
// HoldBody fits the WithKeep of an adaptive limit too. Each Timeout around the limit then
// needs it as well: the body ends with the context that the limit got, and the context of a
// Timeout without WithKeep ends with the header.
func HoldBody(ctx context.Context, resp *http.Response, release func()) *http.Response {
	if resp == nil || !hasBody(resp) {
		release()
		return resp
	}
	b, ok := resp.Body.(*body)
	if !ok { // a policy made this response
		b = &body{src: resp.Body}
		resp.Body = b
	}
	b.hold(ctx, release)
	return resp
}
