//go:build ductile_explore

package explore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/internal/atomicx"
	"github.com/ductile-go/ductile/internal/stripe"
	"github.com/ductile-go/ductile/policy"
)

// lobby is a gate under exploration, with what is known of it from outside.
type lobby struct {
	*bulkhead.Gate
	limit   int // the largest that it had
	held    []*bulkhead.Place
	passed  int // places that were taken and given back before the threads began
	in      int // calls that have their place; at least as many have taken one
	most    int
	timer   func()   // armed
	waited  bool     // a call has begun to wait
	order   []string // the calls that got in
	refused []string
	faults  []string
}

// visitors is a clock on which threads wait for each other, and for the end of their
// contexts, as the explorer knows.
type visitors struct {
	*fake.Clock
	l *lobby
}

func (v visitors) NewWaiter() policy.Waiter { return &seat{l: v.l} }

// AfterFunc keeps f for a thread that has time pass.
func (v visitors) AfterFunc(_ time.Duration, f func()) (stop func() bool) {
	touch(v.l)
	v.l.timer = f
	return func() bool {
		touch(v.l)
		was := v.l.timer != nil
		v.l.timer = nil
		return was
	}
}

type seat struct {
	l     *lobby
	woken bool
}

func (s *seat) Wait(ctx context.Context) error {
	touch(s.l)
	s.l.waited = true
	Wait(nil, func() bool { return s.woken || ctx.Err() != nil })
	touch(s)
	if s.woken {
		return nil
	}
	return policy.Ended(ctx)
}

func (s *seat) Wake() {
	touch(s)
	s.woken = true
}

func newLobby(cfg bulkhead.Config) *lobby {
	l := &lobby{limit: cfg.Limit}
	cfg.Clock = visitors{fake.NewClock(), l}
	l.Gate = bulkhead.NewGate(cfg)
	return l
}

// take takes n places before the threads begin.
func (l *lobby) take(n int) *lobby {
	for range n {
		p := new(bulkhead.Place)
		var ok bool
		if *p, ok = l.TryAcquire(); !ok {
			panic("no place")
		}
		l.held = append(l.held, p)
		l.in++
	}
	return l
}

// spread spreads the gate over two cells: a call collides with another over its word. The
// gate must have free places enough.
func (l *lobby) spread() *lobby {
	hook := atomicx.Hook
	defer func() { atomicx.Hook = hook }()
	main := l.writes()
	atomicx.Hook = func(_ any, writes bool) {
		if writes {
			atomicx.Hook = nil
			l.take(1)
		}
	}
	l.take(1)
	for _, p := range l.held[len(l.held)-2:] {
		p.Release()
		l.in--
	}
	l.held = l.held[:len(l.held)-2]
	l.passed += 2
	if l.writes() == main {
		panic("the gate is not spread")
	}
	return l
}

// writes returns what a call writes to first.
func (l *lobby) writes() (first any) {
	atomicx.Hook = func(at any, writes bool) {
		if writes && first == nil {
			first = at
		}
	}
	p, _ := l.TryAcquire()
	p.Release()
	l.passed++
	return first
}

func (l *lobby) fault(format string, args ...any) {
	l.faults = append(l.faults, fmt.Sprintf(format, args...))
}

// enters notes a call that got in.
func (l *lobby) enters(who string) {
	touch(l)
	l.order = append(l.order, who)
	l.in++
	l.most = max(l.most, l.in)
}

func (l *lobby) leaves(p *bulkhead.Place) {
	touch(l)
	l.in-- // before the release: from its first step on, the place may be another's
	p.Release()
}

// visit is a thread that calls Acquire, and releases.
func (l *lobby) visit(ctx context.Context, who string) func() {
	return func() {
		p, err := l.Acquire(ctx)
		switch {
		case err == nil:
			l.enters(who)
			l.leaves(&p)
		case errors.Is(err, policy.ErrRejected):
			touch(l)
			l.refused = append(l.refused, who)
		case ctx.Err() == nil:
			l.fault("%s came back with %v", who, err)
		}
	}
}

// stay is a thread that takes a place if it can at once, and keeps it.
func (l *lobby) stay(who string) func() {
	return func() {
		if _, ok := l.TryAcquire(); ok {
			l.enters(who)
			return
		}
		touch(l)
		l.refused = append(l.refused, who)
	}
}

// reconfigure is a thread that reconfigures the gate.
func (l *lobby) reconfigure(cfg bulkhead.Config) func() {
	cfg.Clock = l.Config().Clock
	return func() {
		touch(l)
		l.limit = max(l.limit, cfg.Limit)
		if err := l.Reconfigure(cfg); err != nil {
			l.fault("%v", err)
		}
	}
}

// passes is a thread that has time pass, more than any caller waits.
func (l *lobby) passes() {
	touch(l)
	if f := l.timer; f != nil {
		l.timer = nil
		f()
	}
}

// release is a thread that gives back place n.
func (l *lobby) release(n int) func() {
	return func() { l.leaves(l.held[n]) }
}

// settle checks a gate when its threads have ended: no call waits, the places in use are
// those that were not given back, and all others can be taken.
func (l *lobby) settle() {
	s := l.Snapshot()
	if s.Waiting != 0 || s.InUse != l.in {
		l.fault("%+v, want %d in use and none waiting", s, l.in)
	}
	if l.most > l.limit {
		l.fault("%d are in at a time, the limit is %d", l.most, l.limit)
	}
	if l.Idle() != (l.in == 0) {
		l.fault("idle is %t with %d in", l.Idle(), l.in)
	}
	if n := int64(l.passed + len(l.held) + len(l.order)); s.Admitted != n {
		l.fault("%d admitted, want %d", s.Admitted, n)
	}
	for range s.Limit - l.in {
		if _, ok := l.TryAcquire(); !ok {
			l.fault("a place is lost")
			return
		}
	}
	if _, ok := l.TryAcquire(); ok {
		l.fault("a place too many")
	}
}

// hookLocks is hook with two stripes, of which each thread has one.
func hookLocks(stop Stop) {
	hook(stop)
	stripe.Forced, stripe.Pick = 0, nil
	if stop == nil {
		return
	}
	stripe.Forced = 2
	stripe.Pick = func(n int) int {
		if x := running; x != nil && x.current != nil {
			for i, t := range x.threads {
				if t == x.current {
					return i % n
				}
			}
		}
		return 0
	}
}
