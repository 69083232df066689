package bench

func init() {
	Scenarios = append(Scenarios,
		Scenario{
			Name: "GRPCUnary", Title: "Interceptor of a unary gRPC call, without gRPC",
			Notes: grpcNotes,
		},
		Scenario{
			Name: "GRPCLoopback", Title: "A unary gRPC call to a server in this process, over loopback",
			Notes: grpcNotes,
		},
		Scenario{
			Name: "GRPCServer", Title: "Interceptor of a gRPC server that lets a call in, without gRPC",
			Notes: grpcServerNotes,
		},
		Scenario{
			Name: "GRPCServerRefused", Title: "Interceptor of a gRPC server with a full gate, without gRPC",
			Notes: grpcServerNotes,
		},
		Scenario{
			Name: "GRPCServerLoopback", Title: "A call that a gRPC server lets in, over loopback",
			Notes: grpcServerNotes,
		},
		Scenario{
			Name: "GRPCServerLoopbackRefused", Title: "A call that a gRPC server with a full gate refuses, over loopback",
			Notes: grpcServerNotes,
		},
	)
}

var grpcNotes = map[string]string{
	"grpc":             "gRPC alone; its own retries are off",
	"grpc-retry":       "gRPC alone, with a retryPolicy in its service config",
	"ductile":          "the zero Config: retry, a circuit for each target, both timeouts; a message and metadata for each attempt",
	"ductile-retry":    "retry alone, with WithPipeline's *Reply",
	"failsafe":         "failsafegrpc: retry and circuit, whose attempts share one message",
	"failsafe-retry":   "failsafegrpc: retry alone, whose attempts share one message",
	"middleware-retry": "go-grpc-middleware's retry; attempts share one message; no circuit, no timeout",
}

var grpcServerNotes = map[string]string{
	"ductile":     "a gate; a refusal has a status",
	"ductile-all": "a limiter, a throttle, a gate and an adaptive limit",
	"ductile-tap": "a gate in a tap, which has no interceptor",
	"failsafe":    "failsafegrpc: a bulkhead; a refusal is Unknown",
}
