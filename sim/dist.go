package sim

import (
	"math"
	"time"
)

// Dist is a distribution of times. The zero Dist is always 0.
type Dist struct {
	sample func(random func() float64) time.Duration
}

// Constant returns the distribution that is always d.
func Constant(d time.Duration) Dist {
	return Dist{func(func() float64) time.Duration { return d }}
}

// Exponential returns the exponential distribution with the given mean.
func Exponential(mean time.Duration) Dist {
	return Dist{func(random func() float64) time.Duration {
		return time.Duration(-float64(mean) * math.Log(1-random()))
	}}
}
