//go:build race

package retry

// comeBack is the number of retries that each caller of a stress test gives back. The race
// detector makes each many times as slow.
const comeBack = 50_000
