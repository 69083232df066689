package policytest_test

import (
	"context"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/ductile-go/ductile/policy"
)

// own is a policy as a user of this module may write one.
type own func(ctx context.Context, next policy.Call[int]) (int, error)

func (o own) Execute(ctx context.Context, next policy.Call[int]) (int, error) {
	if ctx.Err() != nil {
		return 0, policy.Ended(ctx)
	}
	return o(ctx, next)
}

// legitimate are correct policies that do what none of this module's policies does.
var legitimate = map[string]func() policy.Policy[int]{
	"two at once":   func() policy.Policy[int] { return hedge(0) },
	"two in a row":  func() policy.Policy[int] { return hedge(500 * time.Microsecond) },
	"two, later on": func() policy.Policy[int] { return hedge(time.Millisecond) },
	"one for all":   shared,
	"one at a time": func() policy.Policy[int] { return queue(1) },
	"ten at a time": func() policy.Policy[int] { return queue(10) },
	"a delay":       func() policy.Policy[int] { return delay(10 * time.Millisecond) },
}

// delay waits before it runs next.
func delay(d time.Duration) own {
	return func(ctx context.Context, next policy.Call[int]) (int, error) {
		if err := policy.Sleep(ctx, nil, d); err != nil {
			return 0, err
		}
		return next.Do(ctx)
	}
}

// result is how a function on another goroutine ended.
type result struct {
	v        int
	err      error
	panicked any
	exited   bool
}

// raise ends the caller's goroutine, or its call, as the function has ended.
func (r result) raise() (int, error) {
	if r.panicked != nil {
		panic(r.panicked)
	}
	if r.exited {
		runtime.Goexit()
	}
	return r.v, r.err
}

// run calls next and passes on how it ended, a panic and Goexit included.
func run(ctx context.Context, next policy.Call[int], out func(result)) {
	r := result{exited: true}
	defer func() {
		if r.panicked = recover(); r.panicked != nil {
			r.exited = false
		}
		out(r)
	}()
	r.v, r.err = next.Do(ctx)
	r.exited = false
}

// hedge runs next a second time if it has not returned after a while, and returns the
// first success.
func hedge(after time.Duration) own {
	return func(ctx context.Context, next policy.Call[int]) (int, error) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		results := make(chan result, 2)
		begin := func() { go run(ctx, next, func(r result) { results <- r }) }
		begin()
		// policy.AfterFunc and not time's: of two goroutines of one bubble that run a timer
		// which is due at once, the race detector of Go 1.26 may crash.
		due := make(chan struct{}, 1)
		defer policy.AfterFunc(nil, after, func() { due <- struct{}{} })()
		begun, failed := 1, 0
		for {
			select {
			case <-due:
				if ctx.Err() == nil {
					begun++
					begin()
				}
			case r := <-results:
				if failed++; r.err == nil || failed == begun {
					return r.raise()
				}
			}
		}
	}
}

// queue has calls wait for a permit.
func queue(places int) own {
	taken := make(chan struct{}, places)
	return func(ctx context.Context, next policy.Call[int]) (int, error) {
		select {
		case taken <- struct{}{}:
			defer func() { <-taken }()
			return next.Do(ctx)
		case <-ctx.Done():
			return 0, policy.Ended(ctx)
		}
	}
}

// shared has concurrent calls share the result of the first.
func shared() policy.Policy[int] {
	type flight struct {
		landed chan struct{}
		result
	}
	var current atomic.Pointer[flight]
	return own(func(ctx context.Context, next policy.Call[int]) (int, error) {
		mine := &flight{landed: make(chan struct{})}
		for !current.CompareAndSwap(nil, mine) {
			other := current.Load()
			if other == nil {
				continue
			}
			select {
			case <-other.landed:
				return other.v, other.err
			case <-ctx.Done():
				return 0, policy.Ended(ctx)
			}
		}
		defer func() {
			current.Store(nil)
			close(mine.landed)
		}()
		mine.err = policy.ErrRejected // for those that share a call that panics
		mine.v, mine.err = next.Do(ctx)
		return mine.v, mine.err
	})
}
