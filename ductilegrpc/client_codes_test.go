package ductilegrpc_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	tpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/ductilegrpc"
	"github.com/ductile-go/ductile/policy"
)

func TestTheCodesTable(t *testing.T) {
	quota := &errdetails.QuotaFailure{Violations: []*errdetails.QuotaFailure_Violation{{Subject: "client"}}}
	ask := retryIn(time.Second)
	for _, row := range []struct {
		name       string
		err        error
		idempotent bool
		attempts   int
		failures   int // 1 for each attempt, -1 for a success, 0 for Ignored
	}{
		{"Unavailable", status.Error(codes.Unavailable, ""), false, 3, 1},
		{"ResourceExhausted", status.Error(codes.ResourceExhausted, ""), true, 1, 1},
		{"ResourceExhausted with RetryInfo", detailed(codes.ResourceExhausted, "", ask), false, 3, 1},
		{"ResourceExhausted with QuotaFailure", detailed(codes.ResourceExhausted, "", quota), true, 1, 0},
		{"ResourceExhausted with both", detailed(codes.ResourceExhausted, "", quota, ask), false, 3, 0},
		{"DeadlineExceeded of the server", status.Error(codes.DeadlineExceeded, ""), true, 3, 1},
		{"DeadlineExceeded of the server", status.Error(codes.DeadlineExceeded, ""), false, 1, 1},
		{"Aborted", status.Error(codes.Aborted, ""), true, 3, -1},
		{"Aborted", status.Error(codes.Aborted, ""), false, 1, -1},
		{"Internal", status.Error(codes.Internal, ""), true, 3, 1},
		{"Internal", status.Error(codes.Internal, ""), false, 1, 1},
		{"Unknown", errors.New("boom"), true, 3, 1},
		{"Unknown", errors.New("boom"), false, 1, 1},
		{"DataLoss", status.Error(codes.DataLoss, ""), true, 3, 1},
		{"DataLoss", status.Error(codes.DataLoss, ""), false, 1, 1},
		{"Canceled by the server", status.Error(codes.Canceled, ""), true, 1, 0},
		{"InvalidArgument", status.Error(codes.InvalidArgument, ""), true, 1, -1},
		{"NotFound", status.Error(codes.NotFound, ""), true, 1, -1},
		{"AlreadyExists", status.Error(codes.AlreadyExists, ""), true, 1, -1},
		{"PermissionDenied", status.Error(codes.PermissionDenied, ""), true, 1, -1},
		{"FailedPrecondition", status.Error(codes.FailedPrecondition, ""), true, 1, -1},
		{"OutOfRange", status.Error(codes.OutOfRange, ""), true, 1, -1},
		{"Unimplemented", status.Error(codes.Unimplemented, ""), true, 1, -1},
		{"Unauthenticated", status.Error(codes.Unauthenticated, ""), true, 1, -1},
	} {
		t.Run(fmt.Sprintf("%s, idempotent %v", row.name, row.idempotent), func(t *testing.T) {
			cfg, clk := swift()
			circuit := breaker.NewCircuit(breaker.Config{Window: time.Hour, FailureThreshold: 100, Clock: clk})
			unary, n := failing(row.err)
			c := client(t, &service{unary: unary}, ductilegrpc.Config{
				Retry: cfg, Circuit: circuit, Idempotent: func(string) bool { return row.idempotent },
			})
			_, err := c.UnaryCall(t.Context(), &tpb.SimpleRequest{})
			require.Equal(t, status.Code(row.err), status.Code(err))
			assert.EqualValues(t, row.attempts, n.Load(), "attempts")
			counts := circuit.Snapshot().Counts
			want := breaker.Counts{Ignored: int64(row.attempts)}
			switch row.failures {
			case 1:
				want = breaker.Counts{Failures: int64(row.attempts)}
			case -1:
				want = breaker.Counts{Successes: int64(row.attempts)}
			}
			assert.Equal(t, want, counts)
		})
	}
}

func TestClassifyIsAskedBeforeTheTable(t *testing.T) {
	circuit := breaker.NewCircuit(breaker.Config{Window: time.Hour})
	unary, _ := failing(status.Error(codes.NotFound, ""))
	var saw codes.Code
	c := client(t, &service{unary: unary}, ductilegrpc.Config{Circuit: circuit, Classify: func(err error) policy.Outcome {
		saw = status.Code(err)
		return policy.Failure
	}})
	_, err := c.UnaryCall(t.Context(), &tpb.SimpleRequest{})
	require.Error(t, err)
	assert.Equal(t, codes.NotFound, saw)
	assert.Equal(t, breaker.Counts{Failures: 1}, circuit.Snapshot().Counts)
}
