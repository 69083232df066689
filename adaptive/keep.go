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
	v = a.pass(ctx, v, f)
	if moved := l.close(ripe, now); moved != nil {
		a.moved(ctx, next, moved)
	}
	return v, nil
}

// pass passes v to the function of WithKeep, with the place of f.
func (a *Adaptive[T]) pass(ctx context.Context, v T, f *flight) T {
	p := &keptPlace{limiter: a.limiter, flight: *f}
	p.limiter.kept.Add(1)
	kept := false
	defer func() {
		if !kept {
			p.release()
		}
	}()
	v = a.keep(ctx, v, p.release)
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
