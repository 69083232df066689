// Package fuzz holds what every configuration owes those who read it from
// outside: Validate never panics, New panics with what Validate says and with
// nothing else, and what Validate accepts works at run time.
package fuzz
