package storm

import (
	"context"
	"errors"
	"testing"

	"github.com/ductile-go/ductile/adaptive"
	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/hedge"
	"github.com/ductile-go/ductile/internal/raced"
	"github.com/ductile-go/ductile/policy"
)

// loadDoubles take the place of gates, limiters and hedges.
var loadDoubles = []struct {
	name, want string
	double
}{
	{"a place is lost with a panic", "a place was not given back", likeGate(func(ctx context.Context, g *bulkhead.Gate, next policy.Call[int]) (int, error) {
		p, err := g.Acquire(ctx)
		if err != nil {
			return 0, err
		}
		v, err := next.Do(ctx)
		p.Release()
		return v, err
	})},
	{"a permit is lost with a panic", "a permit was not given back", likeAdaptive(func(ctx context.Context, l *adaptive.Limiter, next policy.Call[int]) (int, error) {
		p, err := l.Acquire(ctx)
		if err != nil {
			return 0, err
		}
		v, err := next.Do(ctx)
		p.Record(policy.Success)
		return v, err
	})},
	{"a caller that has left waits on in the queue", "and it waited until", likeGate(func(ctx context.Context, g *bulkhead.Gate, next policy.Call[int]) (int, error) {
		p, err := g.Acquire(context.WithoutCancel(ctx))
		if err != nil {
			return 0, err
		}
		defer p.Release()
		if ctx.Err() != nil {
			return 0, policy.Ended(ctx)
		}
		return next.Do(ctx)
	})},
	{"a call that waited begins after its caller has left", "a run began after the caller's context had ended", likeGate(func(ctx context.Context, g *bulkhead.Gate, next policy.Call[int]) (int, error) {
		p, err := g.Acquire(context.WithoutCancel(ctx))
		if err != nil {
			return 0, err
		}
		defer p.Release()
		return next.Do(ctx)
	})},
	{"a refusal is no rejection", "nothing ran, and it came to 0", aroundLoad("", func(v int, err error) (int, error) {
		if errors.Is(err, bulkhead.ErrFull) {
			return 0, errors.New("full")
		}
		return v, err
	})},
	{"a refusal has a value", "nothing ran, and it came to 1", aroundLoad("ratelimit", func(v int, err error) (int, error) {
		if errors.Is(err, policy.ErrRejected) && v == 0 {
			return 1, err
		}
		return v, err
	})},
	{"a success is lost", "a run succeeded, which was lost", insteadOf("", func(ctx context.Context, of policy.Policy[int], next policy.Call[int]) (int, error) {
		v, err := of.Execute(ctx, next)
		if err == nil {
			_ = policy.Sleep(context.Background(), nil, 1)
			return v, errDown
		}
		return v, err
	})},
	{"a success is another value", "and no run did", aroundLoad("", func(v int, err error) (int, error) { return v + 1, err })},
	{"an error is another one", "which is of none of them", aroundLoad("", func(v int, err error) (int, error) {
		if same(err, errDown) {
			return v, errors.New("another")
		}
		return v, err
	})},
	{"a panic is swallowed", "a run panicked, which was lost", insteadOf("", func(ctx context.Context, of policy.Policy[int], next policy.Call[int]) (v int, err error) {
		defer func() {
			if recover() != nil {
				_ = policy.Sleep(context.Background(), nil, 1)
				err = errDown
			}
		}()
		return of.Execute(ctx, next)
	})},
	{"it panics by itself", "no run panicked or called Goexit", aroundLoad("ratelimit", func(v int, err error) (int, error) {
		if err == nil {
			panic(errBoom)
		}
		return v, err
	})},
	{"a run follows a success", "a run began after another one succeeded", insteadOf("hedge", func(ctx context.Context, of policy.Policy[int], next policy.Call[int]) (int, error) {
		v, err := of.Execute(ctx, next)
		if err == nil {
			_ = policy.Sleep(ctx, nil, 1)
			_, _ = next.Do(ctx)
		}
		return v, err
	})},
	{"a run does not hear of the caller's end", "did not end with the caller's", insteadOf("", func(ctx context.Context, of policy.Policy[int], next policy.Call[int]) (int, error) {
		return of.Execute(context.WithoutCancel(ctx), next)
	})},
	{"a run hears of another cause", "the context of a run ended with", insteadOf("", func(ctx context.Context, of policy.Policy[int], next policy.Call[int]) (int, error) {
		inner, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
		stop := context.AfterFunc(ctx, func() { cancel(hedge.ErrLost) })
		defer stop()
		return of.Execute(inner, next)
	})},
	{"the values of attempts that lost are dropped", "want one thing", double{instead: func(_ rules, of policy.Policy[int]) policy.Policy[int] {
		if h, ok := of.(*hedge.Hedge[int]); ok {
			return h.WithDiscard(func(int) {})
		}
		return of
	}}},
}

func TestTheAuditFindsEachFaultyGateLimiterAndHedge(t *testing.T) {
	raced.Skip(t, planted)
	for _, d := range loadDoubles {
		t.Run(d.name, func(t *testing.T) { requireFound(t, d.want, d.double) })
	}
}

func TestTheAuditFindsNothingWrongWithAGateByHand(t *testing.T) {
	raced.Skip(t, planted)
	right := likeGate(func(ctx context.Context, g *bulkhead.Gate, next policy.Call[int]) (int, error) {
		if ctx.Err() != nil {
			return 0, policy.Ended(ctx)
		}
		p, err := g.Acquire(ctx)
		if err != nil {
			return 0, err
		}
		defer p.Release()
		return next.Do(ctx)
	})
	for seed := uint64(1); seed < 100; seed++ {
		requireNoFault(t, seed, enact(t, seed, right))
	}
}

// likeGate makes bulkheads by hand.
func likeGate(run func(ctx context.Context, g *bulkhead.Gate, next policy.Call[int]) (int, error)) double {
	return double{instead: func(_ rules, of policy.Policy[int]) policy.Policy[int] {
		b, ok := of.(*bulkhead.Bulkhead[int])
		if !ok {
			return of
		}
		return does(func(ctx context.Context, next policy.Call[int]) (int, error) { return run(ctx, b.Gate(), next) })
	}}
}

// likeAdaptive makes adaptive limits by hand.
func likeAdaptive(run func(ctx context.Context, l *adaptive.Limiter, next policy.Call[int]) (int, error)) double {
	return double{instead: func(_ rules, of policy.Policy[int]) policy.Policy[int] {
		a, ok := of.(*adaptive.Adaptive[int])
		if !ok {
			return of
		}
		return does(func(ctx context.Context, next policy.Call[int]) (int, error) { return run(ctx, a.Limiter(), next) })
	}}
}

// insteadOf replaces gates, limiters and hedges, or one kind of them.
func insteadOf(kind string, run func(ctx context.Context, of policy.Policy[int], next policy.Call[int]) (int, error)) double {
	return double{instead: func(r rules, of policy.Policy[int]) policy.Policy[int] {
		if o, ok := r.(*owedRules); !ok || kind != "" && o.kind != kind {
			return of
		}
		return does(func(ctx context.Context, next policy.Call[int]) (int, error) { return run(ctx, of, next) })
	}}
}

// aroundLoad changes what they return.
func aroundLoad(kind string, change func(v int, err error) (int, error)) double {
	return insteadOf(kind, func(ctx context.Context, of policy.Policy[int], next policy.Call[int]) (int, error) {
		return change(of.Execute(ctx, next))
	})
}
