package retry

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"time"

	atomic "github.com/ductile-go/ductile/internal/atomicx"
	"github.com/ductile-go/ductile/policy"
)

// BudgetConfig says how many retries calls may cost together.
type BudgetConfig struct {
	Ratio        float64       // retries for each call; 0 means 0.1
	MinPerSecond float64       // retries a second that are always granted; 0 means 10
	Window       time.Duration // over which calls and retries are counted; 0 means 10 s
	Clock        policy.Clock  // nil means real time
}

// Validate returns nil for a config that [NewBudget] takes, or all that is
// wrong with it.
func (c BudgetConfig) Validate() error {
	var faults []error
	fault := func(field string, value any, want string) {
		faults = append(faults, fmt.Errorf("retry: BudgetConfig.%s is %v, want %s", field, value, want))
	}
	if !(c.Ratio >= 0 && c.Ratio <= 1000) {
		fault("Ratio", c.Ratio, "0 to 1000")
	}
	if !(c.MinPerSecond >= 0 && c.MinPerSecond <= 1e9) {
		fault("MinPerSecond", c.MinPerSecond, "0 to 1e9")
	}
	if c.Window < 0 || c.Window > 0 && c.Window < slots {
		fault("Window", c.Window, "0, or at least 10ns")
	}
	return errors.Join(faults...)
}

// slots is how many parts a budget's window has.
const slots = 10

// Budget bounds the retries of all who share it to a share of their calls, so
// that retries cannot multiply the load of a service that is down. Make one
// with [NewBudget]; the zero Budget is not one. It is safe for concurrent use,
// takes no lock, and may be shared by retries of any result type.
type Budget struct {
	cfg   BudgetConfig
	born  time.Time
	width int64
	ring  [slots]atomic.Pointer[slot]
}

// slot is what happened in one part of the window. It is never reused: another
// takes its place, so that a late addition goes to its own time.
type slot struct {
	epoch   int64
	calls   atomic.Int64
	retries atomic.Int64
}

// NewBudget returns a budget as cfg says. It panics with Validate's error.
func NewBudget(cfg BudgetConfig) *Budget {
	if err := cfg.Validate(); err != nil {
		panic(err)
	}
	cfg.Ratio = cmp.Or(cfg.Ratio, 0.1)
	cfg.MinPerSecond = cmp.Or(cfg.MinPerSecond, 10)
	cfg.Window = cmp.Or(cfg.Window, 10*time.Second)
	return &Budget{cfg: cfg, born: policy.Now(cfg.Clock), width: int64(cfg.Window) / slots}
}

// now returns the slot of this moment.
func (b *Budget) now() *slot {
	epoch := max(0, int64(policy.Elapsed(b.cfg.Clock, b.born))/b.width)
	place := &b.ring[epoch%slots]
	for {
		s := place.Load()
		if s != nil && s.epoch >= epoch {
			return s
		}
		// Of two callers who both find the old slot one wins; the other looks again.
		fresh := &slot{epoch: epoch}
		if place.CompareAndSwap(s, fresh) {
			return fresh
		}
	}
}

func (b *Budget) call() { b.now().calls.Add(1) }

// take grants one retry, if the budget has it. The retry is entered first and
// taken back if the sum is too large: entered afterwards, two callers who both
// see the last one free would both have it. So the bound is never passed; of
// callers who race for the last one, each may be refused.
func (b *Budget) take() bool {
	s := b.now()
	s.retries.Add(1)
	var calls, retries int64
	for i := range b.ring {
		if old := b.ring[i].Load(); old != nil && old.epoch > s.epoch-slots {
			calls += old.calls.Load()
			retries += old.retries.Load()
		}
	}
	limit := math.Floor(b.cfg.Ratio*float64(calls) + b.cfg.MinPerSecond*b.cfg.Window.Seconds())
	if float64(retries) <= limit {
		return true
	}
	s.retries.Add(-1)
	return false
}
