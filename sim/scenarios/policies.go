package scenarios

import (
	"context"
	"time"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/coalesce"
	"github.com/ductile-go/ductile/hedge"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
	"github.com/ductile-go/ductile/sim"
)

const (
	ms     = time.Millisecond
	second = time.Second
)

// set makes the policies of one client or service. The order is that of files.
type set struct {
	coalesce       bool
	totalTimeout   time.Duration
	retry          *retry.Config
	budget         *retry.BudgetConfig
	hedge          *hedge.Config
	circuit        *breaker.Config
	attemptTimeout time.Duration
}

// variant has a set for each client, and service that calls others.
func variant(name string, sets map[string]set) sim.Variant {
	return sim.Variant{Name: name, Pipeline: func(ctx context.Context, client string, _ int) *pipeline.Pipeline[any] {
		if s, ok := sets[client]; ok {
			return s.pipeline(ctx)
		}
		return nil
	}}
}

func (s set) pipeline(ctx context.Context) *pipeline.Pipeline[any] {
	clock, random := sim.Clock(ctx), sim.Rand(ctx)
	var budget *retry.Budget
	if s.budget != nil {
		b := *s.budget
		b.Clock = clock
		budget = retry.NewBudget(b)
	}
	var all []policy.Policy[any]
	if s.coalesce {
		all = append(all, coalesce.New[string, any](sim.Key).WithClock(clock))
	}
	if s.totalTimeout > 0 {
		all = append(all, policy.NewTimeout[any](policy.TimeoutConfig{After: s.totalTimeout, Clock: clock}))
	}
	if s.retry != nil {
		c := *s.retry
		c.Clock, c.Rand, c.Budget = clock, random, budget
		all = append(all, retry.New[any](c))
	}
	if s.hedge != nil {
		c := *s.hedge
		c.Clock, c.Budget = clock, budget
		all = append(all, hedge.New[any](c))
	}
	if s.circuit != nil {
		c := *s.circuit
		c.Clock, c.Rand = clock, random
		all = append(all, breaker.New[any](breaker.NewCircuit(c)))
	}
	if s.attemptTimeout > 0 {
		all = append(all, policy.NewTimeout[any](policy.TimeoutConfig{After: s.attemptTimeout, Clock: clock}))
	}
	return pipeline.New(all...)
}

// thrice is a retry of three attempts.
func thrice() *retry.Config {
	return &retry.Config{MaxAttempts: 3, BaseDelay: 50 * ms, MaxDelay: second, JitterFactor: 0.5}
}

// tenth allows one retry for ten calls.
func tenth() *retry.BudgetConfig { return &retry.BudgetConfig{Ratio: 0.1, MinPerSecond: 0.1} }

// half opens when half of the calls of two seconds fail.
func half(name string) *breaker.Config {
	return &breaker.Config{Name: name, Window: 2 * second, FailureRate: 0.5, MinCalls: 10, RecoveryTimeout: 2 * second, RecoveryJitter: 0.5}
}
