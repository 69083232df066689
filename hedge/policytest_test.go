package hedge_test

import (
	"testing"
	"time"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/hedge"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/policytest"
)

// kinds are hedges that differ in what a call goes through. Delays are no multiples of what
// policytest's functions take. What is learned changes how often a function runs, which is
// not for policytest: these hedges never come to know their delay.
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

func TestKeepsTheContract(t *testing.T) {
	for name, cfg := range kinds() {
		t.Run(name, func(t *testing.T) {
			policytest.Run(t, func() policy.Policy[int] { return hedge.New[int](cfg) })
		})
	}
}

// An AutoAdvance clock is moved by what sleeps on it; policytest's functions sleep in the
// bubble, so that its timers never fire.
func TestKeepsTheContractOnAClock(t *testing.T) {
	policytest.Run(t, func() policy.Policy[int] {
		return hedge.New[int](hedge.Config{Delay: time.Second, OnFailure: true, Clock: fake.NewClock(fake.AutoAdvance())})
	})
}
