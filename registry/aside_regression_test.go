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
