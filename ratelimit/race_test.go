//go:build race

package ratelimit_test

// keys is the number of keys in tests with many keys. With the race detector each costs
// ten times as much.
const keys = 50_000
