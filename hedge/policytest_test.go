package hedge_test

import (
	"testing"
	"time"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/hedge"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/policytest"
)

// kinds lists hedges whose calls take different paths. Delays are not multiples of the
// durations in policytest's functions. A learned delay would change how often a function
// runs, which policytest does not expect, so the hedges here never learn one.
func kinds() map[string]hedge.Config {
	return map[string]hedge.Config{
		"learning":             {MinCalls: 1 << 30},
		"late":                 {Delay: time.Hour},
		"early":                {Delay: 700 * time.Microsecond, MaxExtra: 2, Budget: hedge.NoBudget},
		"early, budget":        {Delay: 700 * time.Microsecond, MaxExtra: 2},
		"at once":              {Delay: hedge.AtOnce, MaxExtra: 3, Budget: hedge.NoBudget},
		"on failure":           {Delay: 700 * time.Microsecond, MaxExtra: 2, OnFailure: true, Budget: hedge.NoBudget},
		"on failure, late":     {Delay: time.Hour, MaxExtra: 2, OnFailure: true, Budget: hedge.NoBudget},
		"learning, on failure": {OnFailure: true, MaxExtra: 4, MinCalls: 1 << 30},
		"abandon":              {Delay: 700 * time.Microsecond, MaxExtra: 2, Abandon: true, Budget: hedge.NoBudget},
		"abandon, late":        {Delay: time.Hour, Abandon: true},
		"abandon on failure":   {Delay: time.Hour, Abandon: true, OnFailure: true, Budget: hedge.NoBudget},
		"abandon, all at once": {Delay: hedge.AtOnce, Abandon: true, Budget: hedge.NoBudget},
		"abandon, learning":    {Abandon: true, MinCalls: 1 << 30},
	}
}

func TestAHedgeKeepsThePolicyContract(t *testing.T) {
	for name, cfg := range kinds() {
		t.Run(name, func(t *testing.T) {
			policytest.Run(t, func() policy.Policy[int] { return hedge.New[int](cfg) })
		})
	}
}

// An AutoAdvance clock moves when a goroutine sleeps on it. policytest's functions sleep
// in the bubble instead, so its timers never fire.
func TestAHedgeKeepsThePolicyContractOnAClock(t *testing.T) {
	policytest.Run(t, func() policy.Policy[int] {
		return hedge.New[int](hedge.Config{Delay: time.Second, OnFailure: true, Clock: fake.NewClock(fake.AutoAdvance())})
	})
}
