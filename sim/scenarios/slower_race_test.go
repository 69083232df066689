//go:build race

package scenarios_test

// slower leaves out the longest examples: the race detector takes many times as long.
// They run in make cover, without it.
const slower = true
