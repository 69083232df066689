package main

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	tpb "google.golang.org/grpc/interop/grpc_testing"
)

const (
	rate     = 150 // calls a second
	patience = time.Second
)

// result is what the callers of one side saw in one act.
type result struct {
	took      []time.Duration
	succeeded int
	attempts  int64
	third     float64 // share of the answers that came from the replica that the story is about
}

func (r result) success() float64 { return float64(r.succeeded) / float64(len(r.took)) }

func (r result) perCall() float64 { return float64(r.attempts) / float64(len(r.took)) }

// quantile returns the q-quantile of what calls took, failed ones included, by nearest rank.
func (r result) quantile(q float64) time.Duration {
	slices.Sort(r.took)
	return r.took[int(math.Ceil(q*float64(len(r.took))))-1]
}

// load calls the service at random times, whether it answers or not, and returns when all
// calls have ended.
func load(ctx context.Context, s *side, length time.Duration, random *rand.Rand) result {
	var (
		mu    sync.Mutex
		calls sync.WaitGroup
		r     result
	)
	sent, third, served := s.attempts.Load(), s.patient().served.Load(), s.served()
	end := time.Now().Add(length)
	for at := time.Now(); at.Before(end); at = at.Add(time.Duration(random.ExpFloat64() / rate * float64(time.Second))) {
		time.Sleep(time.Until(at)) // a call that is late in this program is late for both sides
		calls.Go(func() {
			begun := time.Now()
			ctx, cancel := context.WithTimeout(ctx, patience)
			defer cancel()
			_, err := s.client.UnaryCall(ctx, &tpb.SimpleRequest{})
			mu.Lock()
			defer mu.Unlock()
			r.took = append(r.took, time.Since(begun))
			if err == nil {
				r.succeeded++
			}
		})
	}
	calls.Wait()
	r.attempts = s.attempts.Load() - sent
	r.third = float64(s.patient().served.Load()-third) / float64(max(1, s.served()-served))
	return r
}

// patient is the replica that falls ill.
func (s *side) patient() *replica { return s.replicas[1] }

// served is the number of answers of all replicas.
func (s *side) served() (n int64) {
	for _, r := range s.replicas {
		n += r.served.Load()
	}
	return n
}
