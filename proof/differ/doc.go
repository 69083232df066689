// Package differ compares this library with gobreaker, backoff and singleflight. It runs
// the same seeded schedules on both, as far as their semantics agree, and has a test for
// each known difference from the first two. docs/semantics.md describes the differences.
//
// It does not compare callers that leave, which singleflight does not let go, rates after the circuit has first opened, rates with calls in
// flight while time passes, or retries with a deadline, with jitter, or with a hint
// shorter than the delay or longer than MaxRetryAfter: there the semantics differ. With
// jitter, the peer also uses a random source of its own.
//
// The peers read the real clock, so everything runs in synctest bubbles.
package differ
