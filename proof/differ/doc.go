// Package differ plays the same seeded schedules on this library and on its
// peers, where their semantics agree, and holds each known difference in a test
// of its own, so that docs/semantics.md can say it.
//
// What is not played: a rate in a window after the circuit has first opened, or
// for calls that are out while time passes; retries with a deadline, with jitter,
// or with a hint shorter than the delay or beyond MaxRetryAfter. There the
// semantics differ, or, for jitter, the peer's source of randomness is its own.
//
// The peers read the time themselves, so everything runs in synctest bubbles.
package differ
