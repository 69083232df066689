//go:build race

package ratelimit_test

// keys is how many a test with many keys has: with the race detector, each costs ten times
// as much.
const keys = 50_000
