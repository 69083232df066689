package linear

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"

	"github.com/anishathalye/porcupine"

	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/policy"
)

// doorway is what histories of a gate are made of: a gate, or a double of one.
type doorway interface {
	Try(id int) gateEnd
	// Acquire reports false if the context had ended before it began.
	Acquire(ctx context.Context, id int) (end gateEnd, came bool)
	Release(id int)
	SetLimit(n int)
	Snapshot() bulkhead.Snapshot
	Idle() bool
}

// actualGate is a gate.
type actualGate struct {
	*bulkhead.Gate
	sp     gateSpec
	before bulkhead.Snapshot // of a gate with what is out from the beginning
	places [maxGuests]bulkhead.Place
}

func newActualGate(sp gateSpec) doorway {
	a := &actualGate{Gate: bulkhead.NewGate(sp.cfg), sp: sp}
	spreadGate(a.Gate)
	for a.Gate.Snapshot().InUse < sp.held {
		if _, ok := a.TryAcquire(); !ok {
			panic("linear: no place for those that are out from the beginning")
		}
	}
	a.before = a.Gate.Snapshot()
	return a
}

// Snapshot leaves out what it took to spread the gate.
func (a *actualGate) Snapshot() bulkhead.Snapshot {
	s := a.Gate.Snapshot()
	s.Admitted -= a.before.Admitted - int64(a.sp.held)
	s.Rejected -= a.before.Rejected
	return s
}

func (a *actualGate) Try(id int) gateEnd {
	var ok bool
	if a.places[id], ok = a.TryAcquire(); !ok {
		return isFull
	}
	return getsIn
}

func (a *actualGate) Acquire(ctx context.Context, id int) (end gateEnd, came bool) {
	var err error
	a.places[id], err = a.Gate.Acquire(policy.WithPriority(ctx, a.sp.priority(id)))
	switch {
	case err == nil:
		return getsIn, true
	case errors.Is(err, bulkhead.ErrFull):
		return isFull, true
	}
	return hasLeft, errors.Is(err, policy.ErrRejected)
}

func (a *actualGate) Release(id int) { a.places[id].Release() }

// gateRecorder writes a history down.
type gateRecorder struct {
	crew  crew
	on    doorway
	clock atomic.Int64 // of calls and returns
	ids   atomic.Int64
	mu    sync.Mutex
	ops   []porcupine.Operation
}

// enter notes an operation that began at call, once for each of inputs.
func (r *gateRecorder) enter(client int, call int64, out gateOutput, inputs ...gateInput) {
	end := r.clock.Add(1)
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, in := range inputs {
		r.ops = append(r.ops, porcupine.Operation{ClientId: client + i*(clients+1), Input: in, Call: call, Output: out, Return: end})
	}
}

// gateEach is how many operations a client makes in a phase.
const gateEach = 5

// playGate makes the history of a seed, with the clients of a crew. Between two phases nothing
// runs.
func playGate(seed uint64, sp gateSpec, c crew, on doorway) []porcupine.Operation {
	r := &gateRecorder{crew: c, on: on}
	yield := newYielder(seed, c)
	betweenAtomics(yield.now)
	defer betweenAtomics(func() {})
	var mine [clients][]int
	for phase := range 2 {
		var all []func()
		for client := range clients {
			rnd := rand.New(rand.NewPCG(seed, uint64(8*phase+client)))
			all = append(all, func() {
				for range gateEach {
					mine[client] = r.one(client, rnd, sp, mine[client])
					yield.now()
				}
			})
		}
		c.together(all...)
		call := r.clock.Add(1)
		r.enter(clients, call, gateOutput{seen: on.Snapshot()}, gateInput{kind: looks})
	}
	return r.ops
}

// one makes one operation of a client that holds the places of mine.
func (r *gateRecorder) one(client int, rnd *rand.Rand, sp gateSpec, mine []int) []int {
	n := rnd.IntN(100)
	if len(mine) > 0 && n < 45 {
		id := mine[0]
		call := r.clock.Add(1)
		r.on.Release(id)
		r.enter(client, call, gateOutput{}, gateInput{kind: releases, id: id})
		return mine[1:]
	}
	switch {
	case n < 75:
		return r.call(client, rnd, mine)
	case n < 83:
		limit := sp.cfg.Limit - rnd.IntN(2)
		call := r.clock.Add(1)
		r.on.SetLimit(limit)
		r.enter(client, call, gateOutput{}, gateInput{kind: limits, id: limit})
	case n < 88:
		call := r.clock.Add(1)
		r.enter(client, call, gateOutput{idle: r.on.Idle()}, gateInput{kind: asksIdle})
	case !spreads: // a snapshot of a gate that is spread is of moments, not of one
		call := r.clock.Add(1)
		r.enter(client, call, gateOutput{seen: r.on.Snapshot()}, gateInput{kind: looks})
	}
	return mine
}

// call makes a call, whose caller leaves in a while if it waits.
func (r *gateRecorder) call(client int, rnd *rand.Rand, mine []int) []int {
	id := int(r.ids.Add(1)) - 1
	if id >= maxGuests {
		return mine
	}
	waits := rnd.IntN(3) > 0
	call, came := r.clock.Add(1), true
	var end gateEnd
	if waits {
		ctx, cancel := context.WithCancel(context.Background())
		patience := rnd.IntN(60)
		left := r.crew.beside(func() {
			for range patience {
				r.crew.pause()
			}
			cancel()
		})
		end, came = r.on.Acquire(ctx, id)
		defer left()
	} else {
		end = r.on.Try(id)
	}
	if !came {
		return mine
	}
	inputs := []gateInput{{kind: comes, id: id, waits: waits}, {kind: ends, id: id}}
	if end == isFull {
		inputs = append(inputs, gateInput{kind: counts, id: id})
	}
	r.enter(client, call, gateOutput{end: end}, inputs...)
	if end == getsIn {
		mine = append(mine, id)
	}
	return mine
}

// yielder lets others run, now and then.
type yielder struct {
	crew crew
	mu   sync.Mutex
	rnd  *rand.Rand
}

func newYielder(seed uint64, c crew) *yielder {
	return &yielder{crew: c, rnd: rand.New(rand.NewPCG(seed, 3))}
}

func (y *yielder) now() {
	y.mu.Lock()
	n := y.rnd.IntN(4)
	y.mu.Unlock()
	for range n {
		y.crew.pause()
	}
}
