package ductilegrpc_test

import (
	"errors"
	"fmt"
	"io"
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
	"github.com/ductile-go/ductile/ductilegrpc"
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
