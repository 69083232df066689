package policytest

import (
	"context"
	"fmt"
	"maps"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/policy"
)

// everyCheck returns the names of all checks but the first, which finds that build
// returns nil.
func everyCheck() []string {
	var names []string
	for _, c := range checks[1:] {
		names = append(names, c.name)
	}
	return names
}

// elsewhere runs next on another goroutine and returns early if ctx ends.
func elsewhere(ctx context.Context, next policy.Call[int], left func() error) (int, error) {
	type result struct {
		v        int
		err      error
		panicked any
		exited   bool
	}
	over := make(chan result, 1)
	go func() {
		r := result{exited: true}
		defer func() {
			if r.panicked = recover(); r.panicked != nil {
				r.exited = false
			}
			over <- r
		}()
		r.v, r.err = next.Do(ctx)
		r.exited = false
	}()
	select {
	case r := <-over:
		if r.panicked != nil {
			panic(r.panicked)
		}
		if r.exited {
			runtime.Goexit()
		}
		return r.v, r.err
	case <-ctx.Done():
		return 0, left()
	}
}

// heard is a reporter that keeps the reports.
type heard struct {
	mu   sync.Mutex
	said []string
}

func (h *heard) Helper() {}
func (h *heard) Errorf(format string, args ...any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.said = append(h.said, fmt.Sprintf(format, args...))
}

func TestAReportOfACallThatNeverReturnsNamesTheCallsBeforeIt(t *testing.T) {
	for _, c := range checks {
		if c.name != "panics pass through and keep no place" {
			continue
		}
		h := &heard{}
		c.in(t, h, wrongResults["keeps a place that others wait for"].build)
		assert.Len(t, h.said, 1)
		assert.Contains(t, h.said[0], "a call after panic 1 had not returned")
	}
}

func TestAPolicyThatDelaysCallsForTooLongIsToldToWaitLess(t *testing.T) {
	build := func() policy.Policy[int] {
		return does(func(ctx context.Context, next policy.Call[int]) (int, error) {
			if err := policy.Sleep(ctx, nil, time.Second); err != nil {
				return 0, err
			}
			return next.Do(ctx)
		})
	}
	var said []string
	for _, c := range checks {
		h := &heard{}
		c.in(t, h, build)
		said = append(said, h.said...)
	}
	assert.Equal(t, []string{
		"policytest: a new policy had not run the function when its caller left, after 10.5ms, want it to run before: build a policy whose waits are shorter",
	}, said)
}

func TestANilPolicyIsReportedOnce(t *testing.T) {
	h := &heard{}
	assert.True(t, checks[0].in(t, h, func() policy.Policy[int] { return nil }), "there is nothing to check")
	assert.Equal(t, []string{"policytest: build returned nil, want a policy"}, h.said)
}

func TestEachFaultIsReportedByExactlyItsChecks(t *testing.T) {
	found := map[string]bool{}
	broken := maps.Clone(wrongResults)
	maps.Copy(broken, wrongManners)
	for name, b := range broken {
		t.Run(name, func(t *testing.T) {
			var by []string
			for _, c := range checks[1:] {
				h := &heard{}
				hopeless := false
				t.Run(c.name, func(t *testing.T) { hopeless = c.in(t, h, b.build) })
				assert.Less(t, len(h.said), 4, "each fault is reported once")
				for _, said := range h.said {
					assert.Regexp(t, `^policytest: .*`, said)
				}
				if len(h.said) > 0 {
					by = append(by, c.name)
				}
				if hopeless {
					break
				}
			}
			assert.Equal(t, b.foundBy, by)
			for _, c := range by {
				found[c] = found[c] || len(b.foundBy) < len(everyCheck())
			}
		})
	}
	for _, c := range checks[1:] {
		assert.True(t, found[c.name], "no policy is broken in a way that only some checks find and %q does", c.name)
	}
}

// The policy holds a lock only after a failure, which the first check does not make.
func TestABubbleThatStopsIsReportedWithTheStacks(t *testing.T) {
	var mu sync.Mutex
	build := func() policy.Policy[int] {
		var failed atomic.Bool
		return does(func(ctx context.Context, next policy.Call[int]) (v int, err error) {
			if failed.Load() {
				mu.Lock()
				defer mu.Unlock()
			}
			v, err = next.Do(ctx)
			failed.Store(failed.Load() || err != nil)
			return v, err
		})
	}
	stops := check{"several calls at once fail", func(p *probe) {
		for range 2 {
			var wg sync.WaitGroup
			for range 2 {
				wg.Go(func() { p.do(context.Background(), fails) })
			}
			wg.Wait()
		}
	}}
	h := &heard{}
	// The calls take microseconds to stop, and a busy machine may hold them up for longer.
	w := &watch{every: time.Millisecond, looks: 2000}
	assert.True(t, stops.watched(t, w, h, build), "further checks would stop too")
	require.Len(t, h.said, 1)
	assert.Contains(t, h.said[0], "policytest: no call and no function has begun or ended for 2s of real time")
	assert.Contains(t, h.said[0], "sync.(*Mutex).Lock")
}

func TestABubbleThatMakesStepsIsNotReported(t *testing.T) {
	w := &watch{looks: 3}
	for range 10 {
		w.steps.Add(1)
		assert.False(t, w.look())
	}
	assert.False(t, w.look())
	assert.False(t, w.look())
	assert.True(t, w.look(), "as many looks as it takes have shown no step")
}
