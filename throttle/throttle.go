package throttle

import (
	"errors"

	"github.com/ductile-go/ductile/internal/mono"
	"github.com/ductile-go/ductile/internal/origin"
	"github.com/ductile-go/ductile/internal/random"
	"github.com/ductile-go/ductile/internal/window"
	"github.com/ductile-go/ductile/policy"
)

// Throttle is the state of one dependency, shared by all calls to it, of any result type.
// Make one with [NewThrottle]; the zero Throttle is not usable. It is safe for concurrent
// use, inside and outside of testing/synctest bubbles.
type Throttle struct {
	mood   mood // first: it is all that most calls read before they run
	cfg    Config
	time   mono.Since
	tally  tally
	shares shares
	refuse ThrottledError // shared by all rejected calls
}

// NewThrottle returns a throttle that has counted nothing. It panics with the error of
// [Config.Validate].
func NewThrottle(cfg Config) *Throttle {
	if err := cfg.Validate(); err != nil {
		panic(err)
	}
	t := &Throttle{cfg: cfg.withDefaults(), time: mono.Start(cfg.Clock)}
	t.refuse = ThrottledError{Name: cfg.Name, throttle: t}
	t.tally.ring.Init(t.cfg.Window/window.Buckets, &t.time)
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
func (t *Throttle) Name() string { return t.cfg.Name }

// Clock returns the throttle's clock, or nil for real time.
func (t *Throttle) Clock() policy.Clock { return t.cfg.Clock }

// Config returns the throttle's config with the defaults filled in.
func (t *Throttle) Config() Config { return t.cfg }

// Rate returns the rate at which calls of a class are rejected now, from 0 to
// MaxReject. See [Config].
func (t *Throttle) Rate(class policy.Priority) float64 {
	return t.rate(t.pressure(t.tally.sum(t.time.Now(), t.cfg.K)), class)
}

// Idle reports whether dropping the throttle and making a new one would lose nothing: the
// window holds no request. What would be lost are the shares of the classes, which by then
// are those of a time that is over. Package keyed drops idle throttles.
func (t *Throttle) Idle() bool { return t.tally.sum(t.time.Now(), t.cfg.K).requests() == 0 }

// admits decides about a call of a class. A call that it rejects is counted.
func (t *Throttle) admits(class policy.Priority) bool {
	now := t.time.Now()
	sum := t.tally.sum(now, t.cfg.K)
	p := t.pressure(sum)
	if p == 0 {
		if sum.calm {
			t.calmDown(now)
		}
		return true
	}
	rate := t.rate(p, class)
	if rate == 0 || random.Float64(t.cfg.Rand) >= rate {
		return true
	}
	t.countOther(now, class)
	return false
}

// calmDown looks at the window again and makes the mood calm if nothing matters there.
func (t *Throttle) calmDown(now int64) {
	ticket, ok := t.mood.look()
	switch {
	case !ok:
	case t.tally.sum(now, t.cfg.K).calm:
		t.mood.calmDown(ticket)
	default:
		t.mood.stayTense(ticket)
	}
}

// pressure returns p of the package's formula, 0 while there are too few requests.
func (t *Throttle) pressure(sum totals) float64 {
	if sum.requests() < int64(t.cfg.MinCalls) {
		return 0
	}
	return max(0, sum.excess(t.cfg.K)/float64(sum.requests()+1))
}

// rate returns the part of p that falls to a class.
func (t *Throttle) rate(p float64, class policy.Priority) float64 {
	if p == 0 {
		return 0
	}
	below, own := t.shares.of(class)
	switch excess := p - below; {
	case excess <= 0:
		return 0
	case excess >= own*t.cfg.MaxReject: // also if own is 0
		return t.cfg.MaxReject
	default:
		return excess / own
	}
}

// count counts a call of a class that has ended.
func (t *Throttle) count(o policy.Outcome, class policy.Priority) {
	switch o {
	case policy.Success:
		t.tally.ring.At(t.time.Now()).Counts.accepted.Inc()
		t.shares.note(class)
	case policy.Ignored:
	default:
		t.countOther(t.time.Now(), class)
	}
}

// countOther counts a request that was not accepted. The mood is last: a look that finds it
// as it was has found the request.
func (t *Throttle) countOther(now int64, class policy.Priority) {
	t.tally.ring.At(now).Counts.others.Inc()
	t.shares.note(class)
	t.mood.worsen()
}

// countIfLost, deferred, counts a call that panicked or called runtime.Goexit.
func (t *Throttle) countIfLost(returned *bool, class policy.Priority) {
	if !*returned {
		t.count(policy.Failure, class)
	}
}
