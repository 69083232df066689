package registry_test

import (
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/ratelimit"
	"github.com/ductile-go/ductile/registry"
)

// A Get that makes a member may have to put a reload in force. An Apply that comes while it
// does so leaves its own work to it, so the Get owes the watchers of the Apply their calls.
func TestWatchersAreCalledForAnApplyThatAGetPutsInForce(t *testing.T) {
	const instants = 6 // readings of the clock in a Get, and more
	// A limiter reads its clock also when it is reconfigured, which the Get does.
	limited := func(n int) registry.Spec {
		return hosts(registry.FamilySpec{RateLimit: &registry.RateLimitSpec{Config: ratelimit.Config{Limit: n}}})
	}
	synctest.Test(t, func(t *testing.T) {
		var r *registry.Registry
		var readings, first, second, applied atomic.Int64 // watchers read the clock too
		var inside atomic.Bool
		clk := nowClock{fake.NewClock(), func() {
			if second.Load() == 0 || inside.Load() {
				return
			}
			if n := readings.Add(1); n != first.Load() && n != second.Load() || !inside.CompareAndSwap(false, true) {
				return
			}
			defer inside.Store(false)
			_, err := r.Apply(limited(1 + int(applied.Add(1))))
			assert.NoError(t, err)
		}}
		r = made(t, limited(1), registry.WithClock(&clk))
		f := familyOf(t, r, "hosts")
		told := make(chan registry.Changes, 2*instants*instants)
		r.Watch(func(c registry.Changes) {
			f.Get("asked by a watcher") // must not wait for the member that is being made
			told <- c
		})
		f.Get("asked by a watcher")
		for n := range instants * instants {
			readings.Store(0)
			first.Store(int64(1 + n/instants))
			second.Store(int64(1 + n%instants))
			f.Get(strconv.Itoa(n))
			second.Store(0)
			synctest.Wait()
			require.Len(t, told, int(applied.Load()), "at readings %v and %v of the clock", 1+n/instants, 1+n%instants)
		}
	})
}

// forking counts the goroutines that are started on it.
type forking struct {
	nowClock
	started int
}

func (f *forking) Go(fn func()) {
	f.started++
	go fn()
}

// The Apply that comes while a Get makes a member has called the watchers itself.
func TestAGetStartsNoGoroutineForWatchersThatHaveBeenCalled(t *testing.T) {
	limited := func(n int) registry.Spec {
		return hosts(registry.FamilySpec{RateLimit: &registry.RateLimitSpec{Config: ratelimit.Config{Limit: n}}})
	}
	applied := 0
	for n := range 6 { // readings of the clock in a Get, and more
		var r *registry.Registry
		left := -1 // readings until the Apply
		clk := &forking{nowClock: nowClock{fake.NewClock(), func() {
			if left--; left == 0 {
				apply(t, r, limited(2))
			}
		}}}
		r = made(t, limited(1), registry.WithClock(clk))
		told := 0
		r.Watch(func(registry.Changes) { told++ })
		f := familyOf(t, r, "hosts")
		left = 1 + n
		l := f.Get("a")
		if left > 0 {
			break // it has not read the clock so often
		}
		applied++
		assert.Contains(t, l.String(), "ratelimit(hosts, 2/1s)")
		assert.Equal(t, 1, told)
		assert.Zero(t, clk.started, "at reading %d", 1+n)
	}
	assert.Positive(t, applied)
}
