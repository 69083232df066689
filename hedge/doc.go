// Package hedge makes another attempt at a call that takes long, and takes the first
// success. It trades a few more calls for the slow tail of a service's latency.
//
//	h := hedge.New[*User](hedge.Config{Name: "users"})
//	user, err := h.Do(ctx, func(ctx context.Context) (*User, error) {
//		return client.User(ctx, id) // may run twice at once: it must be safe to repeat
//	})
//
// The zero [Config] learns from the latencies that it sees, begins one extra attempt where
// the first takes longer than 95 % of calls do, and spends at most 10 % more calls on it.
//
// The first attempt runs on the caller's goroutine and extra ones beside it. So a call that
// is in time costs no goroutine. The price is that the function has to return soon after
// its context has ended: if an extra attempt wins, the call returns when the first attempt
// has noticed. For functions that do not look at their context set Config.Abandon.
//
// The first success wins. The contexts of the others end with the cause [ErrLost]. The call
// does not wait for them, and values that they still come to are handed to the function of
// [Hedge.WithDiscard]. A failure ends the call only if no other attempt is running. To try
// again after a failure is what package retry is for; put it outside of the hedge.
//
// Extra attempts run under a context of which [policy.Speculative] is true. A bulkhead or a
// rate limit inside serves those only if they need not wait.
package hedge
