package ductilegrpc

import (
	"context"
	"time"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/internal/verdict"
	"github.com/ductile-go/ductile/policy"
)

// Breaker returns a breaker for a pipeline of [Config] or [WithPipeline] that judges a
// stream by the status with which it ends, and holds the permit of a half-open circuit until
// then. It is needed only inside of another policy, such as that of keyed.Policy. It panics
// if circuit is nil or was not made by NewCircuit.
func Breaker(circuit *breaker.Circuit) policy.Policy[*Reply] {
	return judging{breaker.New[*Reply](circuit).WithKeep(keepVerdict)}
}

// Bulkhead returns a bulkhead for a pipeline of [Config] or [WithPipeline] that holds the
// place of a stream until that has ended. It is needed only inside of another policy. It
// panics if g is nil or was not made by NewGate.
func Bulkhead(g *bulkhead.Gate) *bulkhead.Bulkhead[*Reply] {
	return bulkhead.New[*Reply](g).WithKeep(keepPlace)
}

// keepPlace releases a place when the stream of r has ended.
func keepPlace(_ context.Context, r *Reply, release func()) *Reply {
	if r == nil || r.flow == nil {
		release()
		return r
	}
	r.flow.whenEnded(func(*flowEnd) { release() })
	return r
}

// judging is a breaker whose verdict may come after the call has returned.
type judging struct {
	*breaker.Breaker[*Reply]
}

// Execute runs next if the circuit admits it.
func (j judging) Execute(ctx context.Context, next policy.Call[*Reply]) (*Reply, error) {
	return j.Breaker.Execute(&verdict.Context{Context: ctx}, next)
}

// Refusal returns the circuit's refusal.
func (j judging) Refusal(ctx context.Context, after time.Duration) error {
	return j.Breaker.Refusal(ctx, after)
}

// keepVerdict records the outcome of the stream of r when it has ended.
func keepVerdict(ctx context.Context, r *Reply, record func(policy.Outcome)) *Reply {
	if r == nil || r.flow == nil {
		record(policy.Success)
		return r
	}
	if c, ok := ctx.(*verdict.Context); ok {
		c.Outlive()
	}
	r.flow.whenEnded(func(end *flowEnd) { record(end.outcome) })
	return r
}
