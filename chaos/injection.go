package chaos

import (
	"context"
	"math/rand/v2"

	atomic "github.com/ductile-go/ductile/internal/atomicx"
	"github.com/ductile-go/ductile/internal/counter"
	"github.com/ductile-go/ductile/internal/random"
)

// Kinds of injections. They are the Reason of events.
const (
	faults    = "fault"
	latencies = "latency"
	outcomes  = "outcome"
	behaviors = "behavior"
	detours   = "detour"
)

// injection is the part of an [Injector] that does not depend on the type of its results.
type injection struct {
	cfg  Config
	kind string

	// enabled is the switch; it is true for good if there is a When. A call loads it once.
	// On and Off may run at the same time as calls: a call that has loaded true acts even
	// though Off returns before it does.
	enabled atomic.Bool

	calls    counter.Counter // made while on
	injected counter.Counter

	// mu guards the sequence. Two draws at the same time would otherwise advance it once and
	// return one number twice, and the same seed would not choose the same calls again.
	mu       atomic.Mutex
	sequence *rand.Rand // nil if Config.Rand replaces it
}

// init sets up an injection that is not in use yet.
func (in *injection) init(cfg Config, kind string) {
	if err := cfg.Validate(); err != nil {
		panic(err)
	}
	in.cfg, in.kind = cfg.withDefaults(), kind
	in.enabled.Store(cfg.Enabled || cfg.When != nil)
	if cfg.Rand == nil {
		in.sequence = rand.New(rand.NewPCG(in.cfg.Seed, stream)) //nolint:gosec // a sequence to repeat, not a secret
	}
}

// stream is the second half of a PCG's seed: the digits of pi in hexadecimal.
const stream = 0x243f6a8885a308d3

// on reports whether the injection may act in a call.
func (in *injection) on(ctx context.Context) bool {
	return in.enabled.Load() && (in.cfg.When == nil || in.cfg.When(ctx))
}

// hits counts a call made while on, and reports whether to act in it. It draws whatever the
// rate is, so that a rate that changes does not shift the sequence.
func (in *injection) hits(ctx context.Context) bool {
	in.calls.Inc()
	return in.draw() < in.rate(ctx)
}

// rate returns the rate for a call, 0 to 1.
func (in *injection) rate(ctx context.Context) float64 {
	if in.cfg.RateFunc == nil {
		return in.cfg.Rate
	}
	if r := in.cfg.RateFunc(ctx); r > 0 { // false for NaN
		return min(r, 1)
	}
	return 0
}

// draw returns the next number of the sequence, in [0,1).
func (in *injection) draw() float64 {
	if in.sequence == nil {
		return random.Float64(in.cfg.Rand)
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.sequence.Float64()
}
