package policytest

import (
	"context"
	"fmt"
	"maps"
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ductile-go/ductile/policy"
)

// everyCheck names what is checked of a policy that there is.
func everyCheck() []string {
	var names []string
	for _, c := range checks[1:] {
		names = append(names, c.name)
	}
	return names
}

// elsewhere runs next on a goroutine of its own and leaves it at a cancel.
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

// heard keeps what a check reports.
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

func TestWhatWentBeforeACallThatNeverReturnsIsSaid(t *testing.T) {
	for _, c := range checks {
		if c.name != "panics pass through and take nothing" {
			continue
		}
		h := &heard{}
		c.in(t, h, wrongResults["keeps a place that others wait for"].build)
		assert.Len(t, h.said, 1)
		assert.Contains(t, h.said[0], "a call after panic 1 had not returned")
	}
}

func TestNoPolicyIsSaidOnce(t *testing.T) {
	h := &heard{}
	assert.True(t, checks[0].in(t, h, func() policy.Policy[int] { return nil }), "there is nothing to check")
	assert.Equal(t, []string{"policytest: build returned nil, want a policy"}, h.said)
}

func TestEachFaultIsFoundByTheChecksForIt(t *testing.T) {
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
