package ductilegrpc

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/balancer/base"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/ductile-go/ductile/breaker"
	atomic "github.com/ductile-go/ductile/internal/atomicx"
	"github.com/ductile-go/ductile/keyed"
	"github.com/ductile-go/ductile/policy"
)

// RoundRobin returns a balancer that sends calls to the addresses of a target in turn, as
// gRPC's round_robin does, and has a circuit for each address: one that fails, or is too
// slow for its callers' deadlines, is passed over until a probe succeeds, although its
// connection stands. An interceptor cannot do this, because gRPC chooses the connection
// further in. Register the balancer when the program starts, and name it in the service
// config of a client:
//
//	balancer.Register(ductilegrpc.RoundRobin("round_robin_circuits", circuits))
//	...
//	grpc.WithDefaultServiceConfig(`{"loadBalancingConfig": [{"round_robin_circuits": {}}]}`)
//
// Attempts of one call that [DialOptions] make, a retry's and a hedge's, go to different
// addresses while there are any that the call has not tried.
//
// A circuit of circuits, whose key is the address such as "10.0.0.7:443", counts each attempt
// when it ends, by the status codes as in [Config]. If no circuit admits a call, the attempt
// fails with Unavailable and a RetryInfo that says when the first of them admits a probe.
// Clients that share circuits share what they know of an address.
//
// RoundRobin panics if name is empty or circuits is nil.
func RoundRobin(name string, circuits *keyed.Map[string, *breaker.Circuit]) balancer.Builder {
	if name == "" {
		panic(`ductilegrpc: RoundRobin: name is "", want the name that a service config has`)
	}
	if circuits == nil {
		panic("ductilegrpc: RoundRobin: circuits is nil, want a map made by keyed.New")
	}
	spreading.Store(true)
	return flatBuilder{base.NewBalancerBuilder(name, pickers{circuits}, base.Config{HealthCheck: true})}
}

// flatBuilder builds balancers that also take the addresses of resolvers that give Endpoints
// alone. Those of package base know only Addresses.
type flatBuilder struct{ balancer.Builder }

func (b flatBuilder) Build(cc balancer.ClientConn, opts balancer.BuildOptions) balancer.Balancer {
	return flat{b.Builder.Build(cc, opts)}
}

type flat struct{ balancer.Balancer }

func (f flat) UpdateClientConnState(s balancer.ClientConnState) error {
	if len(s.ResolverState.Addresses) == 0 {
		for _, e := range s.ResolverState.Endpoints {
			s.ResolverState.Addresses = append(s.ResolverState.Addresses, e.Addresses...)
		}
	}
	return f.Balancer.UpdateClientConnState(s)
}

// pickers makes a picker each time that a connection has come or gone.
type pickers struct {
	circuits *keyed.Map[string, *breaker.Circuit]
}

func (p pickers) Build(info base.PickerBuildInfo) balancer.Picker {
	if len(info.ReadySCs) == 0 {
		return base.NewErrPicker(balancer.ErrNoSubConnAvailable)
	}
	made := &picker{circuits: p.circuits}
	for conn, about := range info.ReadySCs {
		made.backends = append(made.backends, backend{conn, about.Address.Addr})
	}
	slices.SortFunc(made.backends, func(a, b backend) int { return strings.Compare(a.addr, b.addr) })
	// Many clients that start at once must not all call the same address first.
	made.next.Store(rand.Uint32())
	return made
}

type backend struct {
	conn balancer.SubConn
	addr string
}

type picker struct {
	circuits *keyed.Map[string, *breaker.Circuit]
	backends []backend
	next     atomic.Uint32 // a pick adds 1, so that picks side by side begin at different addresses
}

// Pick returns the next connection whose circuit admits a call, if possible one that the call
// has not tried.
func (p *picker) Pick(info balancer.PickInfo) (balancer.PickResult, error) {
	before, _ := info.Ctx.Value(triedKey{}).(*tried)
	start := uint64(p.next.Add(1))
	var soonest time.Duration
	for _, again := range []bool{false, true} {
		for i := range uint64(len(p.backends)) {
			b := p.backends[(start+i)%uint64(len(p.backends))]
			if before.has(b.addr) != again {
				continue
			}
			permit, err := p.circuits.Get(b.addr).Acquire()
			if err == nil {
				before.add(b.addr)
				return balancer.PickResult{SubConn: b.conn, Done: func(d balancer.DoneInfo) { permit.Record(outcomeAt(d)) }}, nil
			}
			if wait, _ := policy.RetryAfter(err); wait > 0 && (soonest == 0 || wait < soonest) {
				soonest = wait
			}
		}
	}
	st, _ := refusal(codes.Unavailable, fmt.Sprintf("ductilegrpc: the circuits of all %d connected addresses are open", len(p.backends)), soonest)
	return balancer.PickResult{}, st.Err()
}

// table is a client that has no Classify, for the table of [Config].
var table client

// outcomeAt returns what the end of an attempt says about its address.
func outcomeAt(d balancer.DoneInfo) policy.Outcome {
	if d.Err == nil {
		if !d.BytesReceived {
			return policy.Ignored // the connection was lost before anything was sent on it
		}
		return policy.Success
	}
	st := status.Convert(d.Err)
	o := table.outcome(&failure{err: d.Err, trailer: d.Trailer, placed: true}, st, requestOf(st, d.Trailer))
	if o == policy.Undecided {
		return policy.Failure
	}
	return o
}
