package adaptive_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/adaptive"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
)

// endable is a context that ends when the test says so.
type endable struct {
	context.Context
	err error
}

func (e *endable) Err() error { return e.err }

// pair is one call in flight, at the limiter and at the model.
type pair struct {
	ctx    *endable
	permit adaptive.Permit
	call   *modelCall
}

func randomConfig(rnd *rand.Rand) adaptive.Config {
	cfg := adaptive.Config{
		Name: "m", Min: 1 + rnd.IntN(5), MinCalls: 1 + rnd.IntN(20), Window: time.Duration(1+rnd.IntN(20)) * ms,
	}
	cfg.Max = cfg.Min + rnd.IntN(40)
	cfg.Initial = cfg.Min + rnd.IntN(cfg.Max-cfg.Min+1)
	if rnd.IntN(2) == 0 {
		cfg.Target, cfg.Quantile = time.Duration(1+rnd.IntN(10))*ms, float64(1+rnd.IntN(10))/10
	}
	return cfg
}

// variant returns cfg with some of its parts drawn anew.
func variant(rnd *rand.Rand, cfg adaptive.Config) adaptive.Config {
	fresh := randomConfig(rnd)
	if rnd.IntN(2) == 0 {
		cfg.Min, cfg.Max, cfg.Initial = fresh.Min, fresh.Max, fresh.Initial
	}
	if rnd.IntN(3) == 0 {
		cfg.Window, cfg.MinCalls = fresh.Window, fresh.MinCalls
	}
	if rnd.IntN(4) == 0 {
		cfg.Target, cfg.Quantile = fresh.Target, fresh.Quantile
	}
	return cfg
}

// Random calls under random loads, at the limiter and at the model.
func TestALimiterBehavesLikeItsModel(t *testing.T) { behavesLikeItsModel(t, 0) }

func TestAReconfiguredLimiterBehavesLikeItsModel(t *testing.T) { behavesLikeItsModel(t, 0.01) }

// behavesLikeItsModel reconfigures the limiter at a share of the steps.
func behavesLikeItsModel(t *testing.T, reconfigured float64) {
	moves := 0
	for seed := range uint64(60) {
		rnd := rand.New(rand.NewPCG(seed, 3))
		cfg := randomConfig(rnd)
		clk := fake.NewClock()
		cfg.Clock = clk
		l, m := adaptive.NewLimiter(cfg), newModel(cfg)
		a := adaptive.New[int](l)
		start, busy := clk.Now(), rnd.IntN(100)
		var in []*pair
		for step := range 1500 {
			now := func() time.Duration { return clk.Now().Sub(start) }
			if rnd.IntN(200) == 0 {
				busy = rnd.IntN(100)
			}
			if reconfigured > 0 && rnd.Float64() < reconfigured {
				cfg = variant(rnd, cfg)
				require.NoError(t, l.Reconfigure(cfg))
				require.Equal(t, cfg, l.Config())
				m.reconfigure(cfg, now())
			}
			switch n := rnd.IntN(100); {
			case n < 40 && rnd.IntN(100) < busy+20:
				p := &pair{ctx: &endable{Context: t.Context()}}
				var err error
				p.permit, err = l.Acquire(p.ctx)
				p.call = m.arrive(now())
				if (p.call == nil) != (err != nil) {
					require.NoError(t, err, "seed %d, step %d", seed, step)
				}
				if err == nil {
					in = append(in, p)
				}
			case n < 75 && len(in) > 0:
				i := rnd.IntN(len(in))
				p := in[i]
				in = append(in[:i], in[i+1:]...)
				end, outcome := success, policy.Success
				switch rnd.IntN(20) {
				case 0:
					end, outcome = noSample, policy.Ignored
				case 1:
					end, outcome = noSample, policy.Failure
				case 2:
					end, outcome, p.ctx.err = deadline, policy.Failure, context.DeadlineExceeded
				}
				p.permit.Record(outcome)
				m.leave(p.call, end, now())
			case n < 80:
				d := time.Duration(rnd.IntN(3)) * ms
				end, result := success, error(nil)
				switch rnd.IntN(4) {
				case 0:
					end, result = refusal, fmt.Errorf("inside: %w", policy.ErrRejected)
				case 1:
					end, result = noSample, errDown
				}
				c := m.arrive(now())
				_, _ = a.Do(t.Context(), func(context.Context) (int, error) { clk.Advance(d); return 1, result })
				if c != nil {
					m.leave(c, end, now())
				}
			default:
				clk.Advance(time.Duration(rnd.IntN(4)) * ms / 2)
			}
			want := adaptive.Snapshot{
				Name: "m", Limit: m.limit, InUse: m.inUse, Admitted: m.admitted, Rejected: m.rejected, Pinned: m.pinned,
			}
			if got := l.Snapshot(); got != want { // require.Equal takes longer than all the rest
				require.Equal(t, want, got, "seed %d, step %d, %+v", seed, step, cfg)
			}
		}
		moves += m.era
	}
	require.Greater(t, moves, 200)
}
