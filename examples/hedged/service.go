package main

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
)

// service has a slow tail, in virtual time.
type service struct {
	clock *fake.Clock

	mu       sync.Mutex
	rand     *rand.Rand
	attempts int
	ends     []time.Time // of the attempts of the call that is under way
	running  sync.WaitGroup
}

func newService() *service {
	return &service{clock: fake.NewClock(), rand: rand.New(rand.NewPCG(2013, 2))}
}

// latency is that of most requests around 10 ms, and of one in 70 up to a second.
func (s *service) latency() time.Duration {
	if s.rand.IntN(70) == 0 {
		return 100*time.Millisecond + time.Duration(s.rand.Int64N(int64(900*time.Millisecond)))
	}
	return time.Duration(10 * float64(time.Millisecond) * math.Exp(0.3*s.rand.NormFloat64()))
}

// answer is one attempt.
func (s *service) answer(ctx context.Context) (int, error) {
	s.running.Add(1)
	defer s.running.Done()
	s.mu.Lock()
	d := s.latency()
	s.attempts++
	s.ends = append(s.ends, s.clock.Now().Add(d))
	s.mu.Unlock()
	return 1, policy.Sleep(ctx, s.clock, d)
}

// ended reports whether an attempt ends now.
func (s *service) ended() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Contains(s.ends, s.clock.Now())
}

// call makes one call, through p if that is not nil, and returns how long it took; timer says
// whether p waits to begin another attempt. It moves time from one thing that happens to the
// next: to the end of an attempt, with which the call ends, or to the timer, after which two
// attempts sleep, or one beside the timer that asks for a token again.
func (s *service) call(ctx context.Context, p policy.Policy[int], timer bool) (time.Duration, error) {
	s.ends = nil
	start := s.clock.Now()
	call := policy.CallOf(s.answer)
	done := make(chan error, 1)
	go func() {
		var err error
		if p == nil {
			_, err = call.Do(ctx)
		} else {
			_, err = p.Execute(ctx, call)
		}
		done <- err
	}()
	waiters := 1
	if timer {
		waiters = 2
	}
	for {
		if err := s.clock.BlockUntil(ctx, waiters); err != nil {
			return 0, err
		}
		s.clock.AdvanceToNext()
		if s.ended() {
			err := <-done
			s.running.Wait() // a loser may not have left the clock yet
			return s.clock.Now().Sub(start), err
		}
	}
}
