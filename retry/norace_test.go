//go:build !race

package retry

// comeBack is the number of retries that each caller of a stress test gives back: enough for
// the scheduler to interrupt a caller between its load and its compare-and-swap.
const comeBack = 5_000_000
