package adaptive

import (
	"context"

	atomic "github.com/ductile-go/ductile/internal/atomicx"
	"github.com/ductile-go/ductile/policy"
)

// hold runs next in the place of f and passes its value to the function of WithKeep.
func (a *Adaptive[T]) hold(ctx context.Context, next policy.Call[T], f *flight) (v T, err error) {
	l := a.limiter
	e, returned := nothing, false
	defer func() {
		if returned {
			return
		}
		if moved := l.end(f, e); moved != nil {
			a.moved(ctx, next, moved)
		}
	}()
	v, err = next.Do(ctx)
	e = a.ending(ctx, next, v, err)
	if err != nil {
		return v, err
	}
	returned = true
	now := l.now(f)
	ripe := l.count(f, e, now)
	return a.pass(ctx, next, v, f, ripe, now), nil
}

// pass passes v to the function of WithKeep, with the place of f, and closes a window that
// is ripe. If a user's function panics, no caller gets the value, and the place goes back.
func (a *Adaptive[T]) pass(ctx context.Context, next policy.Call[T], v T, f *flight, ripe *window, now int64) T {
	p := &keptPlace{limiter: a.limiter, flight: *f}
	p.limiter.kept.Add(1)
	kept := false
	defer func() {
		if !kept {
			p.release()
		}
	}()
	v = a.keep(ctx, v, p.release)
	if moved := a.limiter.close(ripe, now); moved != nil {
		a.moved(ctx, next, moved)
	}
	kept = true
	return v
}

// keptPlace is the place of a call that has returned and whose value is still in use.
type keptPlace struct {
	limiter *Limiter
	flight  flight
	// released is set by a compare-and-swap, so that of concurrent releases only one gives
	// the place back.
	released atomic.Bool
}

func (p *keptPlace) release() {
	if p.released.CompareAndSwap(false, true) {
		p.limiter.kept.Add(-1)
		p.limiter.gate.Leave(p.flight.cell)
	}
}
