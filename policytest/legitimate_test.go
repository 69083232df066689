package policytest_test

import (
	"context"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/ductile-go/ductile/policy"
)

// own is a policy of somebody's own, that looks at its context first.
type own func(ctx context.Context, next policy.Call[int]) (int, error)

func (o own) Execute(ctx context.Context, next policy.Call[int]) (int, error) {
	if ctx.Err() != nil {
		return 0, policy.Ended(ctx)
	}
	return o(ctx, next)
}

// legitimate are policies that nobody would call broken, and that do what none of
// ductile's own does.
var legitimate = map[string]func() policy.Policy[int]{
	"two at once":   func() policy.Policy[int] { return hedge(0) },
	"two in a row":  func() policy.Policy[int] { return hedge(500 * time.Microsecond) },
	"two, later on": func() policy.Policy[int] { return hedge(time.Millisecond) },
	"one for all":   shared,
	"one at a time": func() policy.Policy[int] { return queue(1) },
	"ten at a time": func() policy.Policy[int] { return queue(10) },
}

// result is what a function on another goroutine came to.
type result struct {
	v        int
	err      error
	panicked any
	exited   bool
}

// raise gives the result to the one who waited for it.
func (r result) raise() (int, error) {
	if r.panicked != nil {
		panic(r.panicked)
	}
	if r.exited {
		runtime.Goexit()
	}
	return r.v, r.err
}

// run gives out what next came to.
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

// hedge begins next a second time after a while, and takes the first success.
func hedge(after time.Duration) own {
	return func(ctx context.Context, next policy.Call[int]) (int, error) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		results := make(chan result, 2)
		begin := func() { go run(ctx, next, func(r result) { results <- r }) }
		begin()
		// By a function: a timer's channel that is ready as a select comes to it, in a
		// bubble, crashes the race detector of Go 1.26 once in a while.
		due := make(chan struct{}, 1)
		defer time.AfterFunc(after, func() { due <- struct{}{} }).Stop()
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

// queue has calls wait for a place.
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

// shared has calls that come during another wait for what that one comes to.
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
		mine.err = policy.ErrRejected // for those who wait for one that panics
		mine.v, mine.err = next.Do(ctx)
		return mine.v, mine.err
	})
}
