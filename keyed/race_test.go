//go:build race

package keyed_test

// comeAndGo is how many keys a test of memory uses; the race detector makes each
// some fifty times as slow.
const comeAndGo = 50_000
