package ductilegrpc_test

import (
	"context"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	tpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/ductilegrpc"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/ratelimit"
	"github.com/ductile-go/ductile/retry"
)

func TestWhatAPolicyOfAClientRefusesHasAStatus(t *testing.T) {
	full := bulkhead.NewGate(bulkhead.Config{Limit: 1})
	_, ok := full.TryAcquire()
	require.True(t, ok)
	limiter := ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Per: time.Hour})
	_, err := limiter.Reserve(1, 0)
	require.NoError(t, err)
	for name, row := range map[string]struct {
		cfg   ductilegrpc.Config
		code  codes.Code
		match error
		waits bool
	}{
		"a full gate": {ductilegrpc.Config{Gate: full}, codes.Unavailable, bulkhead.ErrFull, false},
		"a limiter":   {ductilegrpc.Config{Limiter: limiter}, codes.ResourceExhausted, ratelimit.ErrExceeded, true},
	} {
		row.cfg.Retry = retry.Config{MaxAttempts: 1}
		c := client(t, &service{}, row.cfg)
		check := func(err error, trailer metadata.MD) {
			t.Helper()
			require.ErrorIs(t, err, row.match, name)
			require.ErrorIs(t, err, policy.ErrRejected, name)
			st, ok := status.FromError(err)
			require.True(t, ok, name)
			assert.Equal(t, row.code, st.Code(), name)
			if !row.waits {
				assert.Empty(t, st.Details(), name)
				assert.Empty(t, trailer, name)
				return
			}
			require.Len(t, st.Details(), 1, name)
			assert.Positive(t, st.Details()[0].(*errdetails.RetryInfo).GetRetryDelay().AsDuration(), name)
			assert.Len(t, trailer["grpc-retry-pushback-ms"], 1, name)
		}
		var trailer metadata.MD
		_, err := c.UnaryCall(t.Context(), &tpb.SimpleRequest{}, grpc.Trailer(&trailer))
		check(err, trailer)
		trailer = nil
		_, err = c.StreamingOutputCall(t.Context(), &tpb.StreamingOutputCallRequest{}, grpc.Trailer(&trailer))
		check(err, trailer)
		trailer = nil
		_, err = c.FullDuplexCall(t.Context(), grpc.Trailer(&trailer))
		check(err, trailer)
	}
}

// breakage is where a user's function breaks off a call: it panics, or ends its goroutine.
type breakage struct {
	name string
	off  func()
}

var breakages = []breakage{
	{"panic", func() { panic("of the user") }},
	{"Goexit", runtime.Goexit},
}

func TestACallThatAUsersFunctionBreaksOffGivesItsPlaceBack(t *testing.T) {
	for _, b := range breakages {
		gate := bulkhead.NewGate(bulkhead.Config{Limit: 1})
		for name, set := range map[string]func(*ductilegrpc.Config){
			"Idempotent":  func(c *ductilegrpc.Config) { c.Idempotent = func(string) bool { b.off(); return true } },
			"By":          func(c *ductilegrpc.Config) { c.By = func(string, string) string { b.off(); return "" } },
			"Classify":    func(c *ductilegrpc.Config) { c.Classify = func(error) policy.Outcome { b.off(); return 0 } },
			"interceptor": nil,
			"Observer": func(c *ductilegrpc.Config) {
				c.Observer = func(_ context.Context, e policy.Event) {
					if e.Kind == policy.Finished {
						b.off()
					}
				}
			},
		} {
			cfg := ductilegrpc.Config{Gate: gate, Retry: retry.Config{MaxAttempts: 1}}
			var more []grpc.DialOption
			if set != nil {
				set(&cfg)
			} else {
				more = []grpc.DialOption{grpc.WithChainUnaryInterceptor(func(context.Context, string, any, any, *grpc.ClientConn, grpc.UnaryInvoker, ...grpc.CallOption) error {
					b.off()
					return nil
				}), grpc.WithChainStreamInterceptor(func(context.Context, *grpc.StreamDesc, *grpc.ClientConn, string, grpc.Streamer, ...grpc.CallOption) (grpc.ClientStream, error) {
					b.off()
					return nil, nil //nolint:nilnil // not reached
				})}
			}
			unary, _ := failing(status.Error(codes.Unavailable, "down"))
			c := client(t, &service{unary: unary, stream: func(*tpb.StreamingOutputCallRequest, output) error {
				return status.Error(codes.Unavailable, "down")
			}, duplex: func(both tpb.TestService_FullDuplexCallServer) error {
				<-both.Context().Done()
				return nil
			}}, cfg, more...)
			for kind, call := range map[string]func(ctx context.Context) error{
				"unary": func(ctx context.Context) error { _, err := c.UnaryCall(ctx, &tpb.SimpleRequest{}); return err },
				"stream": func(ctx context.Context) error {
					s, err := c.StreamingOutputCall(ctx, &tpb.StreamingOutputCallRequest{})
					if err == nil {
						_, err = s.Recv()
					}
					return err
				},
				"duplex": func(ctx context.Context) error { _, err := c.FullDuplexCall(ctx); return err },
			} {
				what := strings.Join([]string{b.name, name, kind}, ", ")
				if name == "Classify" && kind == "duplex" {
					continue // it is not called before the stream ends
				}
				broke := make(chan bool)
				go func() {
					whole := false
					defer func() {
						_ = recover()
						broke <- !whole
					}()
					err := call(t.Context())
					whole = err == nil || status.Convert(err).Message() != "ductilegrpc: "+policy.ErrNoReturn.Error()
				}()
				assert.True(t, <-broke, what)
				settled(t, gate.Idle)
			}
		}
	}
}
