package ductilegrpc_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	tpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/ductilegrpc"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/retry"
)

// unfired is a context whose deadline passes before its timer fires.
type unfired struct {
	context.Context
	deadline time.Time
}

func (u unfired) Deadline() (time.Time, bool) { return u.deadline, true }

// A server keeps the deadline of a call too. It ends the call at the same moment as the client's
// timer, which may fire later.
func TestAServerThatEndsACallAtItsDeadlineIsNotAtFault(t *testing.T) {
	clk := fake.NewClock(fake.At(time.Now()))
	circuit := breaker.NewCircuit(breaker.Config{Window: 24 * time.Hour, Clock: clk})
	late := status.Error(codes.DeadlineExceeded, "the server's timer")
	end := make(chan struct{})
	c := client(t, &service{
		unary: func(context.Context, *tpb.SimpleRequest) (*tpb.SimpleResponse, error) { return nil, late },
		stream: func(_ *tpb.StreamingOutputCallRequest, out output) error {
			if err := sendNumbers(out, 1, 1); err != nil {
				return err
			}
			<-end
			return late
		},
	}, ductilegrpc.Config{Circuit: circuit, Retry: retry.Config{Clock: clk}})
	stream := func(ctx context.Context) error {
		s, err := c.StreamingOutputCall(ctx, &tpb.StreamingOutputCallRequest{})
		require.NoError(t, err)
		_, err = s.Recv()
		require.NoError(t, err)
		if ctx.Value(passes{}) != nil {
			clk.Advance(time.Hour)
		}
		end <- struct{}{}
		_, err = s.Recv()
		require.Equal(t, codes.DeadlineExceeded, status.Code(err))
		return err
	}
	ctx := unfired{t.Context(), clk.Now().Add(time.Hour)}
	require.NotErrorIs(t, stream(ctx), context.DeadlineExceeded, "a status of the server's own")
	require.Equal(t, breaker.Counts{Failures: 1}, circuit.Snapshot().Counts)

	require.ErrorIs(t, stream(context.WithValue(ctx, passes{}, true)), context.DeadlineExceeded)
	assert.Equal(t, breaker.Counts{Failures: 1, Ignored: 1}, circuit.Snapshot().Counts)

	soon := unfired{t.Context(), clk.Now().Add(time.Hour)}
	_, err := c.UnaryCall(soon, &tpb.SimpleRequest{})
	require.Equal(t, codes.DeadlineExceeded, status.Code(err))
	require.NotErrorIs(t, err, context.DeadlineExceeded)
}

// passes is the key of a context whose deadline passes during the call.
type passes struct{}
