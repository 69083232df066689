package policytest

import (
	"context"
	"sync"
	"time"
)

// noLockIsHeld makes a call during another one, and leaves it to the bubble to
// tell of a lock. It comes early, with as few calls as that takes, for what hangs
// stays.
func noLockIsHeld(p *probe) {
	var first sync.WaitGroup
	first.Go(func() { p.do(context.Background(), fails) })
	time.Sleep(takes / 2)
	p.do(context.Background(), func(context.Context) (int, error) { return 42, nil })
	first.Wait()
}

// callsAreApart makes calls that know their own number, and looks for another's
// in what comes back.
func callsAreApart(p *probe) {
	const callers, each = 8, 25
	var wg sync.WaitGroup
	for caller := range callers {
		wg.Go(func() {
			for n := range each {
				p.callApart(1 + caller*each + n)
			}
		})
	}
	wg.Wait()
}

func (p *probe) callApart(call int) {
	ctx := context.WithValue(context.Background(), valueKey{}, call)
	own := &failure{call}
	succeeds := call%2 == 0
	e := p.do(ctx, func(ctx context.Context) (int, error) {
		if got := ctx.Value(valueKey{}); got != call {
			p.Errorf("policytest: call %d ran with the context of call %v", call, got)
		}
		time.Sleep(takes)
		if succeeds {
			return call, nil
		}
		return 0, own
	})
	if !succeeds || e.runs == 0 || e.left() {
		p.matches(e, own)
		return
	}
	if e.v != call || e.err != nil {
		p.Errorf("policytest: call %d, which succeeded with its own number, came back as %d and %v", call, e.v, e.err)
	}
}
