// Package beside lets what runs inside of a hedge know which attempts are one call's, whose
// results are all still wanted.
package beside

import "context"

// RoundKey is the key under which the contexts of a hedge's attempts have the call that
// they are of: one value for all of them, and another for each call.
type RoundKey struct{}

// AloneKey is the key under which the context of an attempt has true if it began when all
// attempts before it had failed.
type AloneKey struct{}

// Round returns the hedge's call that ctx is of, the innermost one's, or nil.
func Round(ctx context.Context) any { return ctx.Value(RoundKey{}) }

// Alone reports whether ctx is of an attempt that began when all before it had failed.
func Alone(ctx context.Context) bool {
	alone, _ := ctx.Value(AloneKey{}).(bool)
	return alone
}
