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
// goroutine. A call that holds a place should not take another one, as with a
// [bulkhead.Gate].
type Limiter struct {
	gate   gate.Gate
	window atomic.Pointer[window]
	kept   atomic.Int64 // calls that have returned and whose values still hold their places
	pinned atomic.Bool

	// The next fields do not change.
	name  string
	clock policy.Clock
	time  mono.Since

	cfg     atomic.Pointer[Config] // in force, with its defaults
	changes changes

	// mu guards climber and the replacement of cfg and window. Without it, the end of a
	// window beside Reconfigure could bring back a limit or a window of the old config. It is
	// not held across a call out: clocks are read before, and waiters woken after.
	mu      atomic.Mutex
	climber climber
}

// NewLimiter returns a limiter with the given config. It panics with the error of
// [Config.Validate].
func NewLimiter(cfg Config) *Limiter {
	if err := cfg.Validate(); err != nil {
		panic(err)
	}
	cfg = cfg.withDefaults()
	l := &Limiter{name: cfg.Name, clock: cfg.Clock, time: start(cfg.Clock), climber: cfg.newClimber(cfg.Initial)}
	l.cfg.Store(&cfg)
	l.changes.on, l.changes.name = cfg.OnChange, cfg.Name
	l.gate.Init(cfg.gate(cfg.Initial), voice)
	l.window.Store(cfg.newWindow(0, cfg.Initial, withFirst))
	return l
}

// gate returns the config of the gate at a limit.
func (c *Config) gate(limit int) gate.Config {
	return gate.Config{
		Name: c.Name, Limit: limit, MaxQueue: c.MaxQueue, MaxWait: c.MaxWait, Order: gate.Order(c.Order),
		Delay: gate.CoDel(c.Delay), Priority: c.Priority, Clock: c.Clock,
	}
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
func (l *Limiter) Name() string { return l.name }

// Limit returns the limit in force. A limiter that climbs tries a little more and a little
// less in turn, and Limit returns what it tries.
func (l *Limiter) Limit() int { return l.gate.Limit() }

// Idle reports whether dropping the limiter would lose nothing: no call holds a place or
// waits, and the limit is the initial one, or was moved by Reconfigure alone. A limit that was
// learned is worth keeping, also while a limiter that climbs tries the initial one. Package
// keyed uses it. While calls start and end, it may return false although the limiter was idle
// for a moment.
func (l *Limiter) Idle() bool {
	w := l.window.Load()
	learned := w.learned && (w.target == 0 || w.limit != l.cfg.Load().Initial)
	return !learned && l.gate.Idle()
}
