// Package cache answers calls with the kept results of earlier calls.
//
//	type user struct{ id int }
//
//	users := cache.New(cache.Config[user, *User]{
//		Key:   func(ctx context.Context) (user, bool) { u, ok := ctx.Value(idKey{}).(user); return u, ok },
//		TTL:   time.Minute,      // answer from the cache for a minute,
//		Stale: 10 * time.Minute, // then at once with the old value, while one refresh runs,
//		StaleIfError: time.Hour, // then with the old value only if the call fails
//	})
//	u, err := users.Do(context.WithValue(ctx, idKey{}, user{7}), load)
//
// Put a [Cache] outside everything else in a pipeline: a hit then costs nothing of what
// is inside.
//
// An entry passes through up to three ages. It is fresh for Config.TTL: calls are answered
// with it. It is stale for Config.Stale: calls are answered with it, and one of them starts
// a refresh behind it, which runs the rest of the call again. It is kept for
// Config.StaleIfError: calls run, and those that fail are answered with it. At its exact
// deadline an entry has expired.
//
// Calls of one key that miss at the same time share one flight, see package coalesce: a
// hundred callers make one call. A refresh is a flight too, at most one for each key. Its
// context has the values of its reader's context and does not end with it, but after
// Config.RefreshTimeout. If a refresh fails, the entry stays, and the next refresh waits
// for Config.Cooldown.
//
// With Config.Negative some errors are kept as well, such as "not found".
//
// Results are kept in a [Store]. The built-in one, [Memory], holds a limited number of
// entries of this process. Module ductileotter bounds them by their size, and a Store of
// your own may keep them elsewhere.
package cache
