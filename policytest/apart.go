package policytest

import (
	"context"
	"sync"
	"time"

	"github.com/ductile-go/ductile/internal/yield"
)

// arriving is the number of turns that a call gets to reach the place where it waits.
const arriving = 100_000

// noLockIsHeld cancels a call while the function of another one runs, and expects the
// call to return before that function does. It counts turns of the processor instead
// of time, because time stands still in a bubble while a goroutine waits for a lock.
// Then it ends the function, so that a lock is released and the bubble can end.
func noLockIsHeld(p *probe) {
	running, finish := make(chan struct{}), make(chan struct{})
	begin := sync.OnceFunc(func() { close(running) })
	first := p.start(context.Background(), func(context.Context) (int, error) {
		begin()
		<-finish
		return 42, nil
	})
	ended := make(chan struct{})
	go func() { defer close(ended); p.wait(first) }()
	select {
	case <-running:
		second := p.cancelled()
		close(finish)
		p.wait(second)
	case <-ended: // other checks ask why the function did not run
		close(finish)
	}
	<-ended
}

// cancelled makes a call, cancels it if it does not return by itself, and reports a
// fault if it does not return then.
func (p *probe) cancelled() *call {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	c := p.start(ctx, func(context.Context) (int, error) { return 42, nil })
	if yield.Times(arriving, c.returned.Load) {
		return c
	}
	cancel()
	if !yield.Until(c.returned.Load) {
		p.locked = true
		p.Errorf("policytest: a call was cancelled while the function of another call ran, and did not return before that function did; want it to return at once: " +
			"do not hold a lock around next.Do, and do not wait without looking at the context")
	}
	return c
}

// callsAreApart gives each of many concurrent calls a number, and checks that each call
// sees and returns its own number.
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

func (p *probe) callApart(number int) {
	ctx := context.WithValue(context.Background(), valueKey{}, number)
	own := &failure{number}
	succeeds := number%2 == 0
	e := p.do(ctx, func(ctx context.Context) (int, error) {
		if got := ctx.Value(valueKey{}); got != number {
			p.Errorf("policytest: call %d ran with the context of call %v", number, got)
		}
		time.Sleep(takes)
		if succeeds {
			return number, nil
		}
		return 0, own
	})
	if !succeeds || e.runs == 0 || e.left() {
		p.matches(e, own)
		return
	}
	if e.v != number || e.err != nil {
		p.Errorf("policytest: call %d, which succeeded with its own number, returned %d and %v", number, e.v, e.err)
	}
}
