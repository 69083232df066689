package main

import (
	"context"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	tpb "google.golang.org/grpc/interop/grpc_testing"
)

// health is how a replica does.
type health int32

const (
	well   health = iota
	slow          // answers take slowTime
	silent        // the machine hangs: its connections stand, and nothing is answered
)

const slowTime = 300 * time.Millisecond

// replica is one server of the service. Its answers take 5 to 10 ms while it is well.
type replica struct {
	tpb.UnimplementedTestServiceServer
	addr   string
	health atomic.Int32
	served atomic.Int64

	mu     sync.Mutex
	random *rand.Rand
	server *grpc.Server
	ended  chan struct{} // closed when the server no longer accepts
}

func newReplica(ctx context.Context, seed uint64) (*replica, error) {
	r := &replica{addr: "127.0.0.1:0", random: rand.New(rand.NewPCG(seed, 18))}
	return r, r.start(ctx)
}

// start listens on the replica's address, the one that it had before if there was one.
func (r *replica) start(ctx context.Context) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", r.addr)
	if err != nil {
		return err
	}
	r.addr = listener.Addr().String()
	r.server, r.ended = grpc.NewServer(), make(chan struct{})
	tpb.RegisterTestServiceServer(r.server, r)
	go func() {
		defer close(r.ended)
		_ = r.server.Serve(listener)
	}()
	return nil
}

// stop breaks all connections.
func (r *replica) stop() {
	r.server.Stop()
	<-r.ended
}

// UnaryCall answers after the time that the replica takes.
func (r *replica) UnaryCall(ctx context.Context, _ *tpb.SimpleRequest) (*tpb.SimpleResponse, error) {
	r.mu.Lock()
	took := 5*time.Millisecond + time.Duration(r.random.Int64N(int64(5*time.Millisecond)))
	r.mu.Unlock()
	switch health(r.health.Load()) {
	case slow:
		took = slowTime
	case silent:
		took = time.Hour
	}
	timer := time.NewTimer(took)
	defer timer.Stop()
	select {
	case <-timer.C:
		r.served.Add(1)
		return &tpb.SimpleResponse{}, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
