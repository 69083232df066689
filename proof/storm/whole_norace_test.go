//go:build !race

package storm

// wholeByDefault is how many calls go through the whole order.
const wholeByDefault = 100_000
