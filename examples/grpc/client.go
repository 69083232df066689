package main

import (
	"context"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/credentials/insecure"
	tpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/manual"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/ductilegrpc"
	"github.com/ductile-go/ductile/hedge"
	"github.com/ductile-go/ductile/keyed"
	"github.com/ductile-go/ductile/retry"
)

// side is a client with three replicas of its own.
type side struct {
	title    string
	replicas []*replica
	conn     *grpc.ClientConn
	client   tpb.TestServiceClient
	attempts atomic.Int64 // requests that it has sent
}

// newSide starts replicas and a client of them, which knows their addresses from a resolver
// that needs no DNS.
func newSide(ctx context.Context, title, balancing string, seed uint64, options ...grpc.DialOption) (*side, error) {
	s := &side{title: title}
	var state resolver.State
	for i := range uint64(3) {
		r, err := newReplica(ctx, seed+i)
		if err != nil {
			s.close()
			return nil, err
		}
		s.replicas = append(s.replicas, r)
		state.Endpoints = append(state.Endpoints, resolver.Endpoint{Addresses: []resolver.Address{{Addr: r.addr}}})
	}
	names := manual.NewBuilderWithScheme("replicas")
	names.InitialState(state)
	conn, err := grpc.NewClient("replicas:///stock", append(options,
		grpc.WithResolvers(names),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultServiceConfig(`{"loadBalancingConfig": [{"`+balancing+`": {}}]}`),
		// Finds a replica soon after it is back: the default waits 1 s and more.
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: backoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1.5, MaxDelay: 300 * time.Millisecond}}),
		grpc.WithChainUnaryInterceptor(s.count), // behind the policies' interceptor: sees each attempt
	)...)
	if err != nil {
		s.close()
		return nil, err
	}
	s.conn, s.client = conn, tpb.NewTestServiceClient(conn)
	return s, nil
}

// count counts the requests that are sent.
func (s *side) count(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	s.attempts.Add(1)
	return invoke(ctx, method, req, reply, cc, opts...)
}

func (s *side) close() {
	if s.conn != nil {
		_ = s.conn.Close()
	}
	for _, r := range s.replicas {
		r.stop()
	}
}

// guarded returns the options of a client that hedges and retries, and whose balancer has a
// circuit for each address. Each circuit calls tell when it changes its state.
func guarded(name string, tell func(breaker.Transition)) []grpc.DialOption {
	addresses := keyed.New(keyed.Config[string, *breaker.Circuit]{Make: func(addr string) *breaker.Circuit {
		return breaker.NewCircuit(breaker.Config{
			Name: addr, Window: time.Second, MinCalls: 5, FailureRate: 0.5,
			// A hedge wins after some 45 ms, and its loser is cancelled: that address was slow.
			SlowCall: 30 * time.Millisecond, SlowRate: 0.5,
			RecoveryTimeout: 500 * time.Millisecond, HalfOpenMaxCalls: 1, SuccessThreshold: 3,
			OnStateChange: tell,
		})
	}})
	balancer.Register(ductilegrpc.RoundRobin(name, addresses))
	return ductilegrpc.DialOptions(ductilegrpc.Config{
		Retry:          retry.Config{BaseDelay: 10 * time.Millisecond, MaxDelay: 50 * time.Millisecond},
		Hedge:          &hedge.Config{Delay: 40 * time.Millisecond, Budget: retry.NewBudget(retry.BudgetConfig{Ratio: 0.3})},
		AttemptTimeout: 250 * time.Millisecond,
		// The addresses have circuits. That of the whole service is for the day when all fail.
		Circuit:    breaker.NewCircuit(breaker.Config{Name: "stock", Window: 5 * time.Second, FailureRate: 0.9}),
		Idempotent: func(string) bool { return true }, // its .proto does not say so, but it only reads
	})
}
