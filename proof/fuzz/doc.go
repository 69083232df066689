// Package fuzz tests what every Config promises to programs that read one from a file:
// Validate does not panic, New panics exactly with the error of Validate, and a config
// that Validate accepts works.
package fuzz
