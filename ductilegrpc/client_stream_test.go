package ductilegrpc_test

import (
	"context"
	"errors"
	"fmt"
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
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/ductilegrpc"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

type output = tpb.TestService_StreamingOutputCallServer

func numberedMessage(i int) *tpb.StreamingOutputCallResponse {
	return &tpb.StreamingOutputCallResponse{Payload: &tpb.Payload{Body: fmt.Append(nil, i)}}
}

func sendNumbers(out output, from, to int) error {
	for i := from; i <= to; i++ {
		if err := out.Send(numberedMessage(i)); err != nil {
			return err
		}
	}
	return nil
}

// readAll reads a stream to its end.
func readAll(s tpb.TestService_StreamingOutputCallClient) (got []string, err error) {
	for {
		m, err := s.Recv()
		if errors.Is(err, io.EOF) {
			return got, nil
		}
		if err != nil {
			return got, err
		}
		got = append(got, string(m.GetPayload().GetBody()))
	}
}

func TestAStreamIsRepeatedUntilItsFirstMessage(t *testing.T) {
	cfg, clk := swift()
	var n counter
	var seen []string
	c := client(t, &service{stream: func(r *tpb.StreamingOutputCallRequest, out output) error {
		seen = append(seen, string(r.GetPayload().GetBody()))
		if n.Add(1) < 3 {
			return status.Error(codes.Unavailable, "not yet")
		}
		return sendNumbers(out, 1, 3)
	}}, ductilegrpc.Config{Retry: cfg})
	req := &tpb.StreamingOutputCallRequest{Payload: &tpb.Payload{Body: []byte("ask")}}
	s, err := c.StreamingOutputCall(t.Context(), req)
	require.NoError(t, err)
	req.Payload.Body[0] = 'X' // the request has been copied
	got, err := readAll(s)
	require.NoError(t, err)
	assert.Equal(t, []string{"1", "2", "3"}, got)
	assert.Equal(t, []string{"ask", "ask", "ask"}, seen)
	assert.Equal(t, []time.Duration{500 * time.Millisecond, time.Second}, clk.Sleeps())
}

func TestNoMessageIsDeliveredTwice(t *testing.T) {
	cfg, _ := swift()
	var n counter
	circuit := breaker.NewCircuit(breaker.Config{Window: time.Hour, Clock: cfg.Clock})
	c := client(t, &service{stream: func(_ *tpb.StreamingOutputCallRequest, out output) error {
		n.Add(1)
		if err := sendNumbers(out, 1, 3); err != nil {
			return err
		}
		return status.Error(codes.Unavailable, "reset in the middle")
	}}, ductilegrpc.Config{Retry: cfg, Circuit: circuit, Idempotent: always})
	s, err := c.StreamingOutputCall(t.Context(), &tpb.StreamingOutputCallRequest{})
	require.NoError(t, err)
	got, err := readAll(s)
	assert.Equal(t, []string{"1", "2", "3"}, got)
	assert.EqualError(t, err, "rpc error: code = Unavailable desc = reset in the middle")
	assert.EqualValues(t, 1, n.Load())
	assert.Equal(t, breaker.Counts{Failures: 1}, circuit.Snapshot().Counts, "judged by the terminal status")
}

func TestAStreamsErrorHasTheLastStatus(t *testing.T) {
	cfg, _ := swift()
	c := client(t, &service{stream: func(_ *tpb.StreamingOutputCallRequest, out output) error {
		out.SetTrailer(metadata.Pairs("k", "v"))
		return detailed(codes.Unavailable, "down", retryIn(time.Millisecond))
	}}, ductilegrpc.Config{Retry: cfg})
	var trailer metadata.MD
	var from peer.Peer
	var told []error
	s, err := c.StreamingOutputCall(t.Context(), &tpb.StreamingOutputCallRequest{}, grpc.Trailer(&trailer), grpc.Peer(&from),
		grpc.OnFinish(func(err error) { told = append(told, err) }))
	require.NoError(t, err)
	_, err = s.Recv()
	require.ErrorIs(t, err, retry.ErrExhausted)
	assert.Equal(t, "down", status.Convert(err).Message())
	assert.Len(t, status.Convert(err).Details(), 1)
	assert.Equal(t, []string{"v"}, s.Trailer().Get("k"))
	assert.Equal(t, []string{"v"}, trailer.Get("k"))
	assert.NotNil(t, from.Addr)
	assert.Equal(t, []error{err}, told)
	header, headerErr := s.Header()
	assert.NoError(t, headerErr)
	assert.Empty(t, header)
	_, again := s.Recv()
	assert.Equal(t, err, again)
}

func TestAStreamHoldsItsPermitsToItsEnd(t *testing.T) {
	for _, kind := range []string{"Config", "Pipeline"} {
		for _, end := range []string{"read", "cancelled", "closed"} {
			t.Run(kind+", "+end, func(t *testing.T) {
				gate := bulkhead.NewGate(bulkhead.Config{Limit: 1})
				circuit := breaker.NewCircuit(breaker.Config{Window: time.Hour, RecoveryTimeout: breaker.NoWait, HalfOpenMaxCalls: 1})
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

func TestAStreamWithoutMessagesIsASuccess(t *testing.T) {
	circuit := breaker.NewCircuit(breaker.Config{Window: time.Hour})
	c := client(t, &service{stream: func(*tpb.StreamingOutputCallRequest, output) error { return nil }}, ductilegrpc.Config{Circuit: circuit})
	s, err := c.StreamingOutputCall(t.Context(), &tpb.StreamingOutputCallRequest{})
	require.NoError(t, err)
	got, err := readAll(s)
	require.NoError(t, err)
	assert.Empty(t, got)
	assert.Equal(t, breaker.Counts{Successes: 1}, circuit.Snapshot().Counts)
	_, err = s.Recv()
	assert.ErrorIs(t, err, io.EOF)
}

func TestTheAttemptTimeoutIsTheTimeToTheFirstMessage(t *testing.T) {
	clk := fake.NewClock()
	cfg := retry.Config{Clock: clk, BaseDelay: retry.NoDelay}
	var n counter
	began := make(chan struct{}, 3)
	c := client(t, &service{stream: func(_ *tpb.StreamingOutputCallRequest, out output) error {
		k := n.Add(1)
		began <- struct{}{}
		if k == 1 {
			<-out.Context().Done() // silent
			return nil
		}
		return sendNumbers(out, 1, 2)
	}}, ductilegrpc.Config{Retry: cfg, AttemptTimeout: time.Second, TotalTimeout: -1, Idempotent: always})
	s, err := c.StreamingOutputCall(t.Context(), &tpb.StreamingOutputCallRequest{})
	require.NoError(t, err)
	<-began
	clk.Advance(time.Second)
	m, err := s.Recv()
	require.NoError(t, err)
	assert.Equal(t, "1", string(m.GetPayload().GetBody()))
	assert.Zero(t, clk.Waiters(), "no limit is left")
	clk.Advance(time.Hour)
	got, err := readAll(s)
	require.NoError(t, err)
	assert.Equal(t, []string{"2"}, got)
	assert.EqualValues(t, 2, n.Load())
}

func TestAMethodThatMayHaveRunIsNotRepeatedAfterATimeout(t *testing.T) {
	clk := fake.NewClock()
	began := make(chan struct{}, 3)
	c := client(t, &service{stream: func(_ *tpb.StreamingOutputCallRequest, out output) error {
		began <- struct{}{}
		<-out.Context().Done()
		return nil
	}}, ductilegrpc.Config{Retry: retry.Config{Clock: clk}, AttemptTimeout: time.Second})
	s, err := c.StreamingOutputCall(t.Context(), &tpb.StreamingOutputCallRequest{})
	require.NoError(t, err)
	<-began
	clk.Advance(time.Second)
	_, err = s.Recv()
	assert.Equal(t, codes.DeadlineExceeded, status.Code(err))
	_, ok := errors.AsType[*policy.TimeoutError](err)
	assert.True(t, ok)
	assert.Empty(t, began)
}

func TestASilentStreamHasNoLimitByDefault(t *testing.T) {
	clk := fake.NewClock()
	open := make(chan struct{})
	c := client(t, &service{stream: func(_ *tpb.StreamingOutputCallRequest, out output) error {
		<-open
		return sendNumbers(out, 1, 1)
	}}, ductilegrpc.Config{Retry: retry.Config{Clock: clk}})
	s, err := c.StreamingOutputCall(t.Context(), &tpb.StreamingOutputCallRequest{})
	require.NoError(t, err)
	assert.Zero(t, clk.Waiters())
	close(open)
	got, err := readAll(s)
	require.NoError(t, err)
	assert.Equal(t, []string{"1"}, got)
}

func TestAStreamThatFallsIdleEndsWithATimeout(t *testing.T) {
	clk := fake.NewClock()
	circuit := breaker.NewCircuit(breaker.Config{Window: time.Hour, Clock: clk})
	c := client(t, &service{stream: func(_ *tpb.StreamingOutputCallRequest, out output) error {
		if err := sendNumbers(out, 1, 2); err != nil {
			return err
		}
		<-out.Context().Done()
		return nil
	}}, ductilegrpc.Config{Retry: retry.Config{Clock: clk}, Circuit: circuit, IdleTimeout: time.Minute})
	var told error
	s, err := c.StreamingOutputCall(t.Context(), &tpb.StreamingOutputCallRequest{}, grpc.OnFinish(func(err error) { told = err }))
	require.NoError(t, err)
	for range 2 {
		_, err = s.Recv()
		require.NoError(t, err)
	}
	assert.Zero(t, clk.Waiters(), "a caller that does not read is not the server's fault")
	result := make(chan error)
	go func() {
		_, err := s.Recv()
		result <- err
	}()
	require.NoError(t, clk.BlockUntil(t.Context(), 1))
	clk.Advance(time.Minute)
	err = <-result
	timeout, ok := errors.AsType[*policy.TimeoutError](err)
	require.True(t, ok)
	assert.Equal(t, time.Minute, timeout.After)
	assert.ErrorIs(t, err, context.DeadlineExceeded)
	assert.Equal(t, codes.DeadlineExceeded, status.Code(err))
	assert.Equal(t, codes.DeadlineExceeded, status.Code(told))
	assert.Equal(t, breaker.Counts{Failures: 1}, circuit.Snapshot().Counts)
	assert.Zero(t, clk.Waiters())
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

func TestARequestThatIsTooLargeToKeepIsSentOnce(t *testing.T) {
	for _, size := range []int{1000, 1001} {
		cfg, _ := swift()
		var n counter
		c := client(t, &service{stream: func(*tpb.StreamingOutputCallRequest, output) error {
			n.Add(1)
			return status.Error(codes.Unavailable, "down")
		}}, ductilegrpc.Config{Retry: cfg, MaxReplay: 1000})
		req := &tpb.StreamingOutputCallRequest{Payload: &tpb.Payload{Body: make([]byte, size-6)}}
		s, err := c.StreamingOutputCall(t.Context(), req)
		require.NoError(t, err)
		req.Payload.Body[0]++ // it was sent or copied
		_, err = s.Recv()
		assert.Equal(t, codes.Unavailable, status.Code(err))
		if size > 1000 {
			assert.EqualValues(t, 1, n.Load())
		} else {
			assert.EqualValues(t, 3, n.Load())
		}
	}
}

func TestNoReplaySendsEveryRequestOnce(t *testing.T) {
	cfg, _ := swift()
	var n counter
	c := client(t, &service{stream: func(*tpb.StreamingOutputCallRequest, output) error {
		n.Add(1)
		return status.Error(codes.Unavailable, "down")
	}}, ductilegrpc.Config{Retry: cfg, MaxReplay: ductilegrpc.NoReplay})
	s, err := c.StreamingOutputCall(t.Context(), &tpb.StreamingOutputCallRequest{Payload: &tpb.Payload{Body: []byte("x")}})
	require.NoError(t, err)
	_, err = s.Recv()
	assert.Equal(t, codes.Unavailable, status.Code(err))
	assert.EqualValues(t, 1, n.Load())
}

func TestAHeaderThatTheCallerHasCommitsTheAttempt(t *testing.T) {
	cfg, _ := swift()
	var n counter
	read := make(chan struct{})
	c := client(t, &service{stream: func(_ *tpb.StreamingOutputCallRequest, out output) error {
		k := n.Add(1)
		if err := out.SendHeader(metadata.Pairs("attempt", fmt.Sprint(k))); err != nil {
			return err
		}
		<-read
		return status.Error(codes.Unavailable, "down")
	}}, ductilegrpc.Config{Retry: cfg})
	s, err := c.StreamingOutputCall(t.Context(), &tpb.StreamingOutputCallRequest{})
	require.NoError(t, err)
	header, err := s.Header()
	require.NoError(t, err)
	assert.Equal(t, []string{"1"}, header.Get("attempt"))
	close(read)
	_, err = s.Recv()
	assert.Equal(t, codes.Unavailable, status.Code(err))
	assert.EqualValues(t, 1, n.Load())
	header, err = s.Header()
	require.NoError(t, err)
	assert.Equal(t, []string{"1"}, header.Get("attempt"))
}

func TestHeaderAndTrailerAreTheWinners(t *testing.T) {
	cfg, _ := swift()
	var n counter
	c := client(t, &service{stream: func(_ *tpb.StreamingOutputCallRequest, out output) error {
		k := fmt.Sprint(n.Add(1))
		out.SetTrailer(metadata.Pairs("k", k))
		if err := out.SendHeader(metadata.Pairs("k", k)); err != nil || k == "1" {
			return status.Error(codes.Unavailable, "down")
		}
		return sendNumbers(out, 1, 1)
	}}, ductilegrpc.Config{Retry: cfg})
	var header, trailer metadata.MD
	s, err := c.StreamingOutputCall(t.Context(), &tpb.StreamingOutputCallRequest{}, grpc.Header(&header), grpc.Trailer(&trailer))
	require.NoError(t, err)
	got, err := readAll(s)
	require.NoError(t, err)
	assert.Equal(t, []string{"1"}, got)
	direct, err := s.Header()
	require.NoError(t, err)
	for _, md := range []metadata.MD{header, direct, trailer, s.Trailer()} {
		assert.Equal(t, []string{"2"}, md.Get("k"))
	}
	p, ok := peer.FromContext(s.Context())
	require.True(t, ok)
	assert.NotNil(t, p.Addr)
}

func TestAFallbackMayAnswerForAStream(t *testing.T) {
	p := pipeline.New[*ductilegrpc.Reply](policy.FallbackValue(&ductilegrpc.Reply{
		Message: numberedMessage(7), Header: metadata.Pairs("from", "cache"), Trailer: metadata.Pairs("age", "7"),
	}))
	c := client(t, &service{
		stream: func(*tpb.StreamingOutputCallRequest, output) error { return status.Error(codes.Unavailable, "down") },
	}, ductilegrpc.Config{Pipeline: p})
	var options metadata.MD
	s, err := c.StreamingOutputCall(t.Context(), &tpb.StreamingOutputCallRequest{}, grpc.Header(&options))
	require.NoError(t, err)
	got, err := readAll(s)
	require.NoError(t, err)
	assert.Equal(t, []string{"7"}, got)
	header, err := s.Header()
	require.NoError(t, err)
	assert.Equal(t, []string{"cache"}, header.Get("from"))
	assert.Equal(t, []string{"cache"}, options.Get("from"))
	assert.Equal(t, []string{"7"}, s.Trailer().Get("age"))
	_, err = s.Recv()
	assert.ErrorIs(t, err, io.EOF)
}

func TestAnOpenCircuitRefusesStreams(t *testing.T) {
	circuit := breaker.NewCircuit(breaker.Config{})
	circuit.Isolate("maintenance")
	c := client(t, &service{}, ductilegrpc.Config{Circuit: circuit})
	_, err := c.StreamingOutputCall(t.Context(), &tpb.StreamingOutputCallRequest{})
	require.ErrorIs(t, err, breaker.ErrOpen)
	assert.Equal(t, codes.Unavailable, status.Code(err))
	_, err = c.FullDuplexCall(t.Context())
	require.ErrorIs(t, err, breaker.ErrOpen)
	assert.Equal(t, codes.Unavailable, status.Code(err))
}

func TestAStreamWithManyRequestsIsNotRepeatedAfterASend(t *testing.T) {
	cfg, _ := swift()
	var n counter
	c := client(t, &service{duplex: func(both tpb.TestService_FullDuplexCallServer) error {
		n.Add(1)
		if _, err := both.Recv(); err != nil {
			return err
		}
		return status.Error(codes.Unavailable, "down")
	}, upload: func(in tpb.TestService_StreamingInputCallServer) error {
		n.Add(1)
		for {
			if _, err := in.Recv(); err != nil {
				return status.Error(codes.Unavailable, "down")
			}
		}
	}}, ductilegrpc.Config{Retry: cfg, Idempotent: always})
	both, err := c.FullDuplexCall(t.Context())
	require.NoError(t, err)
	require.NoError(t, both.Send(&tpb.StreamingOutputCallRequest{}))
	_, err = both.Recv()
	assert.Equal(t, codes.Unavailable, status.Code(err))
	assert.EqualValues(t, 1, n.Load())

	in, err := c.StreamingInputCall(t.Context())
	require.NoError(t, err)
	require.NoError(t, in.Send(&tpb.StreamingInputCallRequest{}))
	_, err = in.CloseAndRecv()
	assert.Equal(t, codes.Unavailable, status.Code(err))
	assert.EqualValues(t, 2, n.Load())
}

func TestStreamsWithManyRequestsWork(t *testing.T) {
	gate := bulkhead.NewGate(bulkhead.Config{Limit: 1})
	circuit := breaker.NewCircuit(breaker.Config{Window: time.Hour})
	c := client(t, &service{duplex: func(both tpb.TestService_FullDuplexCallServer) error {
		both.SetTrailer(metadata.Pairs("k", "t"))
		for {
			r, err := both.Recv()
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return err
			}
			if err := both.Send(&tpb.StreamingOutputCallResponse{Payload: r.GetPayload()}); err != nil {
				return err
			}
		}
	}, upload: func(in tpb.TestService_StreamingInputCallServer) error {
		if err := in.SendHeader(metadata.Pairs("k", "h")); err != nil {
			return err
		}
		for n := int32(0); ; n++ {
			if _, err := in.Recv(); err != nil {
				return in.SendAndClose(&tpb.StreamingInputCallResponse{AggregatedPayloadSize: n})
			}
		}
	}}, ductilegrpc.Config{Gate: gate, Circuit: circuit, IdleTimeout: time.Hour})

	both, err := c.FullDuplexCall(t.Context())
	require.NoError(t, err)
	var sending sync.WaitGroup
	sending.Go(func() { // beside Recv, as gRPC allows
		for i := range 100 {
			assert.NoError(t, both.Send(&tpb.StreamingOutputCallRequest{Payload: numberedMessage(i).Payload}))
		}
		assert.NoError(t, both.CloseSend())
	})
	for i := range 100 {
		m, err := both.Recv()
		require.NoError(t, err)
		require.Equal(t, fmt.Sprint(i), string(m.GetPayload().GetBody()))
	}
	sending.Wait()
	assert.Equal(t, 1, gate.Snapshot().InUse)
	_, err = both.Recv()
	require.ErrorIs(t, err, io.EOF)
	assert.Zero(t, gate.Snapshot().InUse)
	assert.Equal(t, []string{"t"}, both.Trailer().Get("k"))

	var header metadata.MD
	in, err := c.StreamingInputCall(t.Context(), grpc.Header(&header))
	require.NoError(t, err)
	for range 5 {
		require.NoError(t, in.Send(&tpb.StreamingInputCallRequest{}))
	}
	direct, err := in.Header()
	require.NoError(t, err)
	r, err := in.CloseAndRecv()
	require.NoError(t, err)
	assert.EqualValues(t, 5, r.GetAggregatedPayloadSize())
	assert.Zero(t, gate.Snapshot().InUse, "one reply ends it")
	assert.Equal(t, []string{"h"}, header.Get("k"))
	assert.Equal(t, []string{"h"}, direct.Get("k"))
	assert.Equal(t, breaker.Counts{Successes: 2}, circuit.Snapshot().Counts)
	p, ok := peer.FromContext(in.Context())
	require.True(t, ok)
	assert.NotNil(t, p.Addr)
}

func TestAFallbackMayAnswerForAStreamWithManyRequests(t *testing.T) {
	circuit := breaker.NewCircuit(breaker.Config{})
	circuit.Isolate("maintenance")
	_, addr := listen(t, &service{})
	opened := func(m any) tpb.TestServiceClient {
		p := pipeline.New[*ductilegrpc.Reply](policy.FallbackValue(&ductilegrpc.Reply{Message: m, Header: metadata.Pairs("a", "b"), Trailer: metadata.Pairs("c", "d")}),
			breaker.New[*ductilegrpc.Reply](circuit))
		return connect(t, addr, append(ductilegrpc.DialOptions(ductilegrpc.Config{Pipeline: p}), plaintext)...)
	}
	both, err := opened(numberedMessage(1)).FullDuplexCall(t.Context())
	require.NoError(t, err)
	assert.ErrorIs(t, both.Send(&tpb.StreamingOutputCallRequest{}), io.EOF)
	m, err := both.Recv()
	require.NoError(t, err)
	assert.Equal(t, "1", string(m.GetPayload().GetBody()))
	_, err = both.Recv()
	require.ErrorIs(t, err, io.EOF)
	require.NoError(t, both.CloseSend())
	header, err := both.Header()
	require.NoError(t, err)
	assert.Equal(t, []string{"b"}, header.Get("a"))
	assert.Equal(t, []string{"d"}, both.Trailer().Get("c"))
	assert.NotNil(t, both.Context())

	in, err := opened(&tpb.StreamingInputCallResponse{AggregatedPayloadSize: 3}).StreamingInputCall(t.Context())
	require.NoError(t, err)
	r, err := in.CloseAndRecv()
	require.NoError(t, err)
	assert.EqualValues(t, 3, r.GetAggregatedPayloadSize())
}

// manyStreams is less under the race detector.
var manyStreams = 10_000

func TestStreamsThatAreOpenedAndLeftKeepNothing(t *testing.T) {
	const atOnce = 500
	streams := manyStreams
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

func TestAMessageThatCannotBeSentEndsAStreamWithManyRequests(t *testing.T) {
	circuit := breaker.NewCircuit(breaker.Config{Window: time.Hour})
	gate := bulkhead.NewGate(bulkhead.Config{Limit: 1})
	c := client(t, &service{duplex: func(both tpb.TestService_FullDuplexCallServer) error {
		<-both.Context().Done()
		return nil
	}}, ductilegrpc.Config{Circuit: circuit, Gate: gate})
	both, err := c.FullDuplexCall(t.Context(), grpc.MaxCallSendMsgSize(10))
	require.NoError(t, err)
	err = both.Send(&tpb.StreamingOutputCallRequest{Payload: &tpb.Payload{Body: make([]byte, 100)}})
	assert.Equal(t, codes.ResourceExhausted, status.Code(err))
	assert.Zero(t, gate.Snapshot().InUse)
	assert.Equal(t, breaker.Counts{Ignored: 1}, circuit.Snapshot().Counts)
}
