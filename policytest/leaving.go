package policytest

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ductile-go/ductile/policy"
)

// leaving makes the context of a caller that leaves after patience.
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

// letsGo makes a caller leave while it has the policy to itself, and then while other
// callers hold permits.
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
		p.Errorf("policytest: the caller's context ended after %v with %v and the call returned after %v%s, want at the same time: select on ctx.Done wherever the policy waits", patience, caller.Err(), e.took, p.past)
	}
	if n := late.Load(); n > 0 {
		p.Errorf("policytest: the function began %d times after the caller's context had ended with %v, want 0: check the context before each run", n, caller.Err())
	}
}

// amongHolders runs f while other calls hold permits for longer than callers wait: 1
// call, then 4, up to rounds. It tries several numbers, because it does not know the
// limits of the policy: with too few holders f gets a permit, and with too many the queue
// is full and f is refused.
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
