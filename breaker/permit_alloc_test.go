//go:build !ductile_explore

// With the hooks of that tag, a permit escapes to the heap.

package breaker_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/policy"
)

func TestAPermitAllocatesNothing(t *testing.T) {
	for name, cfg := range map[string]breaker.Config{"row": {}, "calls": {WindowCalls: 10}} {
		c := breaker.NewCircuit(cfg)
		assert.Zero(t, testing.AllocsPerRun(100, func() {
			p, _ := c.Acquire()
			p.Record(policy.Success)
		}), name)
	}
}
