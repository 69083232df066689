//go:build !race

package keyed_test

// comeAndGo is how many keys a test of memory uses.
const comeAndGo = 1_000_000
