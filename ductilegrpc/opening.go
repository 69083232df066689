package ductilegrpc

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	atomic "github.com/ductile-go/ductile/internal/atomicx"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
)

// opening is a stream of a caller until the policies are done with it.
type opening struct {
	c          *client
	desc       *grpc.StreamDesc
	cc         *grpc.ClientConn
	method     string
	streamer   grpc.Streamer
	options    options
	idempotent bool
	caller     context.Context
	root       context.Context // the caller's with the call's key, until the stream has ended
	cancel     context.CancelFunc

	mu    sync.Mutex // guards what attempts on several goroutines write
	sent  int        // attempts
	over  bool       // the policies' part
	flows []*flow
	last  Reply // of the attempt that failed last
	from  *peer.Peer
	// told is set by a compare-and-swap, because a stream may end on two goroutines. A
	// sync.Once would hold its lock across the caller's functions, which may use the stream.
	told atomic.Bool
}

// open is the interceptor of streams.
func (c *client) open(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, fullMethod string, streamer grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	o := &opening{
		c: c, desc: desc, cc: cc, method: fullMethod, streamer: streamer, options: split(opts),
		idempotent: c.idempotent(fullMethod), caller: ctx,
	}
	o.root, o.cancel = context.WithCancel(c.keyed(ctx, cc, fullMethod))
	if desc.ClientStreams {
		return o.many()
	}
	return o.one()
}

// pipeline returns the pipeline of the stream, and whether it is made here.
func (o *opening) pipeline() (p *pipeline.Pipeline[*Reply], own bool) {
	if p := o.options.pipeline; p != nil {
		return o.c.observed(lasting(p)), false
	}
	return o.c.stream, o.c.cfg.Pipeline == nil
}

// begin returns the number of the attempt, or an error if it must not be made.
func (o *opening) begin() (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.sent++
	if o.sent > 1 && o.options.once {
		return o.sent, errOnce
	}
	return o.sent, nil
}

// fail ends an attempt. f is nil if it could not be opened.
func (o *opening) fail(policies context.Context, f *flow, e *failure) (*Reply, error) {
	e.err = expired(o.root, policies, e.err)
	e.idempotent, e.final = o.idempotent, e.final || o.options.once
	var from *peer.Peer
	if f != nil {
		e.placed = true
		from = f.peer()
		if f.howEnded() != nil {
			e.trailer = f.Trailer()
		}
		f.close()
	}
	o.mu.Lock()
	if !o.over {
		o.last, o.from = Reply{Header: e.header, Trailer: e.trailer}, from
	}
	o.mu.Unlock()
	return nil, o.c.judge(e)
}

// keep returns the flow of an attempt that has succeeded, as a Reply. If the policies have
// ended without the attempt, it closes the flow.
func (o *opening) keep(f *flow, first any, header metadata.MD) *Reply {
	o.mu.Lock()
	over := o.over
	if !over {
		o.flows = append(o.flows, f)
	}
	o.mu.Unlock()
	if over {
		f.close()
	}
	return &Reply{Message: first, Header: header, flow: f}
}

// settle ends the policies' part: it returns what the caller is to read, and closes the
// streams that it does not get.
func (o *opening) settle(r *Reply, err error) (*Reply, error) {
	if err == nil && r == nil {
		err = status.Error(codes.Internal, "ductilegrpc: the pipeline returned neither a Reply nor an error")
	}
	if err != nil {
		r = nil
	}
	o.mu.Lock()
	flows := o.flows
	o.flows, o.over = nil, true
	o.mu.Unlock()
	if r != nil && r.flow != nil && !slices.Contains(flows, r.flow) {
		r, err = nil, errShared
	}
	for _, f := range flows {
		if r == nil || f != r.flow {
			f.close()
		}
	}
	if r != nil {
		return r, nil
	}
	refused, err := outward(o.caller, o.c.clock(), err)
	if o.last.Trailer == nil { // no attempt writes it any more
		o.last.Trailer = refused
	}
	return nil, err
}

// conclude runs end when the stream ends. It is called after settle, when the caller's
// functions may use the stream.
func (o *opening) conclude(r *Reply, err error) {
	switch {
	case err != nil:
		o.end(err)
	case r.flow != nil:
		r.flow.whenEnded(func(end *flowEnd) { o.end(end.err) })
	}
}

// end cancels the stream's context when the stream has ended, and calls the functions of
// grpc.OnFinish. The first end counts.
func (o *opening) end(err error) {
	o.cancel()
	if errors.Is(err, io.EOF) {
		err = nil
	}
	if o.told.CompareAndSwap(false, true) {
		o.options.finished(err)
	}
}

// serve gives the caller the metadata that it asked for by options.
func (o *opening) serve(r *Reply, header metadata.MD) {
	switch {
	case r == nil:
		o.options.serve(o.last.Header, o.last.Trailer, o.from)
	case r.flow == nil:
		o.options.serve(r.Header, r.Trailer, nil)
	default:
		o.options.serve(header, r.flow.Trailer(), r.flow.peer())
	}
}

// ended returns the error with which a stream that had begun ends, for the caller: its
// permits have been given back by then.
func (o *opening) ended(r *Reply, header metadata.MD, err error) error {
	r.flow.finish(err)
	o.serve(r, header)
	if errors.Is(err, io.EOF) {
		return err
	}
	_, err = outward(o.caller, o.c.clock(), err)
	return err
}

var errShared = status.Error(codes.Internal, "ductilegrpc: the pipeline returned the stream of another call, and a stream has one reader: "+
	"leave out caches and coalescing inside of other policies")

var errNoReturn = status.Error(codes.Internal, "ductilegrpc: "+policy.ErrNoReturn.Error())
