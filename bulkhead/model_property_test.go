package bulkhead_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/policy"
)

// pair is one call, at the gate and at the model.
type pair struct {
	visit *visit
	guest *guest
	over  bool // released, refused or left: it is complete
}

// run plays random steps on a gate and its model, and compares them after each step.
type run struct {
	t     *testing.T
	rnd   *rand.Rand
	gate  *bulkhead.Gate
	model *model
	pairs []*pair
	log   []string

	reconfigures bool
}

// randomConfig draws a config with few places. Bounds are multiples of 2 ms, and time
// advances by odd numbers of milliseconds, so few waits end at the same moment.
func randomConfig(rnd *rand.Rand) bulkhead.Config {
	cfg := bulkhead.Config{Name: "m", Limit: 1 + rnd.IntN(4), MaxQueue: rnd.IntN(7)}
	if cfg.MaxQueue == 0 {
		return cfg
	}
	if rnd.IntN(2) == 0 {
		cfg.MaxWait = time.Duration(1+rnd.IntN(20)) * 2 * time.Millisecond
	}
	cfg.Order = bulkhead.Order(rnd.IntN(3))
	if cfg.Order == bulkhead.Adaptive || rnd.IntN(3) == 0 {
		interval := 1 + rnd.IntN(15)
		cfg.Delay = bulkhead.CoDel{
			Target: time.Duration(1+rnd.IntN(interval)) * 2 * time.Millisecond, Interval: time.Duration(interval) * 2 * time.Millisecond,
		}
	}
	return cfg
}

func (r *run) note(format string, args ...any) { r.log = append(r.log, fmt.Sprintf(format, args...)) }

func (r *run) step() {
	switch n := r.rnd.IntN(100); {
	case n < 45:
		p := policy.Priority(r.rnd.IntN(5) - 2)
		spec := r.rnd.IntN(12) == 0
		ctx := policy.WithPriority(r.t.Context(), p)
		if spec {
			ctx = policy.WithSpeculative(ctx)
		}
		r.note("call %d of priority %d, speculative %t", len(r.pairs), p, spec)
		r.pairs = append(r.pairs, &pair{visit: come(ctx, r.gate), guest: r.model.arrive(p, spec)})
	case n < 75:
		if i, p := r.pick(func(p *pair) bool { return r.model.in[p.guest] }); p != nil {
			r.note("release %d", i)
			p.over = true
			p.visit.place.Release()
			r.model.release(p.guest)
		}
	case n < 83:
		if i, p := r.pick(func(p *pair) bool { return !p.over && !r.model.in[p.guest] }); p != nil {
			r.note("leave %d", i)
			p.visit.cancel(nil)
			r.model.leave(p.guest)
		}
	case n < 86 && r.reconfigures:
		cfg := randomConfig(r.rnd)
		r.note("reconfigure %+v", cfg)
		require.NoError(r.t, r.gate.Reconfigure(cfg))
		require.Equal(r.t, cfg, r.gate.Config())
		r.model.reconfigure(cfg)
	case n < 88:
		limit := 1 + r.rnd.IntN(5)
		r.note("limit %d", limit)
		r.gate.SetLimit(limit)
		r.model.setLimit(limit)
	default:
		d := time.Duration(1+2*r.rnd.IntN(8)) * time.Millisecond
		r.note("%v pass", d)
		time.Sleep(d)
		r.model.pass(d)
	}
}

// pick picks one of the calls in the wanted state.
func (r *run) pick(wanted func(*pair) bool) (n int, picked *pair) {
	seen := 0
	for i, p := range r.pairs {
		if wanted(p) {
			if seen++; r.rnd.IntN(seen) == 0 {
				n, picked = i, p
			}
		}
	}
	return n, picked
}

func (r *run) compare() {
	synctest.Wait()
	for i, p := range r.pairs {
		if p.over {
			continue
		}
		in, refused := r.model.in[p.guest], p.guest.refused || p.guest.left
		require.Equal(r.t, in, p.visit.isIn(), "call %d is in, after %q", i, r.log)
		require.Equal(r.t, refused, p.visit.isRefused(), "call %d is refused, after %q", i, r.log)
		if refused {
			require.ErrorIs(r.t, p.visit.err, policy.ErrRejected)
			require.Equal(r.t, p.guest.refused, isFull(p.visit.err), "call %d: %v", i, p.visit.err)
			p.over = true
		}
	}
	require.Equal(r.t, r.model.snapshot(), r.gate.Snapshot(), "after %q", r.log)
	require.Equal(r.t, len(r.model.in)+len(r.model.queue) == 0, r.gate.Idle())
}

func TestAGateBehavesLikeItsModel(t *testing.T) { behavesLikeItsModel(t, false, 400) }

func TestAReconfiguredGateBehavesLikeItsModel(t *testing.T) { behavesLikeItsModel(t, true, 200) }

func behavesLikeItsModel(t *testing.T, reconfigures bool, seeds uint64) {
	for seed := range seeds {
		synctest.Test(t, func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(seed, 14))
			cfg := randomConfig(rnd)
			r := &run{t: t, rnd: rnd, gate: bulkhead.NewGate(cfg), model: newModel(cfg), reconfigures: reconfigures}
			r.note("seed %d, %+v", seed, cfg)
			for range 120 {
				r.step()
				r.compare()
			}
			for _, p := range r.pairs {
				p.visit.leaves()
			}
			require.True(t, r.gate.Idle())
		})
	}
}
