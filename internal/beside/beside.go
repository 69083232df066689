// Package beside tells which attempts of a hedge belong to the same call. What runs inside
// the hedge must keep the results of all of them, since any may still be used.
package beside

import "context"

// RoundKey is the context key for the call of a hedge. The attempts of one call have the
// same value, and those of another call have another.
type RoundKey struct{}

// AloneKey is the context key for true if all earlier attempts of the call had failed when
// this one began.
type AloneKey struct{}

// Round returns the call of the innermost hedge around ctx, or nil if there is no hedge.
func Round(ctx context.Context) any { return ctx.Value(RoundKey{}) }

// Alone reports whether all earlier attempts of the call had failed when the attempt of ctx
// began.
func Alone(ctx context.Context) bool {
	alone, _ := ctx.Value(AloneKey{}).(bool)
	return alone
}
