// Package hedge starts a second attempt at a call that takes long, and returns the first
// success. It trades a few extra calls for a shorter tail of a service's latency.
//
//	h := hedge.New[*User](hedge.Config{Name: "users"})
//	user, err := h.Do(ctx, func(ctx context.Context) (*User, error) {
//		return client.User(ctx, id) // may run twice at the same time, so it must be idempotent
//	})
//
// The zero [Config] learns the delay from the latencies of the calls: it starts one extra
// attempt when the first takes longer than 95 % of calls, and spends at most 10 % extra
// calls on this.
//
// The first attempt runs on the caller's goroutine, extra attempts on their own. A call
// that is not hedged therefore starts no goroutine. In return, the function has to return
// soon after its context ends: if an extra attempt wins, the call returns only when the
// first attempt has returned. For functions that ignore their context, set
// Config.Abandon.
//
// The first success wins. The contexts of the other attempts end with the cause
// [ErrLost]. The call does not wait for them; values that they still return go to the
// function of [Hedge.WithDiscard]. A failure ends the call only if no other attempt is
// running. To try again after a failure, put package retry outside the hedge.
//
// Extra attempts run under a context for which [policy.Speculative] is true. An inner
// bulkhead or rate limit admits them only if they need not wait.
package hedge
