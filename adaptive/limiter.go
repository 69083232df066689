package adaptive

import (
	"errors"

	atomic "github.com/ductile-go/ductile/internal/atomicx"
	"github.com/ductile-go/ductile/internal/gate"
	"github.com/ductile-go/ductile/internal/mono"
	"github.com/ductile-go/ductile/internal/origin"
	"github.com/ductile-go/ductile/policy"
)

// Limiter limits how many calls run at a time, and moves the limit by what it measures.
// Make one with [NewLimiter]; the zero Limiter is not usable. It has no type parameter, so
// calls of any result type can share it. It is safe for concurrent use and starts no
// goroutine.
type Limiter struct {
	gate   gate.Gate
	window atomic.Pointer[window]
	kept   atomic.Int64 // calls that have returned and whose values still hold their places
	pinned atomic.Bool

	// The next fields do not change.
	clock  mono.Since
	target int64 // nanoseconds; 0 for Climb
	length int64 // of a window, in nanoseconds
	cfg    Config

	// climber belongs to the goroutine that has closed the current window, until it stores
	// the next one. The next goroutine that closes a window has loaded it from there.
	climber climber
	changes changes
}

// NewLimiter returns a limiter with the given config. It panics with the error of
// [Config.Validate].
func NewLimiter(cfg Config) *Limiter {
	if err := cfg.Validate(); err != nil {
		panic(err)
	}
	cfg = cfg.withDefaults()
	l := &Limiter{
		clock: start(cfg.Clock), target: int64(cfg.Target), length: int64(cfg.Window),
		cfg: cfg, climber: climber{base: float64(cfg.Initial), least: cfg.Min, most: cfg.Max},
	}
	l.changes.on, l.changes.name = cfg.OnChange, cfg.Name
	l.gate.Init(gate.Config{
		Name: cfg.Name, Limit: cfg.Initial, MaxQueue: cfg.MaxQueue, MaxWait: cfg.MaxWait, Order: gate.Order(cfg.Order),
		Delay: gate.CoDel(cfg.Delay), Priority: cfg.Priority, Clock: cfg.Clock,
	}, voice)
	l.window.Store(l.newWindow(0, cfg.Initial, withFirst))
	return l
}

// start returns the time since now on a clock. The zero Since reads what mono.Now returns.
func start(clock policy.Clock) mono.Since {
	if clock == nil {
		return mono.Since{}
	}
	return mono.Start(clock)
}

func init() {
	origin.Adaptive = func(v any) error {
		if l := v.(*Limiter); !l.made() {
			return errors.New("adaptive: " + l.fault())
		}
		return nil
	}
}

// made reports whether l was made by NewLimiter.
func (l *Limiter) made() bool { return l != nil && l.gate.Made() }

// fault describes why a limiter was not made by NewLimiter.
func (l *Limiter) fault() string {
	if l == nil {
		return "limiter is nil, want one made by NewLimiter"
	}
	return "zero Limiter, want one made by NewLimiter"
}

// Name returns the limiter's name.
func (l *Limiter) Name() string { return l.cfg.Name }

// Config returns the config that the limiter was made with, and its defaults filled in.
func (l *Limiter) Config() Config { return l.cfg }

// Limit returns the limit in force. A limiter that climbs tries a little more and a little
// less in turn, and Limit returns what it tries.
func (l *Limiter) Limit() int { return l.gate.Limit() }

// Idle reports whether no call holds a place or waits and the limit is the initial one, so
// that dropping the limiter would lose nothing. A limit that was learned is worth keeping,
// also while a limiter that climbs tries the initial one. Package keyed uses it. While calls
// start and end, it may return false although the limiter was idle for a moment.
func (l *Limiter) Idle() bool {
	learned := l.target == 0 && l.window.Load().era > 0
	return !learned && l.gate.Limit() == l.cfg.Initial && l.gate.Idle()
}
