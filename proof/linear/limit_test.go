package linear

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/internal/raced"
	"github.com/ductile-go/ductile/proof/row"
	"github.com/ductile-go/ductile/ratelimit"
)

// tapSubject is what histories of limiters are made of: a limiter, or a double of one.
type tapSubject interface {
	do(in tapInput) tapOutput
}

// actualTap is a limiter.
type actualTap struct {
	*ratelimit.Limiter
	held [maxHeld]ratelimit.Reservation
}

func newActualTap(clk *jumpy) tapSubject {
	r := tapRates[0]
	return &actualTap{Limiter: ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Per: r.interval, Burst: r.burst, Clock: clk})}
}

func (a *actualTap) do(in tapInput) (out tapOutput) {
	switch in.op {
	case tapAllow:
		out.ok = a.Allow(in.n)
	case tapReserve:
		r, err := a.Reserve(in.n, in.d)
		a.held[in.id], out.ok = r, err == nil
	case tapCancel:
		a.held[in.id].Cancel()
	case tapDelay:
		out.d = a.held[in.id].Delay()
	case tapPause:
		a.Pause(in.d)
	case tapSetRate:
		a.SetRate(1, tapRates[in.n].interval, tapRates[in.n].burst)
	case tapSettle:
		s := a.Snapshot()
		out.tokens, out.paused = s.Tokens, s.Paused
	}
	return out
}

// tapFault is a mistake that a limiter could make.
type tapFault string

const (
	looksThenTakes tapFault = "tokens are looked for in one step and taken in another"
	givesBlindly   tapFault = "a cancel gives back what the bucket has no room for"
	keepsAll       tapFault = "a cancel gives back nothing"
	givesTwice     tapFault = "of two cancels of one reservation, both give back"
	drops          tapFault = "SetRate forgets what is missing"
	shortens       tapFault = "a shorter pause ends a longer one"
)

var tapFaults = []tapFault{looksThenTakes, givesBlindly, keepsAll, givesTwice, drops, shortens}

// doubleTap does what the specification says, under a lock, but for its fault.
type doubleTap struct {
	mu    sync.Mutex
	s     tapState
	clk   *jumpy
	fault tapFault
}

func (d *doubleTap) change(do func(s tapState) tapState) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.s.now = ticksOf(d.clk.Clock.Now().Sub(start))
	d.s = do(d.s)
}

func (d *doubleTap) do(in tapInput) (out tapOutput) {
	d.clk.yield()
	if d.fault == looksThenTakes && in.op == tapAllow {
		var seen tapState
		d.change(func(s tapState) tapState { seen = s; return s })
		d.clk.yield()
		next, ok := seen.take(0, in.n, 0)
		if ok {
			d.change(func(s tapState) tapState { s.served, s.extra = next.served, next.extra; return s })
		}
		return tapOutput{ok: ok}
	}
	d.change(func(s tapState) tapState {
		before := s.swept()
		s, out = s.apply(in)
		if in.op == tapCancel {
			s = d.cancelled(before, s, in.id)
		}
		switch {
		case d.fault == drops && in.op == tapSetRate && s.rate != before.rate && s.n == 0:
			s.served = s.now
		case d.fault == shortens && in.op == tapPause && in.d > 0:
			s.until = s.now + ticksOf(in.d)
		}
		return s
	})
	return out
}

// cancelled is what became of a cancel.
func (d *doubleTap) cancelled(before, s tapState, id int) tapState {
	i := before.find(id)
	switch {
	case d.fault == givesTwice && i < 0 && id > 0:
		s.served -= s.interval()
	case i < 0:
	case d.fault == keepsAll && s.n == 0:
		s.served = before.end(before.n)
	case d.fault == givesBlindly && s.n > 0:
		s.extra -= s.end(s.n) - (before.end(before.n) - before.cost(before.line[i]))
	}
	return s
}

// playTap makes a random history on what build makes, with the callers of a crew.
func playTap(seed uint64, c crew, build func(clk *jumpy) tapSubject) (ops []porcupine.Operation) {
	rnd := rand.New(rand.NewPCG(seed, 7))
	clk := &jumpy{Clock: fake.NewClock(), crew: c, rnd: rand.New(rand.NewPCG(seed, 8))}
	betweenAtomics(clk.yield)
	on := build(clk)
	var clock, ids atomic.Int64
	var mu sync.Mutex
	note := func(client int, in tapInput) {
		call := clock.Add(1)
		out := on.do(in)
		end := clock.Add(1)
		mu.Lock()
		defer mu.Unlock()
		ops = append(ops, porcupine.Operation{ClientId: client, Input: in, Call: call, Output: out, Return: end})
	}
	const callers, turns, perTurn = 3, 4, 3
	changes := rnd.IntN(2)
	for range turns {
		var all []func()
		for client := range callers {
			mine := rand.New(rand.NewPCG(seed, rnd.Uint64()))
			known := int(ids.Load())
			all = append(all, func() {
				for range perTurn {
					in := tapInput{n: 1 + mine.IntN(2)}
					switch k := mine.IntN(12); {
					case k < 4:
					case k < 7 && ids.Load() < maxHeld-callers-1:
						in.op, in.id, in.d = tapReserve, int(ids.Add(1)), time.Duration(mine.IntN(80))*tapUnit
					case k < 10 && known > 0:
						in.op, in.id = tapCancel, 1+mine.IntN(known) // made in an earlier turn
					case k == 10 && known > 0:
						in.op, in.id = tapDelay, 1+mine.IntN(known)
					case changes == 1 && mine.IntN(2) == 0:
						in = tapInput{op: tapPause, d: time.Duration(mine.IntN(30)) * tapUnit}
					case changes == 1:
						in = tapInput{op: tapSetRate, n: mine.IntN(len(tapRates))}
					}
					if in.op == tapCancel || in.op == tapDelay {
						in.n = 0
					}
					note(client, in)
				}
			})
		}
		c.together(all...)
		note(callers, tapInput{op: tapSettle})
		d := time.Duration(rnd.IntN(25)) * tapUnit
		clk.Advance(d)
		note(callers, tapInput{op: tapAdvance, d: d})
	}
	note(callers, tapInput{op: tapSettle})
	return ops
}

func orderOf(t *testing.T, seed uint64, c crew, build func(clk *jumpy) tapSubject) bool {
	t.Helper()
	result := porcupine.CheckOperationsTimeout(tapModel(), playTap(seed, c, build), time.Minute)
	require.NotEqual(t, porcupine.Unknown, result, "seed %d: the checker ran out of time", seed)
	return result == porcupine.Ok
}

func TestEveryHistoryOfALimiterHasAnOrder(t *testing.T) {
	n := *histories * 5
	for i := range n {
		seed := *firstSeed + uint64(i)
		require.True(t, orderOf(t, seed, goroutines{}, newActualTap), "seed %d: no order of the operations explains what they returned", seed)
	}
	row.Row{
		Searched: "linearizability of a rate limiter: Allow, Reserve, Cancel, Pause, SetRate" + where,
		Amount:   fmt.Sprintf("%d histories of 36 operations by 3 callers", n),
		Seeds:    fmt.Sprintf("%d to %d", *firstSeed, *firstSeed+uint64(n)-1),
		Result:   "every history has an order",
	}.Print()
}

func TestTheCheckerFindsEachFaultOfALimiter(t *testing.T) {
	raced.Skip(t, planted)
	found := func(f tapFault) bool {
		for seed := range uint64(2000) {
			if !orderOf(t, seed, newCoroutines(seed), func(clk *jumpy) tapSubject { return &doubleTap{clk: clk, fault: f} }) {
				return true
			}
			if f == "" && seed > 50 {
				break
			}
		}
		return false
	}
	require.False(t, found(""), "a double without a fault")
	for _, f := range tapFaults {
		t.Run(string(f), func(t *testing.T) { require.True(t, found(f), "no history shows the fault") })
	}
}
