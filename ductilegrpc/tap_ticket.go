package ductilegrpc

import (
	"context"

	atomic "github.com/ductile-go/ductile/internal/atomicx"
	"github.com/ductile-go/ductile/policy"
)

// ticket is what a tap has taken for a call. The interceptors find it in the call's context
// and do not ask the same policies again.
type ticket struct {
	parts []*part
	// left counts the parts that nothing has claimed yet.
	left atomic.Int32
	stop func() bool // keeps the end of the context from ending the ticket
}

// part is what a tap has taken from one policy.
type part struct {
	state any // the gate, the limiter...
	// claimed is set by a compare-and-swap: a client may cancel a call while its handler
	// begins, and then end and claim compete for the part. The winner releases it.
	claimed atomic.Bool
	release func(policy.Outcome) // nil for tokens, which stay taken
}

type ticketKey struct{}

// ticketOf returns the ticket of a call, or nil.
func ticketOf(ctx context.Context) *ticket {
	t, _ := ctx.Value(ticketKey{}).(*ticket)
	return t
}

func (t *ticket) add(state any, release func(policy.Outcome)) {
	t.parts = append(t.parts, &part{state: state, release: release})
	t.left.Add(1)
}

// claim returns the part that was taken from state. It returns nil if there is none, or if
// the call has ended.
func (t *ticket) claim(state any) *part {
	for _, p := range t.parts {
		if p.state == state && p.claimed.CompareAndSwap(false, true) {
			if t.left.Add(-1) == 0 {
				t.stop()
			}
			return p
		}
	}
	return nil
}

// end gives back what no interceptor has claimed. How the call went is not known here.
func (t *ticket) end() {
	for _, p := range t.parts {
		if p.claimed.CompareAndSwap(false, true) && p.release != nil {
			p.release(policy.Ignored)
		}
	}
}

// shared is a policy that a tap may have asked already. Execute then runs the rest of the
// call with what the tap has taken.
type shared[T any] struct {
	policy.Policy[T]
	state   any
	outcome func(ctx context.Context, err error) policy.Outcome // nil if state does not ask for it
}

func (s *shared[T]) Execute(ctx context.Context, next policy.Call[T]) (v T, err error) {
	p := ticketOf(ctx).claim(s.state)
	if p == nil { // a call that has ended is refused by the policy itself
		return s.Policy.Execute(ctx, next)
	}
	if p.release == nil {
		return next.Do(ctx)
	}
	o := policy.Failure // of a panic and of runtime.Goexit
	defer func() { p.release(o) }()
	v, err = next.Do(ctx)
	if s.outcome != nil {
		o = s.outcome(ctx, err)
	}
	return v, err
}
