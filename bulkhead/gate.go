package bulkhead

import (
	"context"

	"github.com/ductile-go/ductile/internal/gate"
	"github.com/ductile-go/ductile/policy"
)

// Gate limits how many calls run at a time. Make one with [NewGate]; the zero Gate is not
// usable. It has no type parameter, so calls of any result type can share it. It is safe
// for concurrent use and starts no goroutine.
//
// A released place goes directly to the first waiting call; a newcomer cannot take it
// first.
//
// A call that holds a place should not take another one of the same gate. Once all places
// are held by such calls, each of them waits for the others: until its MaxWait or the end of
// its context, and without a queue it is refused.
type Gate struct{ core gate.Gate }

// voice is how the errors and events of gates name them.
var voice = &gate.Voice{
	Kind: kind, Noun: "gate",
	Full: func(f *gate.Full) error { return (*FullError)(f) },
}

// NewGate returns a gate with the given config. It panics with the error of
// [Config.Validate].
func NewGate(cfg Config) *Gate {
	if err := cfg.Validate(); err != nil {
		panic(err)
	}
	g := new(Gate)
	g.core.Init(cfg.core(), voice)
	return g
}

// Name returns the gate's name.
func (g *Gate) Name() string { return g.core.Name() }

// TryAcquire takes a place if one is free and no call waits. Otherwise it returns false
// and a zero Place. The caller must release the place.
func (g *Gate) TryAcquire() (Place, bool) {
	c := g.core.TryEnter()
	if c == nil {
		return Place{}, false
	}
	return Place{gate: &g.core, cell: c}, true
}

// Acquire takes a place. It waits for one if all are in use and the queue has room. The
// caller must release the place, usually with defer.
//
// It returns a *[FullError] if there is no place, or if MaxWait, Delay or a call of a
// higher priority ended the wait. If ctx has ended before the call, it returns the error
// of [policy.Ended]. If ctx ends during the wait, the error matches that error and
// [policy.ErrRejected], and a place granted at the same moment goes to the next call. If
// ctx is speculative, as [policy.Speculative] defines, Acquire never waits.
func (g *Gate) Acquire(ctx context.Context) (Place, error) {
	if ctx.Err() != nil {
		return Place{}, policy.Ended(ctx)
	}
	c, _ := g.core.Enter()
	if c == nil {
		e, err := g.core.EnterSlowly(ctx)
		if err != nil {
			return Place{}, err
		}
		c = e.Cell
	}
	return Place{gate: &g.core, cell: c}, nil
}
