package bulkhead

import (
	"errors"

	"github.com/ductile-go/ductile/internal/origin"
)

// made reports whether g was made by NewGate.
func (g *Gate) made() bool { return g != nil && g.core.Made() }

func init() {
	origin.Gate = func(v any) error {
		if g := v.(*Gate); !g.made() {
			return errors.New("bulkhead: " + g.fault())
		}
		return nil
	}
}

// fault describes why a gate was not made by NewGate.
func (g *Gate) fault() string {
	if g == nil {
		return "gate is nil, want one made by NewGate"
	}
	return "zero Gate, want one made by NewGate"
}
