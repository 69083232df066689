//go:build !race

package ratelimit_test

// keys is how many a test with many keys has.
const keys = 1_000_000
