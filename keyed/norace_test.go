//go:build !race

package keyed_test

// comeAndGo is the number of keys in a test of memory.
const comeAndGo = 1_000_000
