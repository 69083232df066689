//go:build race

package registry_test

// raceEnabled is true if the race detector runs. A sync.Pool then drops what it is given at
// random, so that observed calls allocate.
const raceEnabled = true
