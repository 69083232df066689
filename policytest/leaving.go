package policytest

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ductile-go/ductile/policy"
)

// leaving makes the context of a caller who leaves after patience, and ends it.
type leaving func() (context.Context, context.CancelFunc)

func byCancel() (context.Context, context.CancelFunc) {
	caller := newCountedCtx()
	stay := make(chan struct{})
	go func() {
		select {
		case <-time.After(patience):
			caller.leave()
		case <-stay:
		}
	}()
	return caller, func() { close(stay) }
}

func byDeadline() (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(context.Background(), patience, errLeft)
}

func leaverIsLetGo(p *probe)  { p.letsGo(byCancel) }
func deadlineLetsGo(p *probe) { p.letsGo(byDeadline) }

// letsGo has a caller leave who has the policy for himself, and one who may have
// to wait for others.
func (p *probe) letsGo(leaves leaving) {
	p.leaver(leaves)
	p.amongHolders(func() { p.leaver(leaves) })
}

func (p *probe) leaver(leaves leaving) {
	caller, cancel := leaves()
	defer cancel()
	var late atomic.Int64
	e := p.do(caller, func(ctx context.Context) (int, error) {
		if caller.Err() != nil {
			late.Add(1)
		}
		_ = policy.Sleep(ctx, nil, takes)
		return 0, &failure{}
	})
	if e.took > patience {
		p.Errorf("policytest: the caller left after %v with %v, and the call returned after %v, want at once%s", patience, caller.Err(), e.took, p.past)
	}
	if n := late.Load(); n > 0 {
		p.Errorf("policytest: the function began for a caller who had left with %v, want it not to: %d times", caller.Err(), n)
	}
}

// amongHolders runs f while others hold places for longer than callers wait: one,
// then four, up to all that a policy in a test has. Where only those who cannot get
// a place are looked at, too many holders are as bad as too few: they may fill the
// queue for one as well.
func (p *probe) amongHolders(f func()) {
	for n := 1; n <= rounds; n *= 4 {
		time.Sleep(day)
		p.past = fmt.Sprintf(" among %d others", n)
		var holders sync.WaitGroup
		for range n {
			holders.Go(func() { p.do(context.Background(), hold) })
		}
		time.Sleep(takes)
		f()
		holders.Wait()
	}
}

func hold(context.Context) (int, error) {
	time.Sleep(3 * patience)
	return 42, nil
}
