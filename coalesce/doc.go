// Package coalesce makes one call out of calls that want the same thing at the same time.
// When a popular entry of a cache expires, a thousand requests miss it at once: one of
// them asks the database, and all of them get its answer.
//
//	users := coalesce.New[string, *User](func(ctx context.Context) (string, bool) {
//		id, ok := UserID(ctx)
//		return id, ok // false: this call is not shared
//	})
//	user, err := users.Do(ctx, func(ctx context.Context) (*User, error) {
//		return db.User(ctx, id) // runs once for all callers with this key
//	})
//
// The first call of a key begins a flight, which runs the function on a goroutine of its
// own. Calls with the same key join it until it ends, and all get the same value and
// error. Nothing is kept after that: the next call begins a new flight. To keep results,
// use package cache.
//
// Every caller may leave: when its context ends, its call returns at once, and the flight
// goes on for the others. The function's context has the values of the first caller and
// the latest deadline of the callers that wait. It ends when the last of them has left,
// with that caller's error and cause. A call that comes after that begins a new flight.
//
// If the function panics, every caller panics with the same value. If it calls
// runtime.Goexit, every caller's goroutine exits.
//
// The value is shared by reference. Do not coalesce calls whose callers change it, unless
// [Coalesce.WithClone] gives each its own, nor values that only one caller can use, such
// as the body of a response or the rows of a query.
//
// In a pipeline, put coalesce outside everything that one flight should pay for once:
// timeouts, retries, hedges, breakers and limits. To what is inside, a flight is one call.
package coalesce
