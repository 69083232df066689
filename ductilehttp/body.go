package ductilehttp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// hasBody reports whether there is something in resp that needs a context.
func hasBody(resp *http.Response) bool {
	switch {
	case resp.Body == nil, resp.Body == http.NoBody:
		return false
	case resp.StatusCode == http.StatusSwitchingProtocols:
		return false
	case resp.StatusCode == http.StatusNoContent, resp.StatusCode == http.StatusNotModified:
		return false
	}
	return resp.Request == nil || resp.Request.Method != http.MethodHead
}

// streams reports whether resp is a stream of events, which may be silent for long.
func streams(resp *http.Response) bool {
	v := resp.Header["Content-Type"]
	if len(v) == 0 {
		return false
	}
	kind, _, _ := strings.Cut(v[0], ";")
	return strings.EqualFold(strings.TrimSpace(kind), eventStream)
}

const eventStream = "text/event-stream"

// body is a response's body. It bounds each Read, ends with the contexts that hold it,
// and says how it ended.
type body struct {
	x    *exchange
	a    *attempt      // nil if the context has ended
	src  io.ReadCloser // replace writes it under mu
	idle time.Duration // the longest that a Read may block; 0 means no limit

	mu       sync.Mutex
	ended    bool
	isCut    atomic.Bool          // set under mu, beside cause
	closing  atomic.Bool          // Close was called, which ends a Read beside it
	cause    error                // why it was cut off
	timer    *time.Timer          // of Reads, in real time
	releases []func()             // of contexts and places that are held
	record   func(policy.Outcome) // says how it ended, if a circuit waits for it

	attempts int // of the call that ended with this response
	gaveUp   *retry.Error
}

// hold makes resp's body one that keeps the attempt's context, until it has ended or the
// caller's context has.
func (a *attempt) hold(resp *http.Response) {
	b := &a.body
	b.x, b.a, b.src = a.x, a, resp.Body
	if !hasBody(resp) {
		a.release()
		if (resp.Body != http.NoBody || a.injected) && resp.StatusCode != http.StatusSwitchingProtocols {
			b.ended, resp.Body = true, b // HTTP/2 has one empty body for all of its responses
		}
		return
	}
	if !streams(resp) {
		b.idle = a.x.t.cfg.ReadIdle
	}
	resp.Body = b
}

// hold keeps a policy's context until the body has ended, and ends the body with it.
func (b *body) hold(ctx context.Context, release func()) {
	if ctx.Done() != nil {
		stop := context.AfterFunc(ctx, func() { b.cut(policy.Ended(ctx)) })
		held := release
		release = func() {
			stop()
			held()
		}
	}
	b.whenEnded(release)
}

// whenEnded has release called when the body has ended.
func (b *body) whenEnded(release func()) {
	b.mu.Lock()
	ended := b.ended
	if !ended {
		b.releases = append(b.releases, release)
	}
	b.mu.Unlock()
	if ended {
		release()
	}
}

// await has record called when the body has ended.
func (b *body) await(record func(policy.Outcome)) {
	b.mu.Lock()
	ended := b.ended
	if !ended {
		b.record = record
	}
	b.mu.Unlock()
	if ended {
		record(policy.Success)
	}
}

// Read reads from the response. At the end, good or bad, nothing is held any more.
func (b *body) Read(p []byte) (int, error) {
	stop := b.arm()
	n, err := b.src.Read(p)
	b.disarm(stop)
	if err == nil && b.isCut.Load() { // a source may go on after its Close, for ever
		err = http.ErrBodyReadAfterClose
	}
	if err == nil {
		return n, nil
	}
	if err == io.EOF { //nolint:errorlint // readers return it bare
		b.end(policy.Success)
		return n, io.EOF
	}
	if err = b.explain(err); errors.Is(err, context.Canceled) {
		b.end(policy.Ignored)
	} else {
		b.end(policy.Failure)
	}
	return n, err
}

// arm begins to measure a Read, and returns what stops a virtual clock's timer.
func (b *body) arm() (stop func() bool) {
	if b.idle <= 0 {
		return nil
	}
	if clock := b.x.t.cfg.Clock; clock != nil {
		return policy.AfterFunc(clock, b.idle, b.stall)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.ended:
		return nil
	case b.timer == nil:
		b.timer = time.AfterFunc(b.idle, b.stall)
	default:
		b.timer.Reset(b.idle)
	}
	return nil
}

func (b *body) disarm(stop func() bool) {
	switch {
	case stop != nil:
		stop()
	case b.timer != nil: // only Reads write it, and they do not run side by side
		b.timer.Stop()
	}
}

func (b *body) stall() { b.cut(b.x.t.readStall) }

// cut ends a Read that another goroutine is in: by its context and, since a source may
// not look at that, by Close.
func (b *body) cut(cause error) {
	b.mu.Lock()
	if b.ended {
		b.mu.Unlock()
		return
	}
	if b.cause == nil {
		b.cause = cause
	}
	b.isCut.Store(true)
	src := b.src // read under mu: the Read may end by the context, and then replace runs beside the Close
	b.mu.Unlock()
	if b.a != nil {
		b.a.end(context.Canceled, cause)
	}
	_ = src.Close()
}

// explain returns why the body was cut off, if it was, with what the source said.
func (b *body) explain(err error) error {
	b.mu.Lock()
	cause := b.cause
	b.mu.Unlock()
	switch {
	case cause == nil:
		return err
	case errors.Is(err, context.Canceled) && !errors.Is(cause, context.Canceled):
		return cause // the cancel was our own
	case errors.Is(err, cause):
		return err
	}
	return fmt.Errorf("%w: %w", cause, err)
}

// Close closes the response's body, and only then ends its context: the other way round
// the connection could not be used again.
func (b *body) Close() error {
	defer b.end(policy.Success) // also if src panics
	b.closing.Store(true)
	return b.src.Close()
}

// end ends what the body holds, once. It is safe beside a Read, which then fails.
func (b *body) end(o policy.Outcome) {
	b.mu.Lock()
	if b.ended {
		b.mu.Unlock()
		return
	}
	b.ended = true
	if o == policy.Failure && b.closing.Load() { // of a Read that the Close ended
		o = policy.Success
	}
	if b.cause != nil && o == policy.Success { // closed because of it
		o = policy.Ignored
		if !errors.Is(b.cause, context.Canceled) {
			o = policy.Failure
		}
	}
	record, releases, timer := b.record, b.releases, b.timer
	b.record, b.releases = nil, nil
	b.mu.Unlock()
	if timer != nil {
		timer.Stop()
	}
	if b.a != nil {
		b.a.release()
	}
	for _, release := range releases {
		release()
	}
	if record != nil {
		record(o)
	}
}

// Bounds of what is read of a response that is given up. Beyond them a new connection
// is cheaper.
const (
	maxDrain  = 64 << 10
	drainTime = 100 * time.Millisecond
)

// drain reads a body to its end, so that its connection can be used again, and closes
// it.
func drain(src io.ReadCloser, clock policy.Clock) {
	defer func() { _ = src.Close() }()
	b, ok := src.(*body)
	if !ok {
		return
	}
	defer policy.AfterFunc(clock, drainTime, func() { b.cut(errDrained) })()
	_, _ = io.CopyN(io.Discard, b, maxDrain+1)
}

var errDrained = fmt.Errorf("ductilehttp: the rest of a response that was given up: %w", context.Canceled)

// same reports whether two bodies are one, which also a policy's copy of a response has.
func same(a, b io.ReadCloser) bool {
	if ours, ok := a.(*body); ok { // nearly always, and cheaper to compare
		other, ok := b.(*body)
		return ok && ours == other
	}
	return b != nil && reflect.TypeOf(a) == reflect.TypeOf(b) && reflect.ValueOf(a).Comparable() && a == b
}

// note writes on resp how many requests were sent for it, and why there was no other.
func (x *exchange) note(resp *http.Response, gaveUp *retry.Error) {
	attempts := x.count()
	b, ok := resp.Body.(*body)
	if (!ok || b.x == nil) && resp.Body != http.NoBody { // a policy has replaced it
		x.adopt(resp)
		b, ok = resp.Body.(*body)
	}
	if !ok && attempts > 1 && resp.Body == http.NoBody {
		b, ok = &body{src: http.NoBody, ended: true}, true
		resp.Body = b
	}
	if ok {
		b.attempts, b.gaveUp = attempts, gaveUp
	}
}

// Attempts returns how many requests a [Transport] sent until it got resp, those included
// that failed before they reached the server. If the retry wanted a further attempt and gave
// up, gaveUp is its error. It is nil for a response that is final: a good one, and a bad one
// that must not be repeated. Call Attempts before you replace the body. For 101 Switching
// Protocols, whose body is the connection, and for a response of anything else, it returns 1
// and nil.
func Attempts(resp *http.Response) (n int, gaveUp *retry.Error) {
	if b, ok := resp.Body.(*body); ok && b.attempts > 0 {
		return b.attempts, b.gaveUp
	}
	return 1, nil
}
