package policytest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ductile-go/ductile/policy"
)

// secondRun is a policy that runs a failing function again, with the context that in
// returns.
func secondRun(in func(context.Context) (context.Context, context.CancelFunc)) does {
	return func(ctx context.Context, next policy.Call[int]) (int, error) {
		v, err := next.Do(ctx)
		if err == nil || ctx.Err() != nil {
			return v, err
		}
		another, cancel := in(ctx)
		defer cancel()
		return next.Do(another)
	}
}

// valueless is a context without the caller's value.
type valueless struct{ context.Context }

func (v valueless) Value(key any) any {
	if key == (valueKey{}) {
		return nil
	}
	return v.Context.Value(key)
}

// wrongManners are faults in what a policy gives to the function and leaves behind.
var wrongManners = map[string]fault{
	"runs outside the caller's context": {
		func() policy.Policy[int] {
			return does(func(ctx context.Context, next policy.Call[int]) (int, error) {
				v, err := next.Do(context.Background())
				if err != nil && ctx.Err() != nil {
					return v, policy.Ended(ctx)
				}
				return v, err
			})
		},
		[]string{
			"values reach every run", "the deadline reaches every run", "a cancel reaches every run",
			"concurrent calls do not mix",
		},
	},
	"keeps the values and nothing else": {
		func() policy.Policy[int] {
			return does(func(ctx context.Context, next policy.Call[int]) (int, error) {
				return next.Do(context.WithoutCancel(ctx))
			})
		},
		[]string{"the deadline reaches every run", "a cancel reaches every run"},
	},
	"keeps nothing but values in a second run": {
		func() policy.Policy[int] {
			return secondRun(func(ctx context.Context) (context.Context, context.CancelFunc) {
				return context.WithoutCancel(ctx), func() {}
			})
		},
		[]string{"the deadline reaches every run", "a cancel reaches every run"},
	},
	"keeps all but values in a second run": {
		func() policy.Policy[int] {
			return secondRun(func(ctx context.Context) (context.Context, context.CancelFunc) {
				return valueless{ctx}, func() {}
			})
		},
		[]string{"values reach every run", "concurrent calls do not mix"},
	},
	"extends the deadline in a second run": {
		func() policy.Policy[int] {
			return secondRun(func(ctx context.Context) (context.Context, context.CancelFunc) {
				deadline, ok := ctx.Deadline()
				if !ok {
					return ctx, func() {}
				}
				return context.WithDeadline(context.WithoutCancel(ctx), deadline.Add(time.Hour))
			})
		},
		[]string{"the deadline reaches every run"},
	},
	"gives another cause": {
		func() policy.Policy[int] {
			return does(func(ctx context.Context, next policy.Call[int]) (int, error) {
				inner, cancel := context.WithCancel(context.WithoutCancel(ctx))
				defer cancel()
				defer context.AfterFunc(ctx, cancel)()
				if d, ok := ctx.Deadline(); ok {
					inner, cancel = context.WithDeadline(inner, d)
					defer cancel()
				}
				return next.Do(inner)
			})
		},
		[]string{"a cancel reaches every run"},
	},
	"reports a cancel as a rejection": {
		func() policy.Policy[int] {
			return does(func(ctx context.Context, next policy.Call[int]) (int, error) {
				v, err := next.Do(ctx)
				if errors.Is(err, context.Canceled) {
					err = policy.ErrRejected
				}
				return v, err
			})
		},
		[]string{"a cancel reaches every run"},
	},
	"sleeps through a cancel": {
		func() policy.Policy[int] {
			return does(func(ctx context.Context, next policy.Call[int]) (int, error) {
				v, err := next.Do(ctx)
				if err != nil {
					time.Sleep(time.Second)
				}
				return v, err
			})
		},
		[]string{"a cancelled call returns at once", "a call returns at its deadline"},
	},
	"sleeps past a deadline": {
		func() policy.Policy[int] {
			return does(func(ctx context.Context, next policy.Call[int]) (int, error) {
				v, err := next.Do(ctx)
				if _, ok := ctx.Deadline(); err != nil && ok {
					time.Sleep(time.Hour)
				}
				return v, err
			})
		},
		[]string{"a call returns at its deadline"},
	},
	"queues without looking at the context": {
		func() policy.Policy[int] { return queue(1) },
		[]string{"no lock is held while the function runs"},
	},
	"queues behind several without looking at the context": {
		func() policy.Policy[int] { return queue(2) },
		[]string{"a cancelled call returns at once", "a call returns at its deadline"},
	},
	"tries again after a cancel": {
		func() policy.Policy[int] {
			return does(func(ctx context.Context, next policy.Call[int]) (v int, err error) {
				for range 15 {
					if v, err = next.Do(ctx); err == nil || errors.Is(err, context.Canceled) {
						break
					}
				}
				return v, err
			})
		},
		[]string{"a cancelled call returns at once", "a call returns at its deadline"},
	},
	"shares the last error": {
		func() policy.Policy[int] {
			var last atomic.Pointer[error]
			return does(func(ctx context.Context, next policy.Call[int]) (int, error) {
				v, err := next.Do(ctx)
				if err != nil {
					last.CompareAndSwap(nil, &err)
					return v, *last.Load()
				}
				return v, nil
			})
		},
		[]string{"concurrent calls do not mix"},
	},
	"shares the last value": {
		func() policy.Policy[int] {
			var last atomic.Int64
			return does(func(ctx context.Context, next policy.Call[int]) (int, error) {
				v, err := next.Do(ctx)
				if err != nil {
					return v, err
				}
				last.CompareAndSwap(0, int64(v))
				return int(last.Load()), nil
			})
		},
		[]string{"concurrent calls do not mix"},
	},
	"keeps its counter": {
		func() policy.Policy[int] {
			var tries atomic.Int64
			return does(func(ctx context.Context, next policy.Call[int]) (int, error) {
				for {
					v, err := next.Do(ctx)
					if err == nil || ctx.Err() != nil || tries.Add(1) >= 3 {
						return v, err
					}
				}
			})
		},
		[]string{"later calls run as often as the first"},
	},
	"loses an attempt now and then": {
		func() policy.Policy[int] {
			var calls atomic.Int64
			return does(func(ctx context.Context, next policy.Call[int]) (v int, err error) {
				for range max(1, 3-calls.Add(1)/100) {
					if v, err = next.Do(ctx); err == nil || ctx.Err() != nil {
						break
					}
				}
				return v, err
			})
		},
		[]string{"later calls run as often as the first"},
	},
	"adds an attempt to every call that fails": {
		func() policy.Policy[int] {
			var failed atomic.Int64
			return does(func(ctx context.Context, next policy.Call[int]) (v int, err error) {
				for range 1 + min(3, failed.Load()) {
					if v, err = next.Do(ctx); err == nil || ctx.Err() != nil {
						return v, err
					}
				}
				failed.Add(1)
				return v, err
			})
		},
		[]string{"later calls run as often as the first"},
	},
	"leaves a goroutine": {
		func() policy.Policy[int] {
			var left atomic.Bool // one is enough, and the race detector allows only 8,000
			return does(func(ctx context.Context, next policy.Call[int]) (int, error) {
				if !left.Swap(true) {
					go time.Sleep(1000 * day)
				}
				return next.Do(ctx)
			})
		},
		slices.Delete(everyCheck(), 1, 2), // an ended context is refused before the goroutine starts
	},
	"leaves a child of the context": {
		func() policy.Policy[int] {
			var kept atomic.Pointer[context.CancelFunc]
			return does(func(ctx context.Context, next policy.Call[int]) (int, error) {
				inner, cancel := context.WithCancel(ctx)
				kept.Store(&cancel) // but never called
				return next.Do(inner)
			})
		},
		[]string{"nothing is left behind"},
	},
	"holds a lock": {
		func() policy.Policy[int] {
			var mu sync.Mutex
			return does(func(ctx context.Context, next policy.Call[int]) (int, error) {
				mu.Lock()
				defer mu.Unlock()
				return next.Do(ctx)
			})
		},
		[]string{"no lock is held while the function runs"},
	},
	"holds a sync.Once": {
		func() policy.Policy[int] {
			var once sync.Once
			return does(func(ctx context.Context, next policy.Call[int]) (v int, err error) {
				again := true
				once.Do(func() {
					again = false
					v, err = next.Do(ctx)
				})
				if again {
					return next.Do(ctx)
				}
				return v, err
			})
		},
		[]string{"no lock is held while the function runs"},
	},
	"never returns": {
		func() policy.Policy[int] {
			return careless(func(context.Context, policy.Call[int]) (int, error) { select {} })
		},
		everyCheck(),
	},
}

// queue has calls wait for a place, and looks at the context only when they have one.
func queue(places int) does {
	taken := make(chan struct{}, places)
	return func(ctx context.Context, next policy.Call[int]) (int, error) {
		taken <- struct{}{}
		defer func() { <-taken }()
		if ctx.Err() != nil {
			return 0, policy.Ended(ctx)
		}
		return next.Do(ctx)
	}
}
