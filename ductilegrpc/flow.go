package ductilegrpc

import (
	"context"
	"errors"
	"io"
	"runtime/debug"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/ductile-go/ductile/policy"
)

// flow is one stream of gRPC, opened by an attempt. If the attempt succeeds, the flow lives
// on for the caller and holds the permits of the policies until it has ended.
type flow struct {
	grpc.ClientStream
	c      *client
	root   context.Context // the stream's own, which ends with the caller's
	ctx    context.Context // gRPC's
	cancel context.CancelCauseFunc
	detach func() bool // stops following the policies' context

	mu     sync.Mutex // guards what the caller, gRPC and the end of a context all touch
	ending *flowEnd
	held   []func(*flowEnd)
	done   chan struct{} // closed when what was held is released
}

// flowEnd is how a flow has ended.
type flowEnd struct {
	outcome  policy.Outcome
	err      error              // nil or io.EOF after a success
	panicked *policy.PanicError // of Config.Classify, or of a function that release called
}

// openFlow opens a stream in the policies' context.
func (o *opening) openFlow(policies context.Context, n int) (*flow, error) {
	c := o.c
	f := &flow{c: c, root: o.root, done: make(chan struct{})}
	ctx, cancel := context.WithCancelCause(rooted{o.root, policies})
	f.cancel = cancel
	f.ctx = numbered(onRealTime(ctx, c.clock()), c.cfg.AttemptHeader, n)
	f.detach = context.AfterFunc(policies, func() { cancel(context.Cause(policies)) })
	cs, err := o.streamer(f.ctx, o.desc, o.cc, o.method, o.options.with(grpc.OnFinish(f.end))...)
	if err != nil {
		f.close()
		return nil, err
	}
	f.ClientStream = cs
	return f, nil
}

// close ends the stream.
func (f *flow) close() {
	f.detach()
	f.cancel(context.Canceled)
}

// keep lets the stream live on after the attempt. It returns false if the policies' context
// has ended it.
func (f *flow) keep() bool {
	if !f.detach() {
		return false
	}
	// gRPC ends it too. What comes first has the same status.
	stop := context.AfterFunc(f.root, func() { f.end(status.FromContextError(f.root.Err()).Err()) })
	f.whenEnded(func(*flowEnd) { stop() })
	return true
}

// whenEnded calls release when the stream ends, or at once if it has ended.
func (f *flow) whenEnded(release func(*flowEnd)) {
	f.mu.Lock()
	end := f.ending
	if end == nil {
		f.held = append(f.held, release)
	}
	f.mu.Unlock()
	if end != nil {
		release(end)
	}
}

// end gives the permits back. Only the first call counts. gRPC makes it through
// grpc.OnFinish, also if the caller does not read the stream, and before RecvMsg returns.
func (f *flow) end(err error) {
	if f.howEnded() != nil { // and Classify has been asked
		return
	}
	end := &flowEnd{err: f.explain(err)}
	end.outcome, end.panicked = f.verdict(err)
	f.mu.Lock()
	if f.ending != nil {
		f.mu.Unlock()
		return
	}
	f.ending = end
	held := f.held
	f.held = nil
	f.mu.Unlock()
	defer close(f.done)
	end.release(held)
}

// release gives back all that was held. Observers and functions of grpc.OnFinish run then, and
// their panics are kept for the caller, as one of Classify is.
func (e *flowEnd) release(held []func(*flowEnd)) {
	if len(held) == 0 {
		return
	}
	defer e.release(held[1:])
	defer func() {
		if r := recover(); r != nil && e.panicked == nil {
			e.panicked = &policy.PanicError{Value: r, Stack: debug.Stack()}
		}
	}()
	held[0](e)
}

// finish is end for the caller's goroutine: it returns when the permits have been given back.
// A panic of a function of the user's goes on here.
func (f *flow) finish(err error) {
	f.end(err)
	<-f.done
	if p := f.howEnded().panicked; p != nil {
		panic(p.Value)
	}
}

// howEnded returns the end of the stream, or nil while it lasts.
func (f *flow) howEnded() *flowEnd {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.ending
}

// verdict is judge for a stream that may end on a goroutine of gRPC's, where a panic of
// Classify would end the program. It is kept for the caller, and counts as a failure.
func (f *flow) verdict(err error) (o policy.Outcome, panicked *policy.PanicError) {
	defer func() {
		if r := recover(); r != nil {
			o, panicked = policy.Failure, &policy.PanicError{Value: r, Stack: debug.Stack()}
		}
	}()
	return f.judge(err), nil
}

// judge returns what the end of a stream that had begun says about the server. A caller that
// leaves says nothing, and neither does its deadline: a stream may be meant to last until
// then.
func (f *flow) judge(err error) policy.Outcome {
	if err == nil || errors.Is(err, io.EOF) {
		return policy.Success
	}
	if endOf(f.root, f.c.clock(), status.Code(err)) != nil {
		return policy.Ignored
	}
	if f.idled() != nil {
		return policy.Failure
	}
	st := status.Convert(err)
	if o := f.c.outcome(&failure{err: err, placed: true}, st, requestOf(st, nil)); o != policy.Undecided {
		return o
	}
	return policy.Failure
}

// idleError is the cause with which a stream ends that was silent for too long.
type idleError struct{ *policy.TimeoutError }

// idled returns the timeout that has ended the stream, or nil.
func (f *flow) idled() *idleError {
	e, _ := context.Cause(f.ctx).(*idleError) //nolint:errorlint // ours, and not one around a caller's
	return e
}

// explain replaces the status of a stream that was silent for too long: to gRPC it was
// cancelled.
func (f *flow) explain(err error) error {
	if e := f.idled(); e != nil && err != nil && !errors.Is(err, io.EOF) {
		return &callError{err: e.TimeoutError, st: status.New(codes.DeadlineExceeded, e.Error())}
	}
	return err
}

// receive reads a message that is not the first.
func (f *flow) receive(m any) error {
	if idle := f.c.cfg.IdleTimeout; idle > 0 {
		timeout := &idleError{&policy.TimeoutError{Name: "idle", After: idle}}
		defer policy.AfterFunc(f.c.clock(), idle, func() { f.cancel(timeout) })()
	}
	return f.explain(f.RecvMsg(m))
}

// peer returns where the stream is connected to. It is called when the stream has ended.
func (f *flow) peer() *peer.Peer {
	p, ok := peer.FromContext(f.Context())
	if !ok {
		return nil
	}
	return p
}

// expired replaces the status of a stream that the policies' deadline has ended: to gRPC it
// was cancelled.
func expired(root, policies context.Context, err error) error {
	if root.Err() == nil && errors.Is(policies.Err(), context.DeadlineExceeded) && status.Code(err) == codes.Canceled {
		return status.FromContextError(context.DeadlineExceeded).Err()
	}
	return err
}
