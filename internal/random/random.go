// Package random reads random sources that users provide.
package random

import (
	"math"
	"math/rand/v2"
)

// below1 is the largest number that Float64 returns.
var below1 = math.Nextafter(1, 0)

// Float64 returns the next number of source, or of math/rand/v2 if source is nil,
// clamped to [0,1). A faulty source must neither cancel a delay that a server asked for
// nor make it endless. NaN becomes 0.
func Float64(source func() float64) float64 {
	if source == nil {
		return rand.Float64()
	}
	if n := source(); n > 0 {
		return min(n, below1)
	}
	return 0
}

// Clamped returns a source with the numbers of source clamped as Float64 does.
func Clamped(source func() float64) func() float64 {
	if source == nil {
		return rand.Float64
	}
	return func() float64 { return Float64(source) }
}
