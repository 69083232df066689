//go:build !race

package raced

// Enabled is true if the race detector runs.
const Enabled = false
