package retry

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"time"

	atomic "github.com/ductile-go/ductile/internal/atomicx"
	"github.com/ductile-go/ductile/internal/fault"
	"github.com/ductile-go/ductile/internal/logvalue"
	"github.com/ductile-go/ductile/internal/mono"
	"github.com/ductile-go/ductile/internal/same"
	"github.com/ductile-go/ductile/internal/window"
	"github.com/ductile-go/ductile/policy"
)

// Defaults of [BudgetConfig].
const (
	DefaultRatio        = 0.1
	DefaultMinPerSecond = 10.0
	DefaultBudgetWindow = 10 * time.Second
)

// NoMinimum is the MinPerSecond that grants no retries beyond the ratio.
const NoMinimum = -1

// BudgetConfig sets how many retries all calls together may use. The zero BudgetConfig is
// the documented default.
type BudgetConfig struct {
	Name         string        // for metrics and pages; may be empty
	Ratio        float64       // retries per call; 0 means 0.1
	MinPerSecond float64       // retries per second granted in addition; 0 means 10, NoMinimum none
	Window       time.Duration // period in which calls and retries are counted; 0 means 10 s
	Clock        policy.Clock  `json:"-"` // nil means real time
}

// Validate returns nil if [NewBudget] accepts the config, or all its faults, each with
// the field's name.
func (c BudgetConfig) Validate() error {
	faults := fault.Of("retry: BudgetConfig")
	if !(c.Ratio >= 0 && c.Ratio <= 1000) {
		faults.Add("Ratio", c.Ratio, "0 to 1000")
	}
	if c.MinPerSecond != NoMinimum && !(c.MinPerSecond >= 0 && c.MinPerSecond <= 1e9) {
		faults.Add("MinPerSecond", c.MinPerSecond, "NoMinimum (-1), or 0 to 1e9")
	}
	if c.Window < 0 || c.Window > 0 && c.Window < window.Buckets {
		faults.Add("Window", c.Window, "0, or at least 10ns")
	}
	return faults.Err()
}

// WithDefaults returns c with the defaults filled in. The result is valid if c is.
func (c BudgetConfig) WithDefaults() BudgetConfig {
	c.Ratio = cmp.Or(c.Ratio, DefaultRatio)
	c.MinPerSecond = cmp.Or(c.MinPerSecond, DefaultMinPerSecond)
	c.Window = cmp.Or(c.Window, DefaultBudgetWindow)
	return c
}

// allowed returns the number of retries allowed for a number of calls.
func (c BudgetConfig) allowed(calls int64) int64 {
	minimum := max(0, c.MinPerSecond) * c.Window.Seconds()
	return int64(min(math.Floor(c.Ratio*float64(calls)+minimum+1e-9), 1<<62)) // 0.29 x 100 is less than 29
}

// Budget bounds the retries of all its users to a share of their calls, so that retries
// cannot multiply the load of a service that is down. Make one with [NewBudget]; the zero
// Budget is not usable. It is safe for concurrent use, and Call, Take and GiveBack take
// no lock. It may be shared by retries of any result type, and by other policies that
// repeat calls. If its clock is set back by more than two windows, the budget starts
// empty.
type Budget struct {
	time mono.Since
	// counts is replaced by Reconfigure, by compare-and-swap: of two at the same time, a plain
	// store would bring back the counts from before the other. No lock is held, since the
	// clock is read in between. A call that loaded the old counts counts there: if the length
	// of the window changed, that count is lost; otherwise both use the same ring.
	counts atomic.Pointer[counts]
	// shared is set when a policy of another package also uses the budget; see callIn.
	shared atomic.Bool
}

// counts is a config with the counts of its window.
type counts struct {
	cfg  BudgetConfig
	time *mono.Since
	ring *window.Ring[slot]
}

// BudgetSnapshot is the state of a budget at one moment.
type BudgetSnapshot struct {
	Calls   int64 `json:"calls"`   // in the window
	Retries int64 `json:"retries"` // granted in the window and not given back
	Left    int64 `json:"left"`    // retries that would be granted now
}

// LogValue returns the fields that are not zero.
func (s BudgetSnapshot) LogValue() slog.Value {
	return logvalue.Group(slog.Int64("calls", s.Calls), slog.Int64("retries", s.Retries), slog.Int64("left", s.Left))
}

// NewBudget returns a budget with the given config. It panics with the error of
// [BudgetConfig.Validate].
func NewBudget(cfg BudgetConfig) *Budget {
	if err := cfg.Validate(); err != nil {
		panic(err)
	}
	b := &Budget{time: mono.Start(cfg.Clock)}
	b.counts.Store(b.under(cfg.WithDefaults()))
	return b
}

func (b *Budget) under(cfg BudgetConfig) *counts {
	c := &counts{cfg: cfg, time: &b.time, ring: new(window.Ring[slot])}
	c.ring.Init(cfg.Window/window.Buckets, c.time)
	return c
}

// made reports whether b was made by NewBudget.
func (b *Budget) made() bool { return b != nil && b.counts.Load() != nil }

// Call counts a call that may be retried. A retry with this budget calls it itself.
func (b *Budget) Call() { b.counts.Load().now().Counts.calls.Add(1) }

// Take reports whether one more retry is granted, and counts it if so. A policy that
// repeats calls must call Take before each repetition.
func (b *Budget) Take() bool {
	_, granted := b.take()
	return granted
}

// token is a granted retry.
type token struct {
	budget *Budget
	counts *counts
	slot   *slot
}

// giveBack removes the retry from the slot in which it was counted. If it is no longer
// there, because GiveBack removed it or the window's length has changed, it removes the
// newest retry instead.
func (t token) giveBack() {
	if t.budget.counts.Load().ring != t.counts.ring || !t.slot.takeOut() {
		t.budget.GiveBack()
	}
}

// take is Take, and also returns the token.
//
// It counts the retry first, and uncounts it if the sum is too large. If it checked
// first, two callers could both see the last free retry and both take it. So the bound is
// never exceeded, but of several callers that compete for the last retry, all may be
// refused.
//
// A GiveBack of another retry may have removed the one that was counted here. So it is
// uncounted only if the slot still holds one: a negative count would grant one too many.
func (b *Budget) take() (token, bool) {
	c := b.counts.Load()
	s := c.now()
	s.Counts.retries.Add(1)
	calls, retries := c.sum(s.Epoch)
	if retries <= c.cfg.allowed(calls) {
		return token{b, c, &s.Counts}, true
	}
	s.Counts.takeOut()
	return token{}, false
}

// GiveBack removes one granted retry that did not start: the newest in the window. If
// there is none, it does nothing.
func (b *Budget) GiveBack() {
	c := b.counts.Load()
	newest := c.now().Epoch
	for age := range int64(window.Buckets) {
		if s := c.ring.Lookup(newest - age); s != nil && s.Counts.takeOut() {
			return
		}
	}
}

// Snapshot returns the counts of the window that ends now, and the number of retries
// left.
func (b *Budget) Snapshot() BudgetSnapshot {
	c := b.counts.Load()
	calls, retries := c.sum(c.ring.Epoch(c.time.Now()))
	return BudgetSnapshot{Calls: calls, Retries: retries, Left: max(0, c.cfg.allowed(calls)-retries)}
}

// Name returns the budget's name, or "" if it has none.
func (b *Budget) Name() string { return b.counts.Load().cfg.Name }

// Config returns the effective config.
func (b *Budget) Config() BudgetConfig { return b.counts.Load().cfg }

// Reconfigure applies cfg at once and keeps the counts. If the length of the window
// changes, all counts of the old window count as new in the new window, so that no retry
// is granted twice; calls and retries counted concurrently may be lost. An empty Name keeps
// the budget's. It returns the error of [BudgetConfig.Validate], or an error if cfg has a
// different clock or name, and changes nothing in these cases.
func (b *Budget) Reconfigure(cfg BudgetConfig) error {
	if err := cfg.Validate(); err != nil {
		return err
	}
	for {
		old := b.counts.Load()
		next, err := b.following(old, cfg)
		if err != nil || b.counts.CompareAndSwap(old, next) {
			return err
		}
		// Another Reconfigure came first.
	}
}

// following returns the counts that follow on old under cfg.
func (b *Budget) following(old *counts, cfg BudgetConfig) (*counts, error) {
	if !same.Clocks(cfg.Clock, old.cfg.Clock) {
		return nil, errors.New("retry: BudgetConfig.Clock differs from the budget's: a budget keeps its clock, make a new one instead")
	}
	cfg.Name = cmp.Or(cfg.Name, old.cfg.Name)
	if cfg.Name != old.cfg.Name {
		return nil, fmt.Errorf("retry: BudgetConfig.Name is %q, want %q or none: a budget keeps its name", cfg.Name, old.cfg.Name)
	}
	c := b.under(cfg.WithDefaults())
	if c.ring.Width() == old.ring.Width() {
		c.ring = old.ring
		return c, nil
	}
	calls, retries := old.sum(old.ring.Epoch(old.time.Now()))
	s := &c.now().Counts
	s.calls.Add(calls)
	s.retries.Add(retries)
	return c, nil
}

// slot counts the calls and retries in one part of the window.
type slot struct {
	calls   atomic.Int64
	retries atomic.Int64
}

// takeOut removes a retry if the slot holds one. It uses compare-and-swap: if two callers
// saw the last retry and both subtracted, the count would be negative.
func (s *slot) takeOut() bool {
	for {
		n := s.retries.Load()
		if n <= 0 {
			return false
		}
		if s.retries.CompareAndSwap(n, n-1) {
			return true
		}
	}
}

// now returns the current part of the window.
func (c *counts) now() *window.Bucket[slot] { return c.ring.At(c.time.Now()) }

// sum returns the counts of the window that ends with epoch.
func (c *counts) sum(epoch int64) (calls, retries int64) {
	var room [window.Buckets]*window.Bucket[slot]
	for _, b := range c.ring.AppendLive(room[:0], epoch) {
		calls += b.Counts.calls.Load()
		retries += b.Counts.retries.Load()
	}
	return calls, retries
}
