//go:build race

package sim_test

// slower is by how much tests are made smaller: the race detector takes many times as long.
const slower = 20
