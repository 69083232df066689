package fault

import (
	"fmt"

	"github.com/ductile-go/ductile/internal/same"
)

// Kept is what a thing keeps for its life: a Reconfigure cannot change it.
type Kept struct {
	Name  string
	Clock any // nil means real time
}

// Check returns an error if a config has another name or clock. typ is the type of the
// config, "breaker: Config", and noun what it is the config of, "circuit".
func (k Kept) Check(typ, noun, name string, clock any) error {
	if name != k.Name {
		return fmt.Errorf("%s.Name is %q, want %q: a %s keeps its name", typ, name, k.Name, noun)
	}
	if !same.Clocks(clock, k.Clock) {
		return fmt.Errorf("%s.Clock is %T, want the %T that %s %q was made with: a %s keeps its clock",
			typ, clock, k.Clock, noun, k.Name, noun)
	}
	return nil
}
