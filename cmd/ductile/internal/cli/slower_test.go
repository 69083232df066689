//go:build !race

package cli_test

const slower = false
