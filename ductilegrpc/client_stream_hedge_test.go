package ductilegrpc_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	tpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"

	"github.com/ductile-go/ductile/ductilegrpc"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/hedge"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
)

// reporting is a policy that reports how each attempt inside of it ended.
type reporting struct{ ended chan error }

func (r reporting) Execute(ctx context.Context, next policy.Call[*ductilegrpc.Reply]) (*ductilegrpc.Reply, error) {
	v, err := next.Do(ctx)
	r.ended <- err
	return v, err
}

// hedged returns a pipeline that starts a second attempt after a second.
func hedged(t *testing.T) (*pipeline.Pipeline[*ductilegrpc.Reply], *fake.Clock, chan error) {
	clk := fake.NewClock(fake.For(t))
	ended := make(chan error, 10)
	return pipeline.New[*ductilegrpc.Reply](hedge.New[*ductilegrpc.Reply](hedge.Config{Delay: time.Second, Clock: clk}), reporting{ended}), clk, ended
}

func TestAStreamWhoseHeaderTheCallerHasIsNotHedged(t *testing.T) {
	p, clk, ended := hedged(t)
	release := make(chan struct{})
	c := client(t, &service{stream: numberedAttempts(func(_ context.Context, k int64) {
		if k == 1 {
			<-release
		}
	})}, ductilegrpc.Config{Pipeline: p})
	s, err := c.StreamingOutputCall(t.Context(), &tpb.StreamingOutputCallRequest{})
	require.NoError(t, err)
	header, err := s.Header()
	require.NoError(t, err)
	clk.Advance(time.Second)
	assert.ErrorContains(t, <-ended, "the caller has the header of another attempt")
	close(release)
	got, err := readAll(s)
	require.NoError(t, err)
	assert.Equal(t, []string{"1"}, got)
	assert.Equal(t, got, header.Get("attempt"))
}

// numberedAttempts returns a method that sends its number as a header, calls before, and sends
// its number as a message.
func numberedAttempts(before func(ctx context.Context, k int64)) func(*tpb.StreamingOutputCallRequest, output) error {
	n := new(counter)
	return func(_ *tpb.StreamingOutputCallRequest, out output) error {
		k := n.Add(1)
		if err := out.SendHeader(metadata.Pairs("attempt", fmt.Sprint(k))); err != nil {
			return err
		}
		before(out.Context(), k)
		return sendNumbers(out, int(k), int(k))
	}
}

// heading reports when a stream of gRPC has a header.
type heading struct {
	grpc.ClientStream
	has chan struct{}
}

func (h heading) Header() (metadata.MD, error) {
	defer func() { h.has <- struct{}{} }()
	return h.ClientStream.Header()
}

func TestTheHeaderOfAHedgedStreamIsTheWinners(t *testing.T) {
	for winner := range int64(2) {
		p, clk, _ := hedged(t)
		release, has := make(chan struct{}), make(chan struct{}, 2)
		_, addr := listen(t, &service{stream: numberedAttempts(func(ctx context.Context, k int64) {
			if k == winner+1 {
				<-release
			} else {
				<-ctx.Done()
			}
		})})
		c := connect(t, addr, append(ductilegrpc.DialOptions(ductilegrpc.Config{Pipeline: p}), plaintext,
			grpc.WithChainStreamInterceptor(func(ctx context.Context, d *grpc.StreamDesc, cc *grpc.ClientConn, m string, open grpc.Streamer, o ...grpc.CallOption) (grpc.ClientStream, error) {
				s, err := open(ctx, d, cc, m, o...)
				return heading{s, has}, err
			}))...)
		s, err := c.StreamingOutputCall(t.Context(), &tpb.StreamingOutputCallRequest{})
		require.NoError(t, err)
		<-has
		clk.Advance(time.Second)
		<-has
		result := make(chan metadata.MD)
		go func() {
			header, err := s.Header()
			assert.NoError(t, err)
			result <- header
		}()
		close(release)
		got, err := readAll(s)
		require.NoError(t, err)
		assert.Equal(t, []string{fmt.Sprint(winner + 1)}, got)
		assert.Equal(t, got, (<-result).Get("attempt"))
	}
}

func TestARequestThatIsNotKeptIsNotHedged(t *testing.T) {
	for _, size := range []int{0, 100} {
		p, clk, ended := hedged(t)
		release, began := make(chan struct{}), make(chan struct{}, 2)
		c := client(t, &service{stream: numberedAttempts(func(_ context.Context, k int64) {
			began <- struct{}{}
			if k == 1 {
				<-release
			}
		})}, ductilegrpc.Config{Pipeline: p, MaxReplay: ductilegrpc.NoReplay})
		s, err := c.StreamingOutputCall(t.Context(), &tpb.StreamingOutputCallRequest{Payload: &tpb.Payload{Body: make([]byte, size)}})
		require.NoError(t, err)
		<-began
		clk.Advance(time.Second)
		assert.ErrorContains(t, <-ended, "the request was sent, and not kept")
		close(release)
		got, err := readAll(s)
		require.NoError(t, err)
		assert.Equal(t, []string{"1"}, got)
	}
}
