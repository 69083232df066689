// Package urgency has the keys of package policy for how urgent a call is. A context that
// several calls share answers for them itself.
package urgency

// PriorityKey is the key of a call's priority, an int8.
type PriorityKey struct{}

// SpeculativeKey is the key of true in the context of a speculative call.
type SpeculativeKey struct{}
