package ductilehttp

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/hedge"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/ratelimit"
	"github.com/ductile-go/ductile/retry"
)

// Retry returns a policy for a [Config]'s Pipeline that retries as cfg says and lets go of
// the response that is given up before it waits: the connection can be used meanwhile. It
// panics with the error of retry.Config.Validate.
func Retry(cfg retry.Config) *retry.Retry[*http.Response] {
	if told := cfg.OnRetry; told != nil {
		cfg.OnRetry = func(ctx context.Context, e policy.Event) {
			if status, ok := e.Err.(*StatusError); ok && status != nil && status.hold != nil { //nolint:errorlint // the exchange's own
				status.hold() // an upload that goes on meanwhile must not spoil the next attempt
			}
			told(ctx, e)
		}
	}
	return retry.New[*http.Response](cfg).WithDiscard(Discard)
}

// Hedge returns a policy for a [Config]'s Pipeline that makes extra attempts as cfg says
// and lets go of the responses that lose. A request that must not be repeated, or whose
// body cannot be got again, gets none: its extra attempts fail before they send anything.
// It panics with the error of hedge.Config.Validate.
func Hedge(cfg hedge.Config) *hedge.Hedge[*http.Response] {
	return hedge.New[*http.Response](cfg).WithDiscard(discardBeside)
}

// RateLimit returns a policy for a [Config]'s Pipeline that takes a token of l for each
// attempt. A 429 with a hint pauses l for as long, at most retry.DefaultMaxRetryAfter. It
// panics if l is nil or was not made by NewLimiter.
func RateLimit(l *ratelimit.Limiter) *ratelimit.RateLimit[*http.Response] { return rateLimit(l, 0) }

// rateLimit is RateLimit with another limit for a pause, or 0 for the default.
func rateLimit(l *ratelimit.Limiter, most time.Duration) *ratelimit.RateLimit[*http.Response] {
	most = cmp.Or(most, retry.DefaultMaxRetryAfter)
	return ratelimit.New[*http.Response](l).WithPause(func(_ *http.Response, err error) time.Duration {
		if status, ok := errors.AsType[*StatusError](err); ok && status != nil && status.StatusCode == http.StatusTooManyRequests {
			return min(status.retryAfter, most)
		}
		return 0
	})
}

// Bulkhead returns a policy for a [Config]'s Pipeline that runs each attempt in a place of
// g, which is held until the response's body has ended. It panics if g is nil or was not
// made by NewGate.
func Bulkhead(g *bulkhead.Gate) *bulkhead.Bulkhead[*http.Response] {
	return bulkhead.New[*http.Response](g).WithKeep(holdPlace)
}

// holdPlace keeps a place until the body has ended. It does not end the body with the
// context, as HoldBody does: that of an attempt ends with the header.
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

// Discard lets go of a response that is not wanted, for the WithDiscard of a retry. It
// reads the body to its end, within 64 KiB and 100 ms, so that the connection can be used
// again, and closes it.
func Discard(resp *http.Response) {
	if resp == nil || resp.Body == nil {
		return
	}
	if b, ok := resp.Body.(*body); ok && b.x != nil {
		b.x.letGo(isBad)
		return
	}
	_ = resp.Body.Close()
}

// discardBeside is Discard for a response that another one has replaced: that is on its
// way to the caller, and stays.
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

// Breaker returns a policy for a [Config]'s Pipeline that consults circuit, and judges a
// response when its body has ended: one that breaks off or stalls is a Failure; one that
// is closed early, and a stream of events, a Success; one whose caller leaves is Ignored.
// It panics if circuit is nil or was not made by NewCircuit.
func Breaker(circuit *breaker.Circuit) policy.Policy[*http.Response] {
	return &judging{breaker.New[*http.Response](circuit).WithKeep(holdVerdict)}
}

// judging is a breaker whose verdicts may come after the call.
type judging struct {
	*breaker.Breaker[*http.Response]
}

// Execute runs next as the circuit allows.
func (j *judging) Execute(ctx context.Context, next policy.Call[*http.Response]) (*http.Response, error) {
	return j.Breaker.Execute(&verdictCtx{Context: ctx}, next)
}

// Refusal asks the circuit.
func (j *judging) Refusal(ctx context.Context, after time.Duration) error {
	return j.Breaker.Refusal(ctx, after)
}

// verdictCtx is the context of a breaker. Once a body brings the verdict, it has no end,
// since the breaker would take that for the verdict, and the call ends before the body.
type verdictCtx struct {
	context.Context
	kept atomic.Bool // read by contexts that derive from this one on other goroutines
}

func (c *verdictCtx) Done() <-chan struct{} {
	if c.kept.Load() {
		return nil
	}
	return c.Context.Done()
}

// holdVerdict has a response's body call record.
func holdVerdict(ctx context.Context, resp *http.Response, record func(policy.Outcome)) *http.Response {
	var b *body
	if resp != nil {
		b, _ = resp.Body.(*body)
	}
	if b == nil || streams(resp) {
		record(policy.Success)
		return resp
	}
	if c, ok := ctx.(*verdictCtx); ok {
		c.kept.Store(true)
	}
	b.await(record)
	return resp
}

// HoldBody keeps the context of a response until its body has ended, for the WithKeep of
// a Timeout in a [Config]'s Pipeline:
//
//	policy.Timeout[*http.Response](10 * time.Second).WithKeep(ductilehttp.HoldBody)
//
// The limit then covers the body: a Read that it ends returns an error that matches
// *policy.TimeoutError. Without it, a limit covers the header. A response that has no body,
// and one to an upgrade, whose connection is the caller's from then on, keep nothing.
func HoldBody(ctx context.Context, resp *http.Response, release func()) *http.Response {
	if resp == nil || !hasBody(resp) {
		release()
		return resp
	}
	b, ok := resp.Body.(*body)
	if !ok { // a policy's own response
		b = &body{src: resp.Body}
		resp.Body = b
	}
	b.hold(ctx, release)
	return resp
}
