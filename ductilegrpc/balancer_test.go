package ductilegrpc_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	tpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/manual"
	"google.golang.org/grpc/status"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/ductilegrpc"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/keyed"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

var balancers atomic.Int64

// replicas starts n servers behind one client with a balancer of circuits. fail returns the
// error of the server at an index.
func replicas(t *testing.T, n int, clk *fake.Clock, fail func(i int) error, dial ...grpc.DialOption) (tpb.TestServiceClient, []string, *keyed.Map[string, *breaker.Circuit]) {
	t.Helper()
	circuits := keyed.New(keyed.Config[string, *breaker.Circuit]{Make: func(addr string) *breaker.Circuit {
		return breaker.NewCircuit(breaker.Config{Name: addr, FailureThreshold: 3, RecoveryTimeout: time.Minute, Clock: clk})
	}})
	name := fmt.Sprintf("circuits_%d", balancers.Add(1)) // the registry of gRPC is global
	balancer.Register(ductilegrpc.RoundRobin(name, circuits))
	var addrs []string
	var state resolver.State
	for i := range n {
		s := run(t, &backend{unary: func(context.Context) error { return fail(i) }}, nil)
		addrs = append(addrs, s.addr)
		state.Endpoints = append(state.Endpoints, resolver.Endpoint{Addresses: []resolver.Address{{Addr: s.addr}}})
	}
	r := manual.NewBuilderWithScheme("replicas")
	r.InitialState(state)
	conn, err := grpc.NewClient("replicas:///", append(dial, grpc.WithResolvers(r), grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultServiceConfig(`{"loadBalancingConfig": [{"`+name+`": {}}]}`))...)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, conn.Close()) })
	client := tpb.NewTestServiceClient(conn)
	for tries := 0; circuits.Len() < n; tries++ { // until all replicas are connected
		require.Less(t, tries, 1_000_000)
		_, _ = client.UnaryCall(t.Context(), &tpb.SimpleRequest{}, grpc.WaitForReady(true))
	}
	return client, addrs, circuits
}

func TestAnAddressThatFailsIsPassedOverUntilAProbeSucceeds(t *testing.T) {
	clk := fake.NewClock()
	var sick atomic.Bool
	client, addrs, circuits := replicas(t, 3, clk, func(i int) error {
		if i == 1 && sick.Load() {
			return status.Error(codes.Unavailable, "the disk is full")
		}
		return nil
	})
	sick.Store(true)
	served, failed := map[string]int{}, 0
	calls := func(n int) {
		clear(served)
		failed = 0
		for range n {
			var p peer.Peer
			if _, err := client.UnaryCall(t.Context(), &tpb.SimpleRequest{}, grpc.Peer(&p)); err != nil {
				assert.Equal(t, codes.Unavailable, code(err))
				failed++
				continue
			}
			served[p.Addr.String()]++
		}
	}
	calls(90)
	assert.Equal(t, 3, failed, "until the circuit opens")
	assert.Equal(t, breaker.Open, circuits.Get(addrs[1]).State())
	assert.Len(t, served, 2)

	clk.Advance(time.Minute)
	calls(30)
	assert.Equal(t, 1, failed, "one probe")

	sick.Store(false)
	clk.Advance(time.Minute)
	calls(90)
	assert.Zero(t, failed)
	assert.InDelta(t, 30, served[addrs[1]], 1, "it has its share again")
}

// Two of three replicas are sick, and their circuits do not open: a third attempt always
// finds the one that is well, although two other calls between any two attempts bring the
// turn back to the same replica.
func TestAttemptsOfOneCallGoToDifferentAddresses(t *testing.T) {
	clk := fake.NewClock()
	var sick, aside atomic.Bool
	var others tpb.TestServiceClient
	betweenAttempts := func(context.Context, policy.Event) {
		aside.Store(true)
		defer aside.Store(false)
		for range 2 {
			_, err := others.UnaryCall(t.Context(), &tpb.SimpleRequest{})
			assert.NoError(t, err)
		}
	}
	var mu sync.Mutex
	var met []int
	client, _, circuits := replicas(t, 3, clk, func(i int) error {
		if !sick.Load() || aside.Load() {
			return nil
		}
		mu.Lock()
		defer mu.Unlock()
		met = append(met, i)
		if i < 2 {
			return status.Error(codes.Unavailable, "the disk is full")
		}
		return nil
	}, ductilegrpc.DialOptions(ductilegrpc.Config{Retry: retry.Config{MaxAttempts: 3, BaseDelay: retry.NoDelay, OnRetry: betweenAttempts}})...)
	others = client
	sick.Store(true)
	for range 20 {
		met = nil
		_, err := client.UnaryCall(t.Context(), &tpb.SimpleRequest{})
		require.NoError(t, err)
		seen := map[int]bool{}
		for _, i := range met {
			assert.False(t, seen[i], "replica %d twice: %v", i, met)
			seen[i] = true
		}
		for _, c := range circuits.All() {
			c.Reset()
		}
	}
}

// With fewer addresses than attempts, an attempt goes where another has been.
func TestACallThatHasTriedEveryAddressTriesAgain(t *testing.T) {
	var n atomic.Int64
	client, _, _ := replicas(t, 1, fake.NewClock(), func(int) error {
		if n.Add(1)%2 == 0 {
			return nil
		}
		return status.Error(codes.Unavailable, "now and then")
	}, ductilegrpc.DialOptions(ductilegrpc.Config{Retry: retry.Config{MaxAttempts: 3, BaseDelay: retry.NoDelay}})...)
	_, err := client.UnaryCall(t.Context(), &tpb.SimpleRequest{})
	require.NoError(t, err)
}

func TestWithoutAnAddressThatAdmitsACallTheClientLearnsWhenToReturn(t *testing.T) {
	clk := fake.NewClock()
	client, addrs, circuits := replicas(t, 2, clk, func(int) error { return nil })
	circuits.Get(addrs[0]).Trip(10*time.Second, "test")
	circuits.Get(addrs[1]).Trip(time.Minute, "test")
	_, err := client.UnaryCall(t.Context(), &tpb.SimpleRequest{})
	assert.Equal(t, codes.Unavailable, code(err))
	assert.Equal(t, 10*time.Second, retryInfo(err))
	clk.Advance(10 * time.Second)
	_, err = client.UnaryCall(t.Context(), &tpb.SimpleRequest{})
	require.NoError(t, err)
}

func TestACallThatItsCallerCancelsSaysNothingAboutTheAddress(t *testing.T) {
	started := make(chan struct{}, 1)
	handler, _, release := block()
	var blocks atomic.Bool
	client, addrs, circuits := replicas(t, 1, fake.NewClock(), func(int) error {
		if !blocks.Load() {
			return nil
		}
		started <- struct{}{}
		return handler(context.Background())
	})
	blocks.Store(true)
	before := circuits.Get(addrs[0]).Snapshot().Counts.Ignored
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { _, err := client.UnaryCall(ctx, &tpb.SimpleRequest{}); ended <- err }()
	<-started
	cancel()
	assert.Equal(t, codes.Canceled, code(<-ended))
	after := circuits.Get(addrs[0]).Snapshot().Counts
	assert.Equal(t, before+1, after.Ignored)
	assert.Zero(t, after.Failures)
	release <- struct{}{}
}

func TestAnAnswerThatTheCallerGotWrongCountsForTheAddress(t *testing.T) {
	client, addrs, circuits := replicas(t, 1, fake.NewClock(), func(int) error { return status.Error(codes.NotFound, "no such cart") })
	for range 10 {
		_, err := client.UnaryCall(t.Context(), &tpb.SimpleRequest{})
		assert.Equal(t, codes.NotFound, code(err))
	}
	assert.Equal(t, breaker.Closed, circuits.Get(addrs[0]).State())
	assert.Zero(t, circuits.Get(addrs[0]).Snapshot().Counts.Failures)
}

func TestRoundRobinRefusesWhatCannotWork(t *testing.T) {
	assert.PanicsWithValue(t, `ductilegrpc: RoundRobin: name is "", want the name that a service config has`, func() {
		ductilegrpc.RoundRobin("", keyed.New(keyed.Config[string, *breaker.Circuit]{Make: func(string) *breaker.Circuit { return nil }}))
	})
	assert.PanicsWithValue(t, "ductilegrpc: RoundRobin: circuits is nil, want a map made by keyed.New", func() {
		ductilegrpc.RoundRobin("x", nil)
	})
}

func ExampleRoundRobin() {
	target, creds := "dns:///stock.example:443", grpc.WithTransportCredentials(insecure.NewCredentials())

	circuits := keyed.New(keyed.Config[string, *breaker.Circuit]{
		Make: func(addr string) *breaker.Circuit {
			return breaker.NewCircuit(breaker.Config{Name: addr, Window: 10 * time.Second, FailureRate: 0.5})
		},
	})
	balancer.Register(ductilegrpc.RoundRobin("round_robin_circuits", circuits)) // when the program starts
	conn, err := grpc.NewClient(target, append(ductilegrpc.DialOptions(ductilegrpc.Config{}), creds,
		grpc.WithDefaultServiceConfig(`{"loadBalancingConfig": [{"round_robin_circuits": {}}]}`))...)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = conn.Close() }()
	fmt.Println(conn.Target())
	// Output: dns:///stock.example:443
}

// fmt, and with it testify's mock, reads all fields of a context without a String method.
func TestAContextOfACallIsPrintedWithoutALookAtItsFields(t *testing.T) {
	circuit := breaker.NewCircuit(breaker.Config{})
	for _, cfg := range []ductilegrpc.Config{
		{Circuit: circuit, AttemptTimeout: -1, TotalTimeout: -1},
		{Circuit: circuit, AttemptTimeout: -1, TotalTimeout: -1, Retry: retry.Config{Clock: fake.NewClock()}},
	} {
		var text string
		api, _, _ := replicas(t, 1, fake.NewClock(), func(int) error { return nil }, append(ductilegrpc.DialOptions(cfg),
			grpc.WithChainUnaryInterceptor(func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, next grpc.UnaryInvoker, opts ...grpc.CallOption) error {
				text = fmt.Sprint(ctx)
				return next(ctx, method, req, reply, cc, opts...)
			}))...)
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		_, err := api.UnaryCall(ctx, &tpb.SimpleRequest{})
		require.NoError(t, err)
		assert.Equal(t, "context.Background.WithCancel", text)
	}
}
