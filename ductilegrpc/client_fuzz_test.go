package ductilegrpc_test

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	tpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/ductile-go/ductile/ductilegrpc"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/retry"
)

// scripted returns an invoker that always answers with a status and a trailer.
func scripted(n *int, st *status.Status, trailer metadata.MD) grpc.UnaryInvoker {
	return func(_ context.Context, _ string, _, _ any, _ *grpc.ClientConn, opts ...grpc.CallOption) error {
		*n++
		for _, o := range opts {
			if o, ok := o.(grpc.TrailerCallOption); ok {
				*o.TrailerAddr = trailer
			}
		}
		return st.Err()
	}
}

// Whatever a server sends, a call waits as gRFC A6 says, or ends.
func FuzzPushback(f *testing.F) {
	f.Add("40", "", int64(0), int32(0), []byte(nil))
	f.Add("-1", "", int64(1), int32(0), []byte(nil))
	f.Add("40", "40", int64(0), int32(0), []byte("x"))
	f.Add("", "", int64(-5), int32(-5), []byte{8, 1})
	f.Add("9223372036854775807", "", int64(1<<62), int32(1<<30), []byte{0xff})
	f.Add(" 4", "", int64(29), int32(999_999_999), []byte(nil))
	f.Fuzz(func(t *testing.T, first, second string, seconds int64, nanos int32, raw []byte) {
		clk := fake.NewClock(fake.AutoAdvance())
		call := ductilegrpc.UnaryClient(ductilegrpc.Config{
			Retry:        retry.Config{Clock: clk, MaxAttempts: 2, BaseDelay: time.Second, JitterFactor: retry.NoJitter},
			TotalTimeout: -1, AttemptTimeout: -1,
		})
		info, err := anypb.New(&errdetails.RetryInfo{RetryDelay: &durationpb.Duration{Seconds: seconds, Nanos: nanos}})
		if err != nil {
			t.Fatal(err)
		}
		st := status.FromProto(&spb.Status{Code: int32(codes.Unavailable), Details: []*anypb.Any{
			{TypeUrl: info.GetTypeUrl(), Value: raw}, info, {TypeUrl: "type.googleapis.com/unknown", Value: raw},
		}})
		trailer := metadata.MD{}
		var values []string
		if first != "" {
			values = append(values, first)
		}
		if second != "" {
			values = append(values, second)
		}
		if values != nil {
			trailer["grpc-retry-pushback-ms"] = values
		}
		n := 0
		err = call(t.Context(), "/a.B/C", &tpb.Empty{}, &tpb.Empty{}, nil, scripted(&n, st, trailer))
		assert.Equal(t, codes.Unavailable, status.Code(err))

		slept := time.Duration(0)
		for _, d := range clk.Sleeps() {
			slept += d
		}
		switch ms, wrong := strconv.ParseInt(first, 10, 64); {
		case len(values) > 1 || len(values) == 1 && second == "" && (wrong != nil || ms < 0):
			assert.Equal(t, 1, n, "no retry")
			assert.Zero(t, slept)
		case len(values) == 1 && second == "":
			if ms <= 30_000 {
				assert.Equal(t, 2, n)
				assert.Equal(t, time.Duration(ms)*time.Millisecond, slept)
			} else {
				assert.Equal(t, 1, n, "beyond MaxRetryAfter")
			}
		case len(values) == 0:
			if n == 2 {
				assert.GreaterOrEqual(t, slept, time.Second)
				assert.LessOrEqual(t, slept, retry.DefaultMaxRetryAfter)
				if len(raw) == 0 {
					assert.GreaterOrEqual(t, slept, (&durationpb.Duration{Seconds: seconds, Nanos: nanos}).AsDuration())
				}
			}
		}
	})
}
