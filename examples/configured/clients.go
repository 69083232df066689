package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// pause is how long a client waits between two calls.
const pause = time.Millisecond

// trade makes n clients call until stop is called, which returns when all calls have ended.
func (s *service) trade(ctx context.Context, n int, seed uint64) (stop func()) {
	ended := make(chan struct{})
	var all sync.WaitGroup
	for i := range n {
		random := rand.New(rand.NewPCG(seed, uint64(i)))
		all.Go(func() {
			for {
				select {
				case <-ended:
					return
				case <-time.After(pause):
					s.call(ctx, kindOf(random), partner(random))
				}
			}
		})
	}
	return func() {
		close(ended)
		all.Wait()
	}
}

// kindOf draws the kind of the next call.
func kindOf(random *rand.Rand) string {
	switch n := random.IntN(100); {
	case n < 30:
		return charging
	case n < 65:
		return searching
	case n < 85:
		return delivering
	case n < 95:
		return refunding
	}
	return trying
}

// partner draws a partner; one in five is the one that never answers well.
func partner(random *rand.Rand) string {
	if n := random.IntN(10); n > 1 {
		return fmt.Sprintf("partner-%d", n)
	}
	return lost
}
