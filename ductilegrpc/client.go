package ductilegrpc

import (
	"context"

	"google.golang.org/grpc"

	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
)

// DialOptions returns the options that make a client's calls and streams resilient:
//
//	conn, err := grpc.NewClient(target, append(ductilegrpc.DialOptions(ductilegrpc.Config{}), creds)...)
//
// They turn off the retries of gRPC's service config, which would multiply those of the
// policies; gRPC still repeats by itself what a server has not looked at. The interceptors
// are added with grpc.WithChainUnaryInterceptor and grpc.WithChainStreamInterceptor: those
// added before see a call once, those added after see each attempt. Unary calls and streams
// share their circuits. The options may be used for several clients, which then share
// everything. DialOptions panics with the error of [Config.Validate].
func DialOptions(cfg Config) []grpc.DialOption {
	c := newClient(cfg)
	return []grpc.DialOption{
		grpc.WithDisableRetry(),
		grpc.WithChainUnaryInterceptor(c.call),
		grpc.WithChainStreamInterceptor(c.open),
	}
}

// UnaryClient returns the interceptor of unary calls alone. Use it with
// grpc.WithDisableRetry; [DialOptions] does that. It panics with the error of
// [Config.Validate].
func UnaryClient(cfg Config) grpc.UnaryClientInterceptor { return newClient(cfg).call }

// StreamClient returns the interceptor of streams alone. Use it with grpc.WithDisableRetry;
// [DialOptions] does that. It panics with the error of [Config.Validate].
//
// A stream with one request is repeated until its first message has arrived, or until the
// caller has got its header. Its request is copied, and sent again if it is not larger than
// Config.MaxReplay. Other streams are repeated only until they are open. The context of a
// stream must end, or the stream be read to its end, as for every stream of gRPC: until
// then it holds its permits.
//
// A function of grpc.OnFinish may call Header, Trailer and Context of its stream. It must
// not call RecvMsg, which waits until the function has returned.
func StreamClient(cfg Config) grpc.StreamClientInterceptor { return newClient(cfg).open }

// client is what the interceptors of one Config share.
type client struct {
	cfg Config
	// The pipelines of unary calls, of those that may be hedged, and of streams.
	single, hedged, stream *pipeline.Pipeline[*Reply]
}

func newClient(cfg Config) *client {
	if err := cfg.Validate(); err != nil {
		panic(err)
	}
	c := &client{cfg: cfg.withDefaults()}
	c.compose()
	return c
}

// idempotent reports whether a method may be repeated although it may have run.
func (c *client) idempotent(fullMethod string) bool {
	if c.cfg.Idempotent != nil {
		return c.cfg.Idempotent(fullMethod)
	}
	return declared(fullMethod).idempotent
}

func (c *client) clock() policy.Clock { return c.cfg.Retry.Clock }

// keyOf is the context key of a call's key in Config.Circuits.
type keyOf struct{}

// keyed returns ctx with the call's key, and with what balancers of ours keep of a call.
func (c *client) keyed(ctx context.Context, cc *grpc.ClientConn, fullMethod string) context.Context {
	if cc != nil {
		ctx = apart(ctx)
	}
	if c.cfg.Circuits == nil {
		return ctx
	}
	target := ""
	if cc != nil {
		target = cc.Target()
	}
	return context.WithValue(ctx, keyOf{}, c.cfg.By(target, fullMethod))
}

func circuitKey(ctx context.Context) (string, bool) {
	key, ok := ctx.Value(keyOf{}).(string)
	return key, ok
}
