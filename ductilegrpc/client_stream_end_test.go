package ductilegrpc_test

import (
	"context"
	"io"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	tpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/ductilegrpc"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/internal/raced"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
)

func TestAStreamHoldsItsPermitsToItsEnd(t *testing.T) {
	for _, kind := range []string{"Config", "Pipeline"} {
		for _, end := range []string{"read", "cancelled", "closed"} {
			t.Run(kind+", "+end, func(t *testing.T) {
				gate := bulkhead.NewGate(bulkhead.Config{Limit: 1})
				circuit := breaker.NewCircuit(breaker.Config{
					Window: time.Hour, RecoveryTimeout: breaker.NoWait, HalfOpenMaxCalls: 1,
					Clock: fake.NewClock(), // stands still: a permit that is out for a second would be granted again
				})
				circuit.Trip(0, "to see its permits")
				cfg := ductilegrpc.Config{Circuit: circuit, Gate: gate, TotalTimeout: time.Minute}
				if kind == "Pipeline" {
					cfg = ductilegrpc.Config{Pipeline: pipeline.New[*ductilegrpc.Reply](policy.Timeout[*ductilegrpc.Reply](time.Minute),
						breaker.New[*ductilegrpc.Reply](circuit), bulkhead.New[*ductilegrpc.Reply](gate))}
				}
				more := make(chan struct{})
				_, addr := listen(t, &service{stream: func(_ *tpb.StreamingOutputCallRequest, out output) error {
					if err := sendNumbers(out, 1, 2); err != nil {
						return err
					}
					select {
					case <-more:
					case <-out.Context().Done():
					}
					return nil
				}})
				cc := connection(t, addr, append(ductilegrpc.DialOptions(cfg), plaintext)...)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				ended := make(chan struct{})
				s, err := tpb.NewTestServiceClient(cc).StreamingOutputCall(ctx, &tpb.StreamingOutputCallRequest{}, grpc.OnFinish(func(error) { close(ended) }))
				require.NoError(t, err)
				assert.Equal(t, 1, gate.Snapshot().InUse)
				_, err = s.Recv()
				require.NoError(t, err)
				_, err = s.Recv()
				require.NoError(t, err)
				assert.Equal(t, 1, gate.Snapshot().InUse)
				_, err = circuit.Acquire()
				require.ErrorIs(t, err, breaker.ErrOpen, "the stream has the only permit")

				switch end {
				case "read":
					close(more)
					_, err = s.Recv()
					require.ErrorIs(t, err, io.EOF)
				case "cancelled":
					cancel()
				case "closed":
					require.NoError(t, cc.Close())
				}
				<-ended
				assert.Zero(t, gate.Snapshot().InUse)
				if end == "read" {
					assert.Equal(t, breaker.Closed, circuit.State())
				} else {
					assert.Equal(t, breaker.HalfOpen, circuit.State(), "the end says nothing about the server")
					p, err := circuit.Acquire()
					require.NoError(t, err)
					p.Record(policy.Ignored)
				}
			})
		}
	}
}

func TestACallersCancelOfAStreamIsIgnored(t *testing.T) {
	circuit := breaker.NewCircuit(breaker.Config{Window: time.Hour})
	began := make(chan struct{}, 1)
	c := client(t, &service{stream: func(_ *tpb.StreamingOutputCallRequest, out output) error {
		began <- struct{}{}
		<-out.Context().Done()
		return nil
	}}, ductilegrpc.Config{Circuit: circuit, Idempotent: always})
	ctx, cancel := context.WithCancel(t.Context())
	s, err := c.StreamingOutputCall(ctx, &tpb.StreamingOutputCallRequest{})
	require.NoError(t, err)
	<-began
	cancel()
	_, err = s.Recv()
	assert.Equal(t, codes.Canceled, status.Code(err))
	require.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, breaker.Counts{Ignored: 1}, circuit.Snapshot().Counts)
	assert.Empty(t, began, "it is not repeated")
}

func TestStreamsThatAreOpenedAndLeftKeepNothing(t *testing.T) {
	const atOnce = 500
	streams := raced.Or(1_000, 10_000)
	gate := bulkhead.NewGate(bulkhead.Config{Limit: streams})
	circuit := breaker.NewCircuit(breaker.Config{Window: time.Hour})
	c := client(t, &service{stream: func(_ *tpb.StreamingOutputCallRequest, out output) error {
		if err := sendNumbers(out, 1, 1); err != nil {
			return err
		}
		<-out.Context().Done()
		return nil
	}}, ductilegrpc.Config{Gate: gate, Circuit: circuit})
	before := runtime.NumGoroutine()
	for round := range streams / atOnce {
		ctx, cancel := context.WithCancel(t.Context())
		var ended sync.WaitGroup
		for range atOnce {
			ended.Add(1)
			s, err := c.StreamingOutputCall(ctx, &tpb.StreamingOutputCallRequest{}, grpc.OnFinish(func(error) { ended.Done() }))
			require.NoError(t, err)
			if round%2 == 0 {
				_, err = s.Recv()
				require.NoError(t, err)
			}
		}
		cancel() // and they are not read
		ended.Wait()
		require.Zero(t, gate.Snapshot().InUse)
	}
	settled(t, func() bool { return runtime.NumGoroutine() <= before+10 }) // those of the connection
	counts := circuit.Snapshot().Counts
	assert.Zero(t, counts.Failures)
	assert.EqualValues(t, streams, counts.Ignored+counts.Successes)
}

func TestPoliciesInsideOfOthersHoldTheirPermitsToo(t *testing.T) {
	gate := bulkhead.NewGate(bulkhead.Config{Limit: 1})
	circuit := breaker.NewCircuit(breaker.Config{Window: time.Hour})
	held := pipeline.New(ductilegrpc.Breaker(circuit), policy.Policy[*ductilegrpc.Reply](ductilegrpc.Bulkhead(gate)))
	p := pipeline.New[*ductilegrpc.Reply](policy.Select(func(context.Context) policy.Policy[*ductilegrpc.Reply] { return held }))
	more := make(chan struct{})
	c := client(t, &service{stream: func(_ *tpb.StreamingOutputCallRequest, out output) error {
		if err := sendNumbers(out, 1, 1); err != nil {
			return err
		}
		<-more
		return nil
	}, unary: func(context.Context, *tpb.SimpleRequest) (*tpb.SimpleResponse, error) { return named(""), nil }}, ductilegrpc.Config{})
	s, err := c.StreamingOutputCall(t.Context(), &tpb.StreamingOutputCallRequest{}, ductilegrpc.WithPipeline(p))
	require.NoError(t, err)
	_, err = s.Recv()
	require.NoError(t, err)
	assert.Equal(t, 1, gate.Snapshot().InUse)
	assert.Equal(t, breaker.Counts{}, circuit.Snapshot().Counts)
	close(more)
	_, err = s.Recv()
	require.ErrorIs(t, err, io.EOF)
	assert.Zero(t, gate.Snapshot().InUse)
	assert.Equal(t, breaker.Counts{Successes: 1}, circuit.Snapshot().Counts)

	_, err = c.UnaryCall(t.Context(), &tpb.SimpleRequest{}, ductilegrpc.WithPipeline(p))
	require.NoError(t, err)
	assert.Zero(t, gate.Snapshot().InUse, "a unary call gives its place back at once")
	assert.Equal(t, breaker.Counts{Successes: 2}, circuit.Snapshot().Counts)
}

func TestAStreamsDeadlineAfterItsFirstMessageIsIgnored(t *testing.T) {
	circuit := breaker.NewCircuit(breaker.Config{Window: time.Hour})
	c := client(t, &service{stream: func(_ *tpb.StreamingOutputCallRequest, out output) error {
		if err := sendNumbers(out, 1, 1); err != nil {
			return err
		}
		<-out.Context().Done()
		return nil
	}}, ductilegrpc.Config{Circuit: circuit})
	clk := fake.NewClock(fake.At(time.Now()))
	ctx, cancel := clk.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	s, err := c.StreamingOutputCall(ctx, &tpb.StreamingOutputCallRequest{})
	require.NoError(t, err)
	_, err = s.Recv()
	require.NoError(t, err)
	clk.Advance(time.Hour)
	_, err = s.Recv()
	assert.Equal(t, codes.DeadlineExceeded, status.Code(err))
	require.ErrorIs(t, err, context.DeadlineExceeded)
	assert.Equal(t, breaker.Counts{Ignored: 1}, circuit.Snapshot().Counts)
	assert.ErrorContains(t, err, "DeadlineExceeded")
}
