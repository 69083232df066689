package ductilegrpc

import (
	"context"

	"google.golang.org/grpc"
)

// StreamServer returns an interceptor that runs the handlers of streams inside the policies
// of cfg, MaxTimeout excepted. A stream is one call: it takes one token, and holds its place
// until its handler has returned, even if the client has left before. Refusals leave as
// those of [UnaryServer] do.
//
// StreamServer panics with the error of Validate if cfg is invalid.
func StreamServer(cfg ServerConfig) grpc.StreamServerInterceptor {
	cfg.checked()
	calls := newAdmission[struct{}](cfg, 0)
	return func(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
		_, err := calls.do(stream.Context(), info.FullMethod, func(ctx context.Context) (struct{}, error) {
			return struct{}{}, handler(srv, &served{stream, ctx})
		})
		if err == nil {
			return nil
		}
		trailer, err := answer(err)
		if trailer != nil {
			stream.SetTrailer(trailer)
		}
		return err
	}
}

// served is a stream with the context that the policies gave to its handler.
type served struct {
	grpc.ServerStream
	ctx context.Context
}

func (s *served) Context() context.Context { return s.ctx }
