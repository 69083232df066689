// Package ductilegrpc makes gRPC calls resilient with ductile's policies: unary calls and
// streams, on the client and on the server (google.golang.org/grpc).
//
// A client needs one line:
//
//	conn, err := grpc.NewClient(target, append(ductilegrpc.DialOptions(ductilegrpc.Config{}), creds)...)
//
// Each call runs through total timeout > retry > breaker > attempt timeout, with one circuit
// for each target. The status code decides what an error means; see [Config]. Methods that
// the .proto file declares as idempotent are repeated after more codes than others. A server's
// pushback and RetryInfo are obeyed. A stream with one request is repeated until its first
// message has arrived, and no message is delivered twice.
//
// [Config] also takes hedges, gates, limiters and throttles. With [WithPipeline] or
// Config.Pipeline, a pipeline of your own takes the place of all of them. Its values are of
// type *[Reply], so fallbacks, caches and hedges work as for any other call.
//
// A server has [UnaryServer], [StreamServer] and [Tap]:
//
//	cfg := ductilegrpc.ServerConfig{Gate: gate, Limiter: limiter}
//	server := grpc.NewServer(
//		grpc.ChainUnaryInterceptor(ductilegrpc.UnaryServer(cfg)),
//		grpc.ChainStreamInterceptor(ductilegrpc.StreamServer(cfg)),
//	)
//
// Calls that they refuse leave with a status, and a wait where it is known, that clients of any
// language obey. [RoundRobin] is a balancer with a circuit for each address.
package ductilegrpc
