package ductilegrpc

import (
	"context"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/ductile-go/ductile/pipeline"
)

// call is the interceptor of unary calls.
func (c *client) call(ctx context.Context, fullMethod string, req, reply any, cc *grpc.ClientConn, invoker grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	x := &exchange{c: c, method: fullMethod, req: req, cc: cc, invoker: invoker, options: split(opts), idempotent: c.idempotent(fullMethod)}
	var err error
	if x.shape, err = shapeOf(reply); err != nil {
		x.options.finished(err)
		return err
	}
	p, own := x.pipeline()
	if p != c.single || !own {
		x.req, _ = clone(req) // an attempt may outlive the call, and the request belongs to the caller
	}
	returned := false
	defer func() {
		if !returned { // a policy has panicked, or has ended the goroutine
			x.options.finished(errNoReturn)
		}
	}()
	won, err := p.Do(c.keyed(ctx, cc, fullMethod), x.attempt)
	returned = true
	return x.finish(ctx, reply, won, err, own)
}

// exchange is one unary call. Policies run attempt as often as they like, also on other
// goroutines, and may go on with one after the call has returned: attempt reads nothing that
// belongs to the caller.
type exchange struct {
	c          *client
	method     string
	req        any
	cc         *grpc.ClientConn
	invoker    grpc.UnaryInvoker
	options    options
	idempotent bool
	shape      shape

	mu      sync.Mutex // guards what attempts on several goroutines write
	sent    int
	answers []*received // of attempts that succeeded
	last    *received   // of the one that failed last
	one     [1]*received
}

// received is what an attempt has brought.
type received struct {
	reply Reply
	from  peer.Peer
}

// pipeline returns the pipeline of the call, and whether it is made here: then only the call
// holds the reply that wins.
func (x *exchange) pipeline() (p *pipeline.Pipeline[*Reply], own bool) {
	c := x.c
	switch {
	case x.options.pipeline != nil:
		return c.observed(x.options.pipeline), false
	case c.cfg.Pipeline != nil:
		return c.single, false
	case c.cfg.Hedge == nil || !x.idempotent || x.options.once:
		return c.single, true
	}
	return c.hedged, true
}

// attempt sends the request once.
func (x *exchange) attempt(ctx context.Context) (*Reply, error) {
	n := x.begin()
	if n > 1 && x.options.once {
		return nil, errOnce
	}
	a := &received{reply: Reply{Message: x.shape.fresh()}}
	ctx = numbered(onRealTime(ctx, x.c.clock()), x.c.cfg.AttemptHeader, n)
	opts := x.options.with(grpc.Header(&a.reply.Header), grpc.Trailer(&a.reply.Trailer), grpc.Peer(&a.from))
	err := x.invoker(ctx, x.method, x.req, a.reply.Message, x.cc, opts...)
	x.end(a, err)
	if err != nil {
		return nil, x.c.judge(&failure{
			err: err, trailer: a.reply.Trailer, req: x.req, placed: a.from.Addr != nil, idempotent: x.idempotent, final: x.options.once,
		})
	}
	return &a.reply, nil
}

// begin returns the number of the attempt.
func (x *exchange) begin() int {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.sent++
	return x.sent
}

// end keeps what the caller may be given.
func (x *exchange) end(a *received, err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if err != nil {
		x.last = a
		return
	}
	if x.answers == nil {
		x.answers = x.one[:0]
	}
	x.answers = append(x.answers, a)
}

// of returns the answer that won belongs to, or nil if a policy made won. Without won, it is
// that of the last attempt.
func (x *exchange) of(won *Reply) *received {
	x.mu.Lock()
	defer x.mu.Unlock()
	if won == nil {
		return x.last
	}
	for _, a := range x.answers {
		if &a.reply == won {
			return a
		}
	}
	return nil
}

// finish gives the caller the reply that won, or the error.
func (x *exchange) finish(ctx context.Context, reply any, won *Reply, err error, own bool) error {
	if err == nil {
		err = x.give(reply, won, own)
	} else {
		won = nil
	}
	trailer, err := outward(ctx, x.c.clock(), err)
	switch a := x.of(won); {
	case a != nil:
		x.options.serve(a.reply.Header, a.reply.Trailer, &a.from)
	case won != nil:
		x.options.serve(won.Header, won.Trailer, nil)
	default:
		x.options.serve(nil, trailer, nil)
	}
	x.options.finished(err)
	return err
}

// give copies the reply that won. If no other call may hold it, it is moved.
func (x *exchange) give(reply any, won *Reply, own bool) error {
	if won == nil {
		return status.Error(codes.Internal, "ductilegrpc: the pipeline returned neither a Reply nor an error")
	}
	return give(reply, won.Message, own)
}
