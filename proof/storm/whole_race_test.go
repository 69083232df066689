//go:build race

package storm

// wholeByDefault is less under the race detector, which makes each call twenty times as slow.
const wholeByDefault = 10_000
