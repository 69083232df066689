package ductilegrpc_test

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	tpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/ductilegrpc"
	"github.com/ductile-go/ductile/hedge"
	"github.com/ductile-go/ductile/internal/yield"
	"github.com/ductile-go/ductile/retry"
)

// A thousand goroutines share a client. Some leave at any point, some read a part of a stream,
// some fail, some are hedged. In the end nothing is held, and each call has ended once.
func TestNothingIsHeldAfterAThousandGoroutinesOfOneClient(t *testing.T) {
	const goroutines = 1000
	gate := bulkhead.NewGate(bulkhead.Config{Limit: 100, MaxQueue: goroutines, MaxWait: time.Hour})
	circuit := breaker.NewCircuit(breaker.Config{Shadow: true})
	var served atomic.Int64
	fails := func() error {
		if served.Add(1)%5 == 0 {
			return status.Error(codes.Unavailable, "down")
		}
		return nil
	}
	c := client(t, &service{
		unary: func(context.Context, *tpb.SimpleRequest) (*tpb.SimpleResponse, error) { return named("up"), fails() },
		stream: func(_ *tpb.StreamingOutputCallRequest, out output) error {
			return errors.Join(fails(), sendNumbers(out, 1, 5))
		},
		duplex: func(both tpb.TestService_FullDuplexCallServer) error {
			_, err := both.Recv()
			return errors.Join(err, both.Send(numberedMessage(1)), fails())
		},
	}, ductilegrpc.Config{
		Gate: gate, Circuit: circuit, Idempotent: always, Retry: retry.Config{BaseDelay: retry.NoDelay},
		Hedge: &hedge.Config{Delay: time.Millisecond}, AttemptTimeout: time.Minute, TotalTimeout: time.Hour,
	})
	var all sync.WaitGroup
	var finished atomic.Int64
	for seed := range uint64(goroutines) {
		all.Go(func() { wander(t, c, rand.New(rand.NewPCG(seed, 1)), &finished) })
	}
	all.Wait()
	settled(t, func() bool { return gate.Idle() && finished.Load() == goroutines })
	assert.EqualValues(t, goroutines, finished.Load())
	assert.Positive(t, served.Load())
}

// wander makes a call, which it may leave.
func wander(t *testing.T, c tpb.TestServiceClient, r *rand.Rand, finished *atomic.Int64) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if r.IntN(2) == 0 {
		turns := r.IntN(300)
		go func() {
			yield.Times(turns, func() bool { return false })
			cancel()
		}()
	}
	once := grpc.OnFinish(func(error) { finished.Add(1) })
	switch r.IntN(3) {
	case 0:
		_, err := c.UnaryCall(ctx, &tpb.SimpleRequest{}, once)
		ends(t, err)
	case 1:
		s, err := c.StreamingOutputCall(ctx, &tpb.StreamingOutputCallRequest{}, once)
		if err == nil && r.IntN(2) == 0 {
			_, err = s.Header()
		}
		for range r.IntN(8) {
			if err == nil {
				_, err = s.Recv()
			}
		}
		ends(t, err)
	case 2:
		s, err := c.FullDuplexCall(ctx, once)
		if err == nil {
			err = errors.Join(s.Send(&tpb.StreamingOutputCallRequest{}), s.CloseSend(), s.CloseSend())
		}
		if err == nil {
			_, err = s.Recv()
		}
		ends(t, err)
	}
}

// ends checks that a call has succeeded, failed as its server does, or was left.
func ends(t *testing.T, err error) {
	if err != nil && !errors.Is(err, io.EOF) {
		assert.Contains(t, []codes.Code{codes.Unavailable, codes.Canceled}, status.Code(err), err)
	}
}

func TestAFunctionOfOnFinishMayUseItsStream(t *testing.T) {
	for name, stream := range map[string]func(output) error{
		"refused":     func(output) error { return status.Error(codes.NotFound, "gone") },
		"no message":  func(output) error { return nil },
		"one message": func(out output) error { return sendNumbers(out, 1, 1) },
	} {
		c := client(t, &service{stream: func(_ *tpb.StreamingOutputCallRequest, out output) error {
			out.SetTrailer(metadata.Pairs("k", "trailer"))
			return stream(out)
		}}, ductilegrpc.Config{})
		opened := make(chan tpb.TestService_StreamingOutputCallClient, 1)
		var trailer metadata.MD
		finished := 0
		s, err := c.StreamingOutputCall(t.Context(), &tpb.StreamingOutputCallRequest{}, grpc.OnFinish(func(error) {
			s := <-opened
			_, err := s.Header()
			assert.NoError(t, err)
			assert.NotNil(t, s.Context())
			trailer = s.Trailer()
			finished++
		}))
		require.NoError(t, err)
		opened <- s
		_, _ = readAll(s)
		assert.Equal(t, 1, finished, name)
		assert.Equal(t, []string{"trailer"}, trailer["k"], name)
	}
}
