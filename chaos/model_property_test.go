package chaos_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/chaos"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
)

// The model counts in units: a rate is 0 to 64 of 64, a draw 0 to 255 of 256. These are exact
// in binary, so an interval has neither a call more nor a call less.
const (
	rateUnits = 64
	drawUnits = 256
)

type part struct {
	kind            string
	rate            int  // of rateUnits
	on              bool // the switch
	when            bool // replaces the switch
	varies          bool // the rate comes from a RateFunc
	calls, injected int64
}

func (p *part) active(wanted bool) bool {
	if p.when {
		return wanted
	}
	return p.on
}

// model is a mixture, or a single injector.
type model struct {
	parts []*part
	draws int // how often the source of each call was asked
}

// call returns the part that acts in a call at a draw, or nil.
func (m *model) call(draw int, wanted bool) (chosen *part) {
	end, drawn := 0, false
	for _, p := range m.parts {
		if !p.active(wanted) {
			continue
		}
		p.calls++
		drawn = true
		end += p.rate * (drawUnits / rateUnits)
		if chosen == nil && draw < end {
			chosen = p
			p.injected++
		}
	}
	if drawn {
		m.draws++
	}
	return chosen
}

// wantedKey marks the calls for which a When says yes.
type wantedKey struct{}

// rig is a model beside the policies that it is a model of.
type rig struct {
	model
	draw  int
	asked int
	clk   *fake.Clock
	real  []*chaos.Injector[int]
	whole policy.Policy[int]
}

func newRig(rnd *rand.Rand) *rig {
	r := &rig{clk: fake.NewClock(fake.AutoAdvance())}
	left := rateUnits
	for range 1 + rnd.IntN(4) {
		p := &part{
			kind: []string{"fault", "latency", "outcome", "behavior"}[rnd.IntN(4)],
			rate: min(left, rnd.IntN(rateUnits+1)), on: rnd.IntN(2) == 0, when: rnd.IntN(4) == 0, varies: rnd.IntN(3) == 0,
		}
		left -= p.rate
		r.parts = append(r.parts, p)
		r.real = append(r.real, r.injector(p))
	}
	r.whole = chaos.Mix(r.real...)
	if len(r.real) == 1 {
		r.whole = r.real[0]
	}
	return r
}

func (r *rig) injector(p *part) *chaos.Injector[int] {
	cfg := chaos.Config{Enabled: p.on, Clock: r.clk, Rand: func() float64 { r.asked++; return float64(r.draw) / drawUnits }}
	if rate := float64(p.rate) / rateUnits; p.varies {
		cfg.RateFunc = func(context.Context) float64 { return rate }
	} else {
		cfg.Rate = rate
	}
	if p.when {
		cfg.When = func(ctx context.Context) bool { return ctx.Value(wantedKey{}) != nil }
	}
	return kinds(cfg)[p.kind]
}

// step makes a random call or turns a random switch, on both sides.
func (r *rig) step(t *testing.T, rnd *rand.Rand, note string) {
	t.Helper()
	if rnd.IntN(5) == 0 {
		i, on := rnd.IntN(len(r.parts)), rnd.IntN(2) == 0
		r.parts[i].on = on
		if on {
			r.real[i].On()
		} else {
			r.real[i].Off()
		}
		return
	}
	ctx, wanted := t.Context(), rnd.IntN(2) == 0
	if wanted {
		ctx = context.WithValue(ctx, wantedKey{}, true)
	}
	r.draw = rnd.IntN(drawUnits)
	begun, ran := r.clk.Now(), false
	v, err := r.whole.Execute(ctx, policy.CallOf(func(context.Context) (int, error) { ran = true; return 1, nil }))
	chosen := r.call(r.draw, wanted)

	want := part{kind: "none"}
	if chosen != nil {
		want = *chosen
	}
	fails := want.kind == "fault" || want.kind == "behavior"
	require.Equal(t, fails, errors.Is(err, errDown), note)
	require.Equal(t, fails, errors.Is(err, chaos.ErrInjected), note)
	require.Equal(t, !fails && want.kind != "outcome", ran, note)
	require.Equal(t, map[string]int{"fault": 0, "behavior": 0, "outcome": 7, "latency": 1, "none": 1}[want.kind], v, note)
	require.Equal(t, want.kind == "latency", r.clk.Now().Sub(begun) == time.Second, note)
	require.Equal(t, r.draws, r.asked, note)
	for i, p := range r.parts {
		require.Equal(t, chaos.Snapshot{Kind: p.kind, Enabled: p.on || p.when, Calls: p.calls, Injected: p.injected}, r.real[i].Snapshot(), note)
	}
}

func TestChaosBehavesLikeItsModel(t *testing.T) {
	for seed := range uint64(300) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		r := newRig(rnd)
		for step := range 60 {
			r.step(t, rnd, fmt.Sprintf("seed %d, step %d, %v", seed, step, r.whole))
		}
	}
}

// Every draw of a grid falls into exactly one interval, so the counts need no tolerance.
func TestTheIntervalsOfAMixHaveExactlyTheirRates(t *testing.T) {
	const n = 1000
	draw := 0
	cfg := func(perMille int) chaos.Config {
		return chaos.Config{
			Rate: float64(perMille) / n, Enabled: true, Clock: fake.NewClock(fake.AutoAdvance()),
			Rand: func() float64 { return (float64(draw) + 0.5) / n },
		}
	}
	for _, rates := range [][4]int{{100, 200, 300, 400}, {1, 2, 3, 4}, {0, 500, 0, 500}, {333, 333, 333, 0}, {1000, 0, 0, 0}, {0, 0, 0, 0}} {
		m := chaos.Mix(
			chaos.Fault[int](cfg(rates[0]), failing), chaos.Latency[int](cfg(rates[1]), lasting(1)),
			chaos.Outcome(cfg(rates[2]), answer(7)), chaos.Behavior[int](cfg(rates[3]), nothing),
		)
		for draw = range n {
			_, _ = m.Do(t.Context(), answer(1))
		}
		for i, s := range m.Snapshot() {
			require.EqualValues(t, rates[i], s.Injected, "%s of %v", s.Kind, rates)
			require.EqualValues(t, n, s.Calls)
		}
	}
}
