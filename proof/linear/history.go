package linear

import (
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
)

const (
	clients = 3
	phases  = 4
	each    = 4 // operations of a client in a phase
)

// script is a history's random choices, made before it begins: only the
// scheduler's are not the seed's.
type script struct {
	plays    [phases][clients][each]uint8
	outcomes [maxPermits]policy.Outcome
	passes   [phases]time.Duration
	seed     uint64
}

func write(seed uint64) script {
	rnd := rand.New(rand.NewPCG(seed, 0x1fea5))
	s := script{seed: seed}
	for phase := range phases {
		for client := range clients {
			for n := range each {
				s.plays[phase][client][n] = uint8(rnd.IntN(100))
			}
		}
		s.passes[phase] = time.Duration(rnd.IntN(40))
	}
	bias := rnd.IntN(3) // some histories fail, some succeed, most do both
	for id := range maxPermits {
		s.outcomes[id] = policy.Outcome(rnd.IntN(3))
		if bias > 0 && rnd.IntN(2) == 0 {
			s.outcomes[id] = policy.Outcome(bias - 1)
		}
	}
	return s
}

// recorder writes a history down.
type recorder struct {
	on    subject
	spec  spec
	told  int          // transitions that have been compared
	clock atomic.Int64 // of calls and returns, not the circuit's
	ids   atomic.Int64
	mu    sync.Mutex
	ops   []porcupine.Operation
}

// note makes one operation, and enters it once for each of inputs.
func (r *recorder) note(client int, do func() output, inputs ...input) output {
	call := r.clock.Add(1)
	out := do()
	end := r.clock.Add(1)
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, in := range inputs {
		r.ops = append(r.ops, porcupine.Operation{
			ClientId: client + i*(clients+1), Input: in, Call: call, Output: out, Return: end,
		})
	}
	return out
}

// play makes the history of a script on what build makes.
func play(s script, cfg breaker.Config, build func(breaker.Config, *jumpy) subject) []porcupine.Operation {
	clk := &jumpy{Clock: fake.NewClock(), rnd: rand.New(rand.NewPCG(s.seed, 2))}
	betweenAtomics(clk.yield)
	r := &recorder{on: build(cfg, clk), spec: spec{cfg}}
	var mine [clients][]int
	for phase := range phases {
		var ready atomic.Int64
		var wg sync.WaitGroup
		for client := range clients {
			wg.Go(func() {
				ready.Add(1)
				for ready.Load() < clients { // all at once, or they would take turns
					runtime.Gosched()
				}
				for n := range each {
					mine[client] = r.one(client, s.plays[phase][client][n], mine[client], &s)
				}
			})
		}
		wg.Wait()
		r.rest()
		r.note(clients, func() output { clk.Advance(s.passes[phase]); return output{} }, input{kind: advance, d: s.passes[phase]})
	}
	r.rest()
	overlap(r.ops)
	return r.ops
}

// one makes the operation that n chooses; mine are the permits the client holds.
func (r *recorder) one(client int, n uint8, mine []int, s *script) []int {
	nothing := func(do func()) func() output { return func() output { do(); return output{} } }
	switch {
	case n < 38:
		return r.acquire(client, mine)
	case n < 80 && len(mine) > 0:
		id := mine[int(n)%len(mine)]
		o := s.outcomes[id]
		r.note(client, nothing(func() { r.on.Record(id, o) }), r.parts(id, o)...)
		return without(mine, id)
	case n < 85:
		r.note(client, func() output { return output{state: r.on.State(), after: notAsked} }, input{kind: due}, input{kind: look})
	case n < 90:
		r.note(client, func() output {
			snap := r.on.Snapshot()
			return output{state: snap.State, after: snap.RetryAfter}
		}, input{kind: due}, input{kind: look})
	case n < 92:
		r.note(client, nothing(r.on.Isolate), input{kind: isolate})
	case n < 95:
		r.note(client, nothing(r.on.Reset), input{kind: reset})
	default:
		d := 20 * time.Duration(n%2) // or the recovery timeout
		r.note(client, nothing(func() { r.on.Trip(d) }), input{kind: trip, d: d})
	}
	return mine
}

// parts are the moments of a Record.
func (r *recorder) parts(id int, o policy.Outcome) []input {
	parts := []input{{kind: count, id: id, outcome: o}, {kind: move, id: id}}
	if r.spec.judgesLater() {
		parts = slices.Insert(parts, 1, input{kind: judge, id: id})
	}
	return parts
}

func (r *recorder) acquire(client int, mine []int) []int {
	id := int(r.ids.Add(1)) - 1
	if id >= maxPermits {
		return mine
	}
	out := r.note(client, func() output {
		admitted, by := r.on.Acquire(id)
		return output{admitted: admitted, state: by}
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

// rest looks at everything while nothing runs.
func (r *recorder) rest() {
	r.note(clients, func() output {
		snap := r.on.Snapshot()
		told := r.on.Told()
		news := told[r.told:]
		r.told = len(told)
		return output{state: snap.State, after: snap.RetryAfter, counts: snap.Counts, told: news}
	}, input{kind: settle})
}

// overlap counts for each Acquire those that ran beside it.
func overlap(ops []porcupine.Operation) {
	for i := range ops {
		in := ops[i].Input.(input)
		if in.kind != acquire {
			continue
		}
		for j := range ops {
			if i != j && ops[j].Input.(input).kind == acquire && ops[i].Call < ops[j].Return && ops[j].Call < ops[i].Return {
				in.rivals++
			}
		}
		ops[i].Input = in
	}
}
