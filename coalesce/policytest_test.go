package coalesce_test

import (
	"context"
	"testing"

	"github.com/ductile-go/ductile/coalesce"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/policytest"
)

// kinds lists policies whose calls take different paths.
func kinds() map[string]func() policy.Policy[int] {
	return map[string]func() policy.Policy[int]{
		"one key":   func() policy.Policy[int] { return oneKey() },
		"cloned":    func() policy.Policy[int] { return oneKey().WithClone(func(v int) int { return v }) },
		"on a fake": func() policy.Policy[int] { return oneKey().WithClock(fake.NewClock(fake.AutoAdvance())) },
		"on a clock of fewer methods": func() policy.Policy[int] {
			return oneKey().WithClock(plainClock{fake.NewClock(fake.AutoAdvance())})
		},
		"no key": func() policy.Policy[int] {
			return coalesce.New[string, int](func(context.Context) (string, bool) { return "", false })
		},
	}
}

func TestACoalesceKeepsThePolicyContract(t *testing.T) {
	for name, build := range kinds() {
		t.Run(name, func(t *testing.T) { policytest.Run(t, build) })
	}
}
