// Package members lets packages that show any map of package keyed read it without its
// type parameters.
package members

// Family is a map of values by key.
type Family struct {
	// Zero is the zero value of the map's value type, so that a reader can tell the type
	// of an empty map. It is nil if that type is an interface.
	Zero any
	// All calls yield for each member, in no order, until yield returns false. The key is
	// in the format of fmt.Sprint.
	All func(yield func(key string, value any) bool)
	// Shared returns the value that a call with the key would share with other keys, as the
	// map is full. ok is false if the key is a member or would become one, or if no call has
	// needed the shared value yet. The key must be of the map's key type.
	Shared func(key any) (value any, ok bool)
	// Watch calls joined for each value that is about to become a member, and left after
	// it was dropped. Both run on the goroutine of the call that changes the map, without a
	// lock, and must not panic or get keys of the map. joined is not called for values that
	// are members already.
	Watch func(joined, left func(key string, value any)) (stop func())
}

// Source is a *keyed.Map of any type.
type Source interface{ Members() Family }
