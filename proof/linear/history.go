package linear

import (
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
)

// recorder records a history.
type recorder struct {
	crew   crew
	on     subject
	spec   spec
	clk    *jumpy
	script *script
	told   int          // how many transitions of Watch have been compared
	moves  int          // how many of OnStateChange
	clock  atomic.Int64 // orders calls and returns; it is not the circuit's clock
	ids    atomic.Int64
	// counted is how many Records of each permit have returned true.
	counted [maxPermits]atomic.Int64
	mu      sync.Mutex
	ops     []porcupine.Operation
}

// note makes one operation, and enters it in the history once for each input.
func (r *recorder) note(client int, do func() output, inputs ...input) output {
	call := r.clock.Add(1)
	out := do()
	r.enter(client, call, out, inputs...)
	return out
}

func (r *recorder) enter(client int, call int64, out output, inputs ...input) {
	end := r.clock.Add(1)
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, in := range inputs {
		r.ops = append(r.ops, porcupine.Operation{
			ClientId: client + i*(clients+1), Input: in, Call: call, Output: out, Return: end,
		})
	}
}

// build makes a subject.
type build func(cfgs []breaker.Config, clk *jumpy) subject

// play makes the history of a script on a subject that build makes, with the clients of a
// crew. It also returns how many of the recorded permits were not counted exactly once.
func play(s script, cfgs []breaker.Config, c crew, build build) (ops []porcupine.Operation, miscounted int) {
	clk := &jumpy{Clock: fake.NewClock(), crew: c, rnd: rand.New(rand.NewPCG(s.seed, 2))}
	betweenAtomics(clk.yield)
	r := &recorder{crew: c, on: build(cfgs, clk), spec: spec{cfgs}, clk: clk, script: &s}
	mine := r.prepare()
	for n, p := range s.phases {
		r.reconfigure(n)
		clk.holdUp.begin(p.stall)
		var all []func()
		for client := range clients {
			all = append(all, func() {
				for _, n := range p.plays[client] {
					mine[client] = r.one(client, n, mine[client])
				}
				clk.holdUp.finished.Add(1)
			})
		}
		c.together(all...)
		clk.holdUp.end()
		r.rest()
		r.pass(p.passes)
	}
	r.rest()
	overlap(r.ops)
	r.lookAgain()
	return r.ops, r.miscounted(mine)
}

// prepare makes the operations before the clients begin, and returns the permits that each
// client starts with.
func (r *recorder) prepare() (mine [clients][]int) {
	b := r.script.before
	var got []int
	for range b.permits {
		got = r.acquire(clients, got)
	}
	for i := range min(b.records, len(got)) {
		r.record(clients, got[i], r.script.outcomes[got[i]], false)
	}
	for i, id := range got[min(b.records, len(got)):] {
		mine[i%clients] = append(mine[i%clients], id)
	}
	if b.probes > 0 {
		r.note(clients, func() output { r.on.Trip(unit, given); return output{} }, input{kind: trip, d: unit})
		r.pass(unit)
	}
	for n := range b.probes {
		o := policy.Ignored
		if n == 0 {
			o = r.script.outcomes[n]
		}
		for _, id := range r.acquire(clients, nil) {
			r.record(clients, id, o, false)
		}
	}
	r.rest()
	return mine
}

// reconfigure puts the next config in force before a phase, if there are several and the
// clients do not do that.
func (r *recorder) reconfigure(phase int) {
	if len(r.spec.cfgs) < 2 || r.script.beside {
		return
	}
	k := phase % len(r.spec.cfgs)
	r.note(clients, func() output { r.on.Reconfigure(k); return output{} }, input{kind: reconfigures, id: k})
}

func (r *recorder) pass(d time.Duration) {
	r.note(clients, func() output { r.clk.Advance(d); return output{} }, input{kind: advance, d: d})
}

// one makes the operation that n chooses. mine are the permits that the client holds.
func (r *recorder) one(client int, n uint8, mine []int) []int {
	nothing := func(do func()) func() output { return func() output { do(); return output{} } }
	switch {
	case n < 85 && r.script.crowd && len(mine) > 0, n >= 38 && n < 76 && len(mine) > 0:
		id := mine[int(n)%len(mine)]
		r.record(client, id, r.script.outcomes[id], n%8 == 0)
		return without(mine, id)
	case n < 76:
		return r.acquire(client, mine)
	case n < 80:
		r.note(client, func() output { return output{state: r.on.State(), after: notAsked} }, input{kind: due}, input{kind: look})
	case n < 84:
		r.note(client, func() output {
			snap := r.on.Snapshot()
			return output{state: snap.State, after: snap.RetryAfter}
		}, input{kind: due}, input{kind: look})
	case n < 86:
		r.note(client, nothing(func() { r.on.Isolate(given) }), input{kind: isolate})
	case n < 88:
		r.note(client, nothing(r.on.Reset), input{kind: resets})
	case n < 91:
		d := 20 * time.Duration(n%2) * unit // or the recovery timeout
		r.note(client, nothing(func() { r.on.Trip(d, given) }), input{kind: trip, d: d})
	case r.script.beside:
		k := int(n) % len(r.spec.cfgs)
		r.note(client, nothing(func() { r.on.Reconfigure(k) }), input{kind: reconfigures, id: k})
	}
	return mine
}

// record records a permit. If twice, that is done twice at the same time with different
// outcomes, and the one whose Record returns true counts.
func (r *recorder) record(client, id int, o policy.Outcome, twice bool) {
	call := r.clock.Add(1)
	other, wait := false, func() {}
	if twice {
		wait = r.crew.beside(func() { other = r.on.Record(id, policy.Undecided) })
	}
	if r.on.Record(id, o) {
		r.counted[id].Add(1)
	}
	if wait(); other {
		r.counted[id].Add(1)
		o = policy.Undecided
	}
	parts := []input{{kind: count, id: id, outcome: o}, {kind: move, id: id}}
	if r.spec.judgesApart() {
		parts = slices.Insert(parts, 1, input{kind: judge, id: id})
	}
	r.enter(client, call, output{}, parts...)
}

// miscounted returns how many permits were recorded and not counted exactly once.
func (r *recorder) miscounted(held [clients][]int) (n int) {
	out := map[int]bool{}
	for _, ids := range held {
		for _, id := range ids {
			out[id] = true
		}
	}
	for _, op := range r.ops {
		in, res := op.Input.(input), op.Output.(output)
		if in.kind == acquire && res.admitted && !out[in.id] && r.counted[in.id].Load() != 1 {
			n++
		}
	}
	return n
}

func (r *recorder) acquire(client int, mine []int) []int {
	id := int(r.ids.Add(1)) - 1
	if id >= maxPermits {
		return mine
	}
	out := r.note(client, func() output {
		admitted, free, by := r.on.Acquire(id)
		return output{admitted: admitted, free: free, state: by}
	}, input{kind: due}, input{kind: acquire, id: id})
	if out.admitted {
		mine = append(mine, id)
	}
	return mine
}

func without(ids []int, id int) []int {
	var rest []int
	for _, i := range ids {
		if i != id {
			rest = append(rest, i)
		}
	}
	return rest
}

// rest notes everything that can be seen while nothing runs.
func (r *recorder) rest() {
	r.note(clients, func() output {
		snap := r.on.Snapshot()
		told, moves := r.on.Told()
		seen := rest{
			counts: snap.Counts, reason: snap.Reason, since: snap.Since, shadow: snap.Shadow,
			told: told[r.told:], moves: moves[r.moves:],
		}
		r.told, r.moves = len(told), len(moves)
		return output{state: snap.State, after: snap.RetryAfter, rest: seen}
	}, input{kind: settle})
}

// overlap counts, for each Acquire, the others that ran at the same time.
func overlap(ops []porcupine.Operation) {
	for i := range ops {
		in := ops[i].Input.(input)
		if in.kind != acquire {
			continue
		}
		for j := range ops {
			if i != j && ops[j].Input.(input).kind == acquire && beside(ops[i], ops[j]) {
				in.rivals++
			}
		}
		ops[i].Input = in
	}
}

// lookAgain lets an operation move an open circuit once more for each Trip beside it, if the
// circuit does not wait: the operation has moved it, finds it open again, and it is due again.
func (r *recorder) lookAgain() {
	if r.spec.cfgs[0].RecoveryTimeout != breaker.NoWait {
		return
	}
	for _, op := range slices.Clone(r.ops) {
		if op.Input.(input).kind != due {
			continue
		}
		for _, other := range r.ops {
			if in := other.Input.(input); in.kind == trip && in.d == 0 && beside(op, other) {
				op.ClientId += 3 * (clients + 1) // beside the parts of an operation
				r.ops = append(r.ops, op)
			}
		}
	}
}

// beside reports whether two operations ran at the same time.
func beside(a, b porcupine.Operation) bool { return a.Call < b.Return && b.Call < a.Return }
