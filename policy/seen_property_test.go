package policy_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
)

// orders calls f with every order of steps.
func orders(steps []string, f func([]string)) {
	var place func(order, left []string)
	place = func(order, left []string) {
		if len(left) == 0 {
			f(order)
			return
		}
		for i := range left {
			rest := append(append([]string(nil), left[:i]...), left[i+1:]...)
			place(append(append([]string(nil), order...), left[i]), rest)
		}
	}
	place(nil, steps)
}

// firstLooks are the ways to find out that a context has ended.
var firstLooks = map[string]func(context.Context){
	"Err":     func(c context.Context) { _ = c.Err() },
	"Cause":   func(c context.Context) { _ = context.Cause(c) },
	"Done":    func(c context.Context) { c.Done() },
	"derived": func(c context.Context) { _, cancel := context.WithCancel(c); cancel() },
}

// The parent's end, the limit, a first look and the return of the call happen in every
// order, and the context is looked at again after each.
func TestAContextNeverChangesHowItEnded(t *testing.T) {
	parents := map[string]func(context.Context) (context.Context, func()){
		"cancelled": func(ctx context.Context) (context.Context, func()) {
			ctx, cancel := context.WithCancelCause(ctx)
			return ctx, func() { cancel(errDown) }
		},
		"cancelled, with a later deadline": func(ctx context.Context) (context.Context, func()) {
			ctx, stop := context.WithTimeout(ctx, time.Hour)
			return ctx, stop
		},
		"ended by its deadline": func(ctx context.Context) (context.Context, func()) {
			ctx, stop := context.WithTimeoutCause(ctx, 3*time.Second, errDown)
			return ctx, func() { time.Sleep(3 * time.Second); synctest.Wait(); stop() }
		},
	}
	for parent, make := range parents {
		for look, first := range firstLooks {
			for _, clocked := range []bool{false, true} {
				orders([]string{"parent", "limit", "look", "return"}, func(order []string) {
					name := fmt.Sprint(parent, ", first look by ", look, ", on a clock: ", clocked, ", ", order)
					synctest.Test(t, func(t *testing.T) { seenStays(t, name, order, first, make, clocked) })
				})
			}
		}
	}
}

func seenStays(t *testing.T, name string, order []string, first func(context.Context), parent func(context.Context) (context.Context, func()), clocked bool) {
	outer, cancel := context.WithCancel(t.Context())
	defer cancel()
	ctx, end := parent(outer)
	clk := fake.NewClock()
	cfg := policy.TimeoutConfig{After: 2 * time.Second}
	if clocked {
		cfg.Clock = clk
	}
	var inner context.Context
	inside, leave, left := make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(left)
		_, _ = policy.NewTimeout[int](cfg).Do(ctx, func(c context.Context) (int, error) {
			inner = c
			close(inside)
			<-leave
			return 0, errDown
		})
	}()
	<-inside
	var seen []error
	again := func(after string) {
		err, cause := inner.Err(), context.Cause(inner)
		if seen == nil && err != nil {
			seen = []error{err, cause}
		}
		if seen != nil {
			assert.Equal(t, seen, []error{err, cause}, "%s: after %s", name, after)
		}
	}
	looked := false
	for _, step := range order {
		switch step {
		case "parent":
			end()
		case "limit":
			time.Sleep(2 * time.Second)
			clk.Advance(2 * time.Second)
		case "look":
			looked = true
			first(inner)
		case "return":
			close(leave)
			<-left
		}
		synctest.Wait()
		if looked {
			again(step)
		}
	}
	end()
	again("the end")
}
