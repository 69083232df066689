package ductilegrpc

import (
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// failure is how an attempt has failed.
type failure struct {
	err        error
	header     metadata.MD
	trailer    metadata.MD
	req        any  // the request, as it was given to gRPC
	placed     bool // a connection was there to send it on
	idempotent bool
	final      bool // no further attempt is allowed
}

// judge marks the error of an attempt for the policies: whether another attempt may be made,
// when, and what the error says about the server. No other code decides this.
func (c *client) judge(e *failure) error {
	st, ok := status.FromError(e.err)
	if !ok && !e.final {
		st = status.New(codes.Unknown, e.err.Error()) // of another interceptor
	}
	asked := requestOf(st, e.trailer)
	err := e.err
	switch {
	case e.final || asked.never || !e.mayRepeat(st, asked):
		err = retry.Permanent(err)
	case asked.exact:
		err = retry.Exactly(err, asked.wait)
	case asked.wait > 0:
		err = retry.After(err, asked.wait)
	}
	if o := c.outcome(e, st, asked); o != policy.Undecided {
		err = breaker.Judge(err, o)
	}
	return err
}

// mayRepeat reports whether another attempt may be made and may help.
func (e *failure) mayRepeat(st *status.Status, asked request) bool {
	if e.ownFault(st) {
		return false
	}
	switch st.Code() {
	case codes.Unavailable:
		return !e.distrusted(st)
	case codes.ResourceExhausted:
		return asked.asked
	case codes.DeadlineExceeded, codes.Aborted, codes.Internal, codes.Unknown, codes.DataLoss:
		return e.idempotent
	}
	return false
}

// outcome returns what the error says about the server, or Undecided for a failure, which
// circuits see by themselves.
func (c *client) outcome(e *failure, st *status.Status, asked request) policy.Outcome {
	if c.cfg.Classify != nil {
		if o := c.cfg.Classify(e.err); o != policy.Undecided {
			return o
		}
	}
	if e.ownFault(st) {
		return policy.Ignored
	}
	switch st.Code() {
	case codes.Unavailable, codes.DeadlineExceeded, codes.Internal, codes.Unknown, codes.DataLoss:
		return policy.Undecided
	case codes.ResourceExhausted:
		if asked.quota {
			return policy.Ignored
		}
		return policy.Undecided
	case codes.Canceled:
		return policy.Ignored
	}
	return policy.Success // the server is well
}

// ownFault reports whether the request itself is at fault: it fails on every server alike,
// or did not reach one. gRPC makes such errors on the client with codes that servers use
// too, and its texts are the only difference. A text is believed only if what it says can be
// true of this request.
func (e *failure) ownFault(st *status.Status) bool {
	text := st.Message()
	switch st.Code() {
	case codes.ResourceExhausted:
		return strings.Contains(text, "message larger than max") || strings.Contains(text, "message after decompression larger than max")
	case codes.Unauthenticated:
		return !e.placed && strings.HasPrefix(text, "transport: ")
	case codes.Internal:
		switch {
		case strings.HasPrefix(text, "grpc: error while marshaling"): // servers say it of their replies
			return !marshals(e.req)
		case e.placed:
			return false
		}
		for _, prefix := range []string{"transport: ", "header key ", "there is an empty key in the header", "grpc: Compressor is not installed"} {
			if strings.HasPrefix(text, prefix) {
				return true
			}
		}
	}
	return false
}

// marshals reports whether a request can be sent.
func marshals(req any) bool {
	p, ok := req.(proto.Message)
	if !ok {
		return true // of another codec, which is not known here
	}
	_, err := proto.Marshal(p)
	return err == nil
}

// distrusted reports whether no connection was made because the two sides refused each
// other's credentials, which another attempt does not change. A handshake that broke off or
// took too long may succeed later.
func (e *failure) distrusted(st *status.Status) bool {
	const failed = "authentication handshake failed: "
	if e.placed {
		return false
	}
	_, why, found := strings.Cut(st.Message(), failed)
	return found && (strings.HasPrefix(why, "tls: ") || strings.HasPrefix(why, "x509: ") || strings.HasPrefix(why, "remote error: tls: "))
}
