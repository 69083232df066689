//go:build race

package keyed_test

// comeAndGo is the number of keys in a test of memory. The race detector makes each
// about fifty times as slow.
const comeAndGo = 50_000
