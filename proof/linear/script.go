package linear

import (
	"math/rand/v2"
	"time"

	"github.com/ductile-go/ductile/policy"
)

const (
	clients = 3
	phases  = 4
	each    = 4 // operations of a client in a phase
	longest = 8 // in a crowd
)

// unit is the unit of time in configs and scripts. With it, recovery timeouts are close to
// the second that a circuit waits at least for its probes.
const unit = 100 * time.Millisecond

// script is the random choices of a history, made before it begins. Only the choices of the
// scheduler do not follow from the seed.
type script struct {
	seed     uint64
	crowd    bool
	beside   bool // the clients reconfigure the circuit
	phases   []phase
	outcomes [maxPermits]policy.Outcome
	before   before
}

type phase struct {
	plays  [clients][]uint8
	passes time.Duration // after it
	stall  int64         // the stop at which a client is held; 0 is none
}

// before is the operations before the clients begin. They bring the circuit close to a
// verdict.
type before struct {
	permits int // acquired, and handed out among the clients
	records int // of them
	probes  int // made, half-open, most of them Ignored
}

// write returns the script of a seed. In a crowd, the clients mostly record permits that were
// acquired before.
func write(seed uint64, crowd, beside bool) script {
	rnd := rand.New(rand.NewPCG(seed, 0x1fea5))
	s := script{seed: seed, crowd: crowd, beside: beside}
	bias := rnd.IntN(4) // most calls of a history have one outcome, or all outcomes are as likely
	for id := range maxPermits {
		s.outcomes[id] = policy.Outcome(rnd.IntN(4))
		if bias > 0 && rnd.IntN(2) == 0 {
			s.outcomes[id] = policy.Outcome(bias)
		}
	}
	count, length := phases, each
	switch {
	case crowd:
		count, length = 1, longest
		s.before = before{permits: 24, records: 3 + rnd.IntN(3)}
		for id := s.before.records; id < maxPermits; id++ {
			s.outcomes[id] = policy.Success
			if rnd.IntN(6) == 0 {
				s.outcomes[id] = policy.Failure
			}
		}
	case rnd.IntN(3) == 0:
		s.before.probes = 5 + rnd.IntN(7) // ten Ignored ones in a row reopen the circuit
		for id := range s.outcomes {
			if rnd.IntN(4) > 0 {
				s.outcomes[id] = policy.Ignored
			}
		}
	}
	for range count {
		s.phases = append(s.phases, writePhase(rnd, length))
	}
	if crowd { // a client is held early, so that all others come in between
		s.phases[0].stall = 1 + rnd.Int64N(stops/2)
	}
	return s
}

func writePhase(rnd *rand.Rand, length int) (p phase) {
	for client := range clients {
		for range length {
			p.plays[client] = append(p.plays[client], uint8(rnd.IntN(100)))
		}
	}
	p.passes = time.Duration(rnd.IntN(40)) * unit
	if rnd.IntN(2) == 0 {
		p.stall = 1 + rnd.Int64N(stops)
	}
	return p
}
