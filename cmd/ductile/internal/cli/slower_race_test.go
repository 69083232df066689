//go:build race

package cli_test

// slower leaves out what takes too long under the race detector.
const slower = true
