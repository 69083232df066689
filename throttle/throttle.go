package throttle

import (
	"errors"
	"sync"

	atomic "github.com/ductile-go/ductile/internal/atomicx"
	"github.com/ductile-go/ductile/internal/mono"
	"github.com/ductile-go/ductile/internal/origin"
	"github.com/ductile-go/ductile/internal/random"
	"github.com/ductile-go/ductile/policy"
)

// Throttle is the state of one dependency, shared by all calls to it, of any result type.
// Make one with [NewThrottle]; the zero Throttle is not usable. It is safe for concurrent
// use, inside and outside of testing/synctest bubbles.
type Throttle struct {
	mood   mood // first: it is all that most calls read before they run
	name   string
	clock  policy.Clock
	time   mono.Since
	tally  atomic.Pointer[tally] // the config in force, and its window
	shares shares
	refuse ThrottledError // shared by all rejected calls
	mu     sync.Mutex     // serializes Reconfigure: of two, one would bring back the window of the other
}

// NewThrottle returns a throttle that has counted nothing. It panics with the error of
// [Config.Validate].
func NewThrottle(cfg Config) *Throttle {
	if err := cfg.Validate(); err != nil {
		panic(err)
	}
	t := &Throttle{name: cfg.Name, clock: cfg.Clock, time: mono.Start(cfg.Clock)}
	t.refuse = ThrottledError{Name: cfg.Name, throttle: t}
	t.tally.Store(newTally(cfg.withDefaults(), &t.time))
	return t
}

func init() {
	origin.Throttle = func(v any) error {
		if t := v.(*Throttle); !t.made() {
			return errors.New("throttle: " + t.fault())
		}
		return nil
	}
}

func (t *Throttle) made() bool { return t != nil && t.refuse.throttle != nil }

// fault describes why a throttle was not made by NewThrottle.
func (t *Throttle) fault() string {
	if t == nil {
		return "throttle is nil, want one made by NewThrottle"
	}
	return "zero Throttle, want one made by NewThrottle"
}

// Name returns the throttle's name.
func (t *Throttle) Name() string { return t.name }

// Clock returns the throttle's clock, or nil for real time.
func (t *Throttle) Clock() policy.Clock { return t.clock }

// Rate returns the rate at which calls of a class are rejected now, from 0 to
// MaxReject. See [Config].
func (t *Throttle) Rate(class policy.Priority) float64 {
	y := t.tally.Load()
	return t.rate(&y.cfg, y.pressure(y.sum(t.time.Now())), class)
}

// Idle reports whether the window holds no request. Package keyed drops idle throttles: a
// new one lacks only the shares of the classes, which come from requests that have left the
// window.
func (t *Throttle) Idle() bool { return t.tally.Load().sum(t.time.Now()).requests() == 0 }

// admits decides about a call of a class. A call that it rejects is counted.
func (t *Throttle) admits(class policy.Priority) bool {
	now, y := t.time.Now(), t.tally.Load()
	sum := y.sum(now)
	p := y.pressure(sum)
	if p == 0 {
		if sum.calm {
			t.calmDown(now)
		}
		return true
	}
	rate := t.rate(&y.cfg, p, class)
	if rate == 0 || random.Float64(y.cfg.Rand) >= rate {
		return true
	}
	t.countOther(now, class)
	return false
}

// calmDown looks at the window again and makes the mood calm if nothing matters there. The
// tally is loaded after the look has begun: Reconfigure worsens the mood after it has stored
// its own, so that a look under the old config cannot calm what the new one rejects.
func (t *Throttle) calmDown(now int64) {
	ticket, ok := t.mood.look()
	switch {
	case !ok:
	case t.tally.Load().sum(now).calm:
		t.mood.calmDown(ticket)
	default:
		t.mood.stayTense(ticket)
	}
}

// pressure returns p of the package's formula, 0 while there are too few requests.
func (t *tally) pressure(sum totals) float64 {
	if sum.requests() < int64(t.cfg.MinCalls) {
		return 0
	}
	return max(0, sum.excess(t.cfg.K)/float64(sum.requests()+1))
}

// rate returns the part of p that falls to a class.
func (t *Throttle) rate(cfg *Config, p float64, class policy.Priority) float64 {
	below, own := t.shares.of(class)
	switch excess := p - below; {
	case excess <= 0:
		return 0
	case excess >= own*cfg.MaxReject: // also if own is 0
		return cfg.MaxReject
	default:
		return excess / own
	}
}

// count counts a call of a class that has ended.
func (t *Throttle) count(o policy.Outcome, class policy.Priority) {
	switch o {
	case policy.Success:
		t.tally.Load().ring.At(t.time.Now()).Counts.accepted.Inc()
		t.shares.note(class)
	case policy.Ignored:
	default:
		t.countOther(t.time.Now(), class)
	}
}

// countOther counts a request that was not accepted. The mood is last: a look that finds it
// as it was has found the request.
func (t *Throttle) countOther(now int64, class policy.Priority) {
	t.tally.Load().ring.At(now).Counts.others.Inc()
	t.shares.note(class)
	t.mood.worsen()
}

// countIfLost, deferred, counts a call that panicked or called runtime.Goexit.
func (t *Throttle) countIfLost(returned *bool, class policy.Priority) {
	if !*returned {
		t.count(policy.Failure, class)
	}
}
