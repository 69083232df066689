//go:build race

package observe_test

// invented is the number of names of each kind in a test of bounds.
const invented = 10_000
