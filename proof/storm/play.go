package storm

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/policy"
)

// play makes the scene's calls and checks what must hold.
func (s *scene) play() {
	if s.alone {
		for n := range perScene {
			s.one(n, script(s.rnd, true), s.rnd)
		}
	} else {
		s.together()
	}
	s.settle()
	if s.clock == nil && s.rnd.IntN(6) == 0 { // collection takes longer than all the rest
		s.nothingIsHeld()
	}
}

// together makes the calls of eight callers that share the pipeline.
func (s *scene) together() {
	const callers = 8
	var all []func()
	for caller := range callers {
		rnd := rand.New(rand.NewPCG(s.rnd.Uint64(), 0))
		all = append(all, func() {
			for n := range perScene / callers {
				s.one(caller*perScene/callers+n, script(rnd, false), rnd)
			}
		})
	}
	s.ground.apart(all...)
}

// one makes a call on a goroutine of its own, which Goexit may end.
func (s *scene) one(n int, steps []step, rnd *rand.Rand) {
	c := &call{s: s, n: n, script: steps, rest: func() {}}
	if s.alone {
		s.current = c
		c.rest = s.ground.rest
	}
	c.caller = newCounted(context.WithValue(context.WithValue(context.Background(), callKey{}, c), runKey{}, &c.whole), s.now)
	ctx, patience, release := s.arrive(c, rnd)
	c.ctx = ctx
	e := ending{ctx: ctx, gone: ctx.Err() != nil, patience: patience}
	start := s.now()
	s.ground.apart(func() {
		defer func() { e.panicked = recover() }()
		e.v, e.err = s.do(ctx, c.run)
		e.returned = true
	})
	e.took = s.now().Sub(start)
	s.audit(c, e)
	s.recordKept(c) // before time passes and the caller's deadline with it
	s.releasePlaces(c)
	for c.ended.Load() < c.started.Load() { // abandoned, and on its way
		s.ground.linger(time.Millisecond)
	}
	release()
	if s.alone {
		s.ground.rest()
		s.nothingIsLeftOf(c)
		s.permitsAreBack()
	}
	s.mu.Lock()
	s.calls = append(s.calls, c)
	s.mu.Unlock()
	if s.alone && rnd.IntN(20) == 0 {
		s.reconfigure(change(rnd))
	}
	s.ground.pause(s.between(rnd))
}

// between returns the time between two calls. If calls are made one after another, it sometimes
// ends exactly when an open circuit may be left, or a nanosecond before.
func (s *scene) between(rnd *rand.Rand) time.Duration {
	pause, edge := time.Duration(rnd.Int64N(int64(10*time.Millisecond))), rnd.IntN(8)
	if rnd.IntN(10) == 0 {
		pause = time.Duration(rnd.Int64N(int64(3 * time.Second)))
	}
	if t := s.tallies[edge%2]; s.alone && edge < 4 && t.state == breaker.Open {
		if left := t.remaining(s.now()); left > 0 {
			return left - time.Duration(edge/2)
		}
	}
	return pause
}

// arrive gives the caller a deadline, or a context that has ended, or neither.
func (s *scene) arrive(c *call, rnd *rand.Rand) (ctx context.Context, patience time.Duration, release func()) {
	switch rnd.IntN(10) {
	case 0:
		c.caller.cancel(errGone)
	case 1, 2, 3:
		patience = 1 + time.Duration(rnd.Int64N(int64(20*time.Millisecond)))
		if s.clock != nil {
			ctx, release = s.clock.WithTimeout(c.caller, patience)
		} else {
			ctx, release = context.WithTimeoutCause(c.caller, patience, errGone)
		}
		return ctx, patience, release
	}
	return c.caller, 0, func() {}
}

// permitsAreBack takes every permit of a half-open circuit and gives them back. Nothing runs
// meanwhile, so all of them must be there.
func (s *scene) permitsAreBack() {
	s.setByHand(true)
	defer s.setByHand(false)
	for _, t := range s.tallies {
		if t.cfg.Shadow || t.circuit.State() != breaker.HalfOpen {
			continue
		}
		var permits []*breaker.Permit
		for {
			p := new(breaker.Permit)
			var err error
			if *p, err = t.circuit.Acquire(); err != nil {
				break
			}
			permits = append(permits, p)
		}
		s.mu.Lock()
		t.full()
		s.mu.Unlock()
		if want := t.cfg.HalfOpenMaxCalls; len(permits) != want {
			s.fault("circuit %s: half-open with %d permits, want %d: some were not given back", t.cfg.Name, len(permits), want)
		}
		s.giveBack(t, permits)
	}
}

// giveBack reports permits as Ignored. The last of them may reopen the circuit.
func (s *scene) giveBack(t *tally, permits []*breaker.Permit) {
	for _, p := range permits {
		s.mu.Lock()
		t.runs++
		if t.state == breaker.HalfOpen {
			t.enter(end{how: policy.Ignored})
		}
		s.mu.Unlock()
		p.Record(policy.Ignored)
	}
}

// setByHand notes whether the storm itself moves the circuits now.
func (s *scene) setByHand(is bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.byHand = is
}
