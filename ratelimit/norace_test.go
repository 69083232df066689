//go:build !race

package ratelimit_test

// keys is the number of keys in tests with many keys.
const keys = 1_000_000
