// Package random reads the sources of randomness that users hand in.
package random

import (
	"math"
	"math/rand/v2"
)

// Below1 is the largest number that Float64 returns.
var Below1 = math.Nextafter(1, 0)

// Float64 returns the next number of source, or of math/rand/v2 if source is nil,
// brought into [0,1): a source that breaks its promise must neither wipe out a delay
// that a server asked for nor make one endless. NaN becomes 0.
func Float64(source func() float64) float64 {
	if source == nil {
		return rand.Float64()
	}
	if n := source(); n > 0 {
		return min(n, Below1)
	}
	return 0
}

// Clamped returns source with its numbers brought into [0,1) as Float64 does.
func Clamped(source func() float64) func() float64 {
	if source == nil {
		return rand.Float64
	}
	return func() float64 { return Float64(source) }
}
