//go:build ductile_explore

package linear

import (
	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/internal/atomicx"
	"github.com/ductile-go/ductile/internal/stripe"
)

const spreads = true

func init() { stripe.Forced = 2 }

// spreadGate has two calls collide over the gate.
func spreadGate(g *bulkhead.Gate) {
	hook := atomicx.Hook
	defer func() { atomicx.Hook = hook }()
	var other bulkhead.Place
	atomicx.Hook = func(_ any, writes bool) {
		if writes {
			atomicx.Hook = nil
			other, _ = g.TryAcquire()
		}
	}
	if p, ok := g.TryAcquire(); ok {
		p.Release()
	}
	other.Release()
}
