// Package differ plays the same seeded schedules on this library and on its
// peers, where their semantics agree, and holds each known difference in a test
// of its own, so that docs/semantics.md can say it.
//
// The peers read the time themselves, so everything runs in synctest bubbles.
package differ
