// Package urgency has the context keys with which package policy marks how urgent a call
// is. A context that several calls share, such as a flight's, combines their values.
package urgency

// PriorityKey is the context key for the priority of a call, an int8.
type PriorityKey struct{}

// SpeculativeKey is the context key for true if the call is speculative.
type SpeculativeKey struct{}
