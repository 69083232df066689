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
// takes no lock, and may be shared by retries of any result type. If its clock is
// set back by more than two windows, it begins anew.
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

// epoch returns the time in slots since the budget was made, rounded down: a clock
// may be set back to before that.
func (b *Budget) epoch() int64 {
	since := int64(policy.Elapsed(b.cfg.Clock, b.born))
	if since < 0 {
		return (since+1)/b.width - 1
	}
	return since / b.width
}

// now returns the slot of this moment, or the one that has taken its place.
func (b *Budget) now() *slot {
	epoch := b.epoch()
	place := &b.ring[(epoch%slots+slots)%slots]
	for {
		s := place.Load()
		if s != nil && s.epoch >= epoch && !b.forsaken(s, epoch) {
			return s
		}
		// Of two callers who both find the old slot one wins; the other looks again.
		fresh := &slot{epoch: epoch}
		if place.CompareAndSwap(s, fresh) {
			return fresh
		}
	}
}

// forsaken reports whether s is of a time that the clock has been set back from, by
// more than two windows: it would be counted, and keep its place, until the clock
// has caught up. The clock is read anew, since the present is as far ahead of a
// caller who was held up between his look at the clock and this, and he would throw
// it away. Read after s was found, a clock that was not set back is at least where
// it was when s was made.
func (b *Budget) forsaken(s *slot, epoch int64) bool {
	return s.epoch-epoch > 2*slots && s.epoch-b.epoch() > 2*slots
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
		if old := b.ring[i].Load(); old != nil && old.epoch > s.epoch-slots && !b.forsaken(old, s.epoch) {
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
