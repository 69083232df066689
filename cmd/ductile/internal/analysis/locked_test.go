package analysis_test

import (
	"math/rand/v2"
	"sync"
)

// locked is a random source for several goroutines.
type locked struct {
	mu sync.Mutex
	r  *rand.Rand
}

func (l *locked) Float64() float64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.r.Float64()
}
