package policytest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ductile-go/ductile/policy"
)

// does is a policy made of a function, which runs only if ctx has not ended.
type does func(ctx context.Context, next policy.Call[int]) (int, error)

func (d does) Execute(ctx context.Context, next policy.Call[int]) (int, error) {
	if ctx.Err() != nil {
		return 0, policy.Ended(ctx)
	}
	return d(ctx, next)
}

// careless is a policy made of a function that runs in any case.
type careless does

func (c careless) Execute(ctx context.Context, next policy.Call[int]) (int, error) {
	return c(ctx, next)
}

// fault is a policy with one fault, and the checks that report it.
type fault struct {
	build   func() policy.Policy[int]
	foundBy []string
}

// wrongResults are faults in what a policy returns.
var wrongResults = map[string]fault{
	"runs under an ended context": {
		func() policy.Policy[int] {
			return careless(func(ctx context.Context, next policy.Call[int]) (int, error) { return next.Do(ctx) })
		},
		[]string{"an ended context runs nothing"},
	},
	"drops the cause": {
		func() policy.Policy[int] {
			return careless(func(ctx context.Context, next policy.Call[int]) (int, error) {
				if ctx.Err() != nil {
					return 0, ctx.Err()
				}
				return next.Do(ctx)
			})
		},
		[]string{"an ended context runs nothing"},
	},
	"waits before it refuses": {
		func() policy.Policy[int] {
			return careless(func(ctx context.Context, next policy.Call[int]) (int, error) {
				if ctx.Err() != nil {
					time.Sleep(time.Second)
					return 0, policy.Ended(ctx)
				}
				return next.Do(ctx)
			})
		},
		[]string{"an ended context runs nothing"},
	},
	"loses the value": {
		func() policy.Policy[int] {
			return does(func(ctx context.Context, next policy.Call[int]) (int, error) {
				_, err := next.Do(ctx)
				return 0, err
			})
		},
		[]string{
			"a success is returned and ends the call", "a success survives a cancel", "a success survives a deadline", "panics pass through and keep no place",
			"Goexit passes through and keeps no place",
			"failures keep no place", "callers that leave keep no place", "concurrent calls do not mix",
		},
	},
	"runs twice": {
		func() policy.Policy[int] {
			return does(func(ctx context.Context, next policy.Call[int]) (int, error) {
				_, _ = next.Do(ctx)
				return next.Do(ctx)
			})
		},
		[]string{
			"a success is returned and ends the call", "a cancel reaches every run",
		},
	},
	"drops a success": {
		func() policy.Policy[int] {
			return does(func(ctx context.Context, next policy.Call[int]) (int, error) {
				v, err := next.Do(ctx)
				if ctx.Err() != nil {
					return 0, policy.Ended(ctx)
				}
				return v, err
			})
		},
		[]string{"a success survives a cancel", "a success survives a deadline"},
	},
	"drops a success after a deadline": {
		func() policy.Policy[int] {
			return does(func(ctx context.Context, next policy.Call[int]) (int, error) {
				v, err := next.Do(ctx)
				if errors.Is(ctx.Err(), context.DeadlineExceeded) {
					return 0, policy.Ended(ctx)
				}
				return v, err
			})
		},
		[]string{"a success survives a deadline"},
	},
	"returns at a cancel without the cause": {
		func() policy.Policy[int] {
			return does(func(ctx context.Context, next policy.Call[int]) (int, error) {
				return elsewhere(ctx, next, func() error { return ctx.Err() })
			})
		},
		[]string{"a success survives a cancel", "a success survives a deadline"},
	},
	"hides the error": {
		func() policy.Policy[int] {
			return does(func(ctx context.Context, next policy.Call[int]) (int, error) {
				v, err := next.Do(ctx)
				if err != nil && ctx.Err() == nil {
					err = fmt.Errorf("it failed: %v", err) //nolint:errorlint // the fault
				}
				return v, err
			})
		},
		[]string{"an error matches the one of the function", "concurrent calls do not mix"},
	},
	"refuses without ErrRejected": {
		func() policy.Policy[int] {
			return does(func(context.Context, policy.Call[int]) (int, error) { return 0, errors.New("no") })
		},
		[]string{
			"a success is returned and ends the call", "a success survives a cancel", "a success survives a deadline", "an error matches the one of the function",
			"panics pass through and keep no place", "Goexit passes through and keeps no place",
			"failures keep no place", "callers that leave keep no place", "concurrent calls do not mix",
		},
	},
	"swallows panics": {
		func() policy.Policy[int] {
			return does(func(ctx context.Context, next policy.Call[int]) (v int, err error) {
				defer func() {
					if r := recover(); r != nil {
						err = fmt.Errorf("panic: %v", r)
					}
				}()
				return next.Do(ctx)
			})
		},
		[]string{"panics pass through and keep no place"},
	},
	"swallows panics that are no errors": {
		func() policy.Policy[int] {
			return does(func(ctx context.Context, next policy.Call[int]) (v int, err error) {
				defer func() {
					switch r := recover().(type) {
					case nil:
					case error:
						panic(r)
					default:
						err = fmt.Errorf("panic: %v", r)
					}
				}()
				return next.Do(ctx)
			})
		},
		[]string{"panics pass through and keep no place"},
	},
	"swallows panics but for errors and strings": {
		func() policy.Policy[int] {
			return does(func(ctx context.Context, next policy.Call[int]) (v int, err error) {
				defer func() {
					switch r := recover().(type) {
					case nil:
					case error, string:
						panic(r)
					default:
						err = fmt.Errorf("panic: %v", r)
					}
				}()
				return next.Do(ctx)
			})
		},
		[]string{"panics pass through and keep no place"},
	},
	"raises another panic": {
		func() policy.Policy[int] {
			return does(func(ctx context.Context, next policy.Call[int]) (int, error) {
				defer func() {
					if r := recover(); r != nil {
						panic(fmt.Sprint(r))
					}
				}()
				return next.Do(ctx)
			})
		},
		[]string{"panics pass through and keep no place"},
	},
	"survives Goexit": {
		func() policy.Policy[int] {
			return does(func(ctx context.Context, next policy.Call[int]) (v int, err error) {
				err = policy.ErrNoReturn
				var boom any
				var wg sync.WaitGroup
				wg.Go(func() {
					defer func() { boom = recover() }()
					v, err = next.Do(ctx)
				})
				wg.Wait()
				if boom != nil {
					panic(boom)
				}
				return v, err
			})
		},
		[]string{"Goexit passes through and keeps no place"},
	},
	"keeps a place after a panic or Goexit": {
		func() policy.Policy[int] {
			places := make(chan struct{}, 16)
			return does(func(ctx context.Context, next policy.Call[int]) (int, error) {
				select {
				case places <- struct{}{}:
				default:
					return 0, policy.ErrRejected
				}
				v, err := next.Do(ctx)
				<-places
				return v, err
			})
		},
		[]string{"panics pass through and keep no place", "Goexit passes through and keeps no place"},
	},
	"keeps a place that others wait for": {
		func() policy.Policy[int] {
			places := make(chan struct{}, 1)
			return does(func(ctx context.Context, next policy.Call[int]) (int, error) {
				select {
				case places <- struct{}{}:
				case <-ctx.Done():
					return 0, policy.Ended(ctx)
				}
				v, err := next.Do(ctx)
				<-places
				return v, err
			})
		},
		[]string{
			"panics pass through and keep no place", "Goexit passes through and keeps no place",
			"nothing is left behind",
		},
	},
	"keeps the place of a failure": {
		func() policy.Policy[int] {
			return oneAtATime(func(_ context.Context, err error) bool { return err != nil })
		},
		[]string{"failures keep no place", "callers that leave keep no place"},
	},
	"keeps the place of a caller that leaves": {
		func() policy.Policy[int] {
			return oneAtATime(func(ctx context.Context, _ error) bool { return errors.Is(ctx.Err(), context.Canceled) })
		},
		[]string{"callers that leave keep no place"},
	},
	"keeps the place of a caller whose deadline passes": {
		func() policy.Policy[int] {
			return oneAtATime(func(ctx context.Context, _ error) bool { return errors.Is(ctx.Err(), context.DeadlineExceeded) })
		},
		[]string{"callers that leave keep no place"},
	},
	"keeps the place of a caller that has left": {
		func() policy.Policy[int] {
			places := make(chan struct{}, 1)
			return careless(func(ctx context.Context, next policy.Call[int]) (int, error) {
				select {
				case places <- struct{}{}:
				default:
					return 0, errors.Join(policy.ErrRejected, policy.Ended(ctx))
				}
				if ctx.Err() != nil {
					return 0, policy.Ended(ctx)
				}
				defer func() { <-places }()
				return next.Do(ctx)
			})
		},
		[]string{"callers that leave keep no place"},
	},
	"keeps the queue place of a caller that leaves": {
		func() policy.Policy[int] {
			places := make(chan struct{}, 1)
			queue := make(chan struct{}, 16)
			return does(func(ctx context.Context, next policy.Call[int]) (int, error) {
				select {
				case queue <- struct{}{}:
				default:
					return 0, policy.ErrRejected
				}
				select {
				case places <- struct{}{}:
				case <-ctx.Done():
					return 0, policy.Ended(ctx)
				}
				<-queue
				defer func() { <-places }()
				return next.Do(ctx)
			})
		},
		[]string{"callers that leave keep no place"},
	},
	"refuses for ever after a failure": {
		func() policy.Policy[int] {
			var failed atomic.Bool
			return does(func(ctx context.Context, next policy.Call[int]) (int, error) {
				if failed.Load() {
					return 0, policy.ErrRejected
				}
				v, err := next.Do(ctx)
				if err != nil {
					failed.Store(true)
				}
				return v, err
			})
		},
		[]string{"failures keep no place", "callers that leave keep no place"},
	},
}

// oneAtATime has one permit, which it loses after the calls that keeps returns true for.
func oneAtATime(keeps func(context.Context, error) bool) does {
	places := make(chan struct{}, 1)
	return func(ctx context.Context, next policy.Call[int]) (v int, err error) {
		select {
		case places <- struct{}{}:
		default:
			return 0, policy.ErrRejected
		}
		defer func() {
			if !keeps(ctx, err) {
				<-places
			}
		}()
		return next.Do(ctx)
	}
}
