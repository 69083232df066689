package throttle_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/throttle"
)

var (
	histories = flag.Int("histories", 80, "number of histories in the property test")
	firstSeed = flag.Uint64("seed", 1, "seed of the first history")
)

// open is a call in flight.
type open struct {
	permit *throttle.Permit
	class  policy.Priority
}

// player plays a random history on a throttle and its model.
type player struct {
	t       *testing.T
	rnd     *rand.Rand
	clk     *fake.Clock
	th      *throttle.Throttle
	p       *throttle.Throttled[int]
	m       *model
	classes []policy.Priority
	open    []open
	draws   []float64 // the numbers that Rand returned
	trace   []string  // the steps, logged if the history fails
}

func newPlayer(t *testing.T, seed uint64) *player {
	rnd := rand.New(rand.NewPCG(seed, 3))
	p := &player{t: t, rnd: rnd, clk: fake.NewClock()}
	cfg := p.config()
	p.th, p.m = throttle.NewThrottle(cfg), &model{cfg: cfg, classes: map[policy.Priority]int{}}
	p.p = throttle.New[int](p.th)
	p.classes = [][]policy.Priority{{0}, {0}, {-1, 0}, {-2, 0, 0, 0, 1}, {-2, -1, 0, 1, 2}, {-128, -3, 0, 9, 127}, {1}}[rnd.IntN(7)]
	return p
}

func (p *player) config() throttle.Config {
	pick := func(of ...float64) float64 { return of[p.rnd.IntN(len(of))] }
	return throttle.Config{
		K: pick(1, 1.1, 1.5, 2, 2, 5), Window: time.Duration(pick(10, 100, 1e9, 120e9)), MinCalls: int(pick(1, 10, 30)),
		MaxReject: pick(0.5, 0.9, 0.99), Clock: p.clk,
		Rand: func() float64 {
			n := p.rnd.Float64()
			p.draws = append(p.draws, n)
			return n
		},
	}
}

func (p *player) reconfigure() {
	cfg := p.config()
	if p.rnd.IntN(3) > 0 {
		cfg.Window = p.m.cfg.Window
	}
	p.note("reconfigure %+v", cfg)
	require.NoError(p.t, p.th.Reconfigure(cfg))
	p.m.reconfigure(cfg)
}

func (p *player) note(format string, args ...any) {
	p.trace = append(p.trace, fmt.Sprintf("%v: ", time.Duration(p.m.now))+fmt.Sprintf(format, args...))
}

// admit checks the throttle's decision about a call against the model's, and whether it
// drew a number for it. The model goes by the same number.
func (p *player) admit(class policy.Priority, err error) bool {
	rate := p.m.rate(class)
	if rate == 0 {
		require.Empty(p.t, p.draws, "a number was drawn at a rate of 0")
		require.NoError(p.t, err)
		return true
	}
	require.Len(p.t, p.draws, 1, "the numbers that were drawn at a rate of %v", rate)
	rejected := p.draws[0] < rate
	p.draws = nil
	if rejected {
		p.m.count(false, class)
		require.ErrorIs(p.t, err, throttle.ErrThrottled, "rate %v", rate)
		return false
	}
	require.NotErrorIs(p.t, err, throttle.ErrThrottled, "rate %v", rate)
	return true
}

func (p *player) class() policy.Priority { return p.classes[p.rnd.IntN(len(p.classes))] }

func (p *player) context(class policy.Priority) context.Context {
	if class == policy.Normal && p.rnd.IntN(2) == 0 {
		return context.Background()
	}
	return policy.WithPriority(context.Background(), class)
}

// call makes a call that ends at once.
func (p *player) call(health float64) {
	class, o := p.class(), p.outcome(health)
	ran := false
	_, err := p.p.Do(p.context(class), func(context.Context) (int, error) {
		ran = true
		if o == policy.Success {
			return 1, nil
		}
		return 0, breaker.Judge(errDown, o)
	})
	if !ran {
		require.ErrorIs(p.t, err, throttle.ErrThrottled)
	} else {
		err = nil
	}
	admitted := p.admit(class, err)
	p.note("a call of class %d that ends as %v: %v", class, o, admitted)
	if admitted {
		p.end(o, class)
	}
}

// begin makes a call that ends later.
func (p *player) begin() {
	class := p.class()
	permit, err := p.th.Acquire(p.context(class))
	admitted := p.admit(class, err)
	p.note("a call of class %d begins: %v", class, admitted)
	if admitted {
		p.open = append(p.open, open{&permit, class})
	}
}

func (p *player) record(health float64) {
	if len(p.open) == 0 {
		return
	}
	i := p.rnd.IntN(len(p.open))
	o := p.outcome(health)
	call := p.open[i]
	p.open = append(p.open[:i], p.open[i+1:]...)
	p.note("a call of class %d ends as %v", call.class, o)
	require.True(p.t, call.permit.Record(o))
	p.end(o, call.class)
}

func (p *player) end(o policy.Outcome, class policy.Priority) {
	if o != policy.Ignored {
		p.m.count(o == policy.Success, class)
	}
}

func (p *player) outcome(health float64) policy.Outcome {
	switch {
	case p.rnd.IntN(20) == 0:
		return policy.Ignored
	case p.rnd.Float64() < health:
		return policy.Success
	}
	return policy.Failure
}

func (p *player) advance() {
	width := int64(p.m.cfg.Window) / 10
	d := p.rnd.Int64N(width + 1)
	if p.rnd.IntN(30) == 0 {
		d = p.rnd.Int64N(15 * width)
	}
	p.m.now += d
	p.clk.Advance(time.Duration(d))
	p.note("the time")
}

func (p *player) check() {
	requests, accepts := p.m.counts()
	s := p.th.Snapshot()
	require.Equal(p.t, requests, s.Requests)
	require.Equal(p.t, accepts, s.Accepts)
	require.InDelta(p.t, min(p.m.pressure(), p.m.cfg.MaxReject), s.Rate, 1e-12)
	require.Equal(p.t, requests == 0, p.th.Idle())
	class := p.class()
	require.InDelta(p.t, p.m.rate(class), p.th.Rate(class), 1e-12, "class %d", class)
}

// Every decision, every number that is drawn and every snapshot is that of a list of all
// requests.
func TestEveryHistoryGoesAsInTheModel(t *testing.T) {
	for seed := *firstSeed; seed < *firstSeed+uint64(*histories); seed++ {
		p := newPlayer(t, seed)
		ok := t.Run("", func(t *testing.T) {
			p.t = t
			health := 1.
			for range 400 + p.rnd.IntN(1600) {
				switch n := p.rnd.IntN(100); {
				case n == 0 && p.rnd.IntN(3) == 0:
					p.reconfigure()
				case n == 0:
					health = []float64{0, 0.3, 0.6, 0.99, 1}[p.rnd.IntN(5)]
				case n < 10:
					p.begin()
				case n < 20:
					p.record(health)
				case n < 30:
					p.advance()
				default:
					p.call(health)
				}
				if p.rnd.IntN(20) == 0 {
					p.check()
				}
			}
			p.check()
		})
		if !ok {
			t.Fatalf("seed %d, %+v:\n%s", seed, p.m.cfg, strings.Join(p.trace[max(0, len(p.trace)-60):], "\n"))
		}
	}
}
