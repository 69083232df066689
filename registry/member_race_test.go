package registry_test

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/ratelimit"
	"github.com/ductile-go/ductile/registry"
)

// A Get that has read an older state adds to a member what that state declares, at the time
// when a reload adds to it what a newer one does. The reload must add its part again.
func TestAMemberLosesNothingThatTwoGoroutinesAddToIt(t *testing.T) {
	first, second := hosts(registry.FamilySpec{}), hosts(registry.FamilySpec{})
	limit := &registry.RateLimitSpec{Config: ratelimit.Config{Limit: 100}}
	first.Families["hosts"] = registry.FamilySpec{Pipeline: "charge", RateLimit: limit}
	second.Families["hosts"] = registry.FamilySpec{Pipeline: "charge", RateLimit: limit, Throttle: &registry.ThrottleSpec{}}
	first.Circuits["stripe"] = registry.CircuitSpec{Config: breaker.Config{FailureThreshold: 9}}
	second.Circuits["stripe"] = first.Circuits["stripe"]

	for n := range int64(5) { // readings of the reload before the Get goes on
		var read atomic.Pointer[func()]
		clk := nowClock{fake.NewClock(), func() {
			if f := read.Load(); f != nil {
				(*f)()
			}
		}}
		r := made(t, hosts(registry.FamilySpec{}), registry.WithClock(&clk))
		l := familyOf(t, r, "hosts").Get("a")
		texts, err := registry.Keyed[string](r, "hosts")
		require.NoError(t, err)

		var getting sync.WaitGroup
		makes, goOn := make(chan struct{}), make(chan struct{})
		proceed := sync.OnceFunc(func() {
			close(goOn)
			getting.Wait()
		})
		inGet := int64(0)
		get := func() { // the map of members reads the clock, and then the limiter does
			if inGet++; inGet == 2 {
				read.Store(nil)
				close(makes)
				<-goOn
			}
		}
		reload := func() {
			if n--; n == -1 {
				read.Store(nil)
				proceed()
			}
		}
		once := true
		// The function runs when the first reload has begun, and has not come to the family.
		// It leaves the rest of it to a turn that begins anew, from the second.
		circuitOf(t, r, "stripe").Watch(func(breaker.Transition) {
			if !once {
				return
			}
			once = false
			read.Store(&get)
			getting.Go(func() { texts.Get("a") })
			<-makes
			apply(t, r, second)
			read.Store(&reload)
			runtime.Goexit()
		})
		var applying sync.WaitGroup
		applying.Go(func() { _, _ = r.Apply(first) })
		applying.Wait()
		read.Store(nil)
		proceed()
		for _, text := range []string{l.String(), texts.Get("a").String()} {
			assert.Equal(t, "breaker(stripe) > throttle(hosts) > ratelimit(hosts, 100/1s)", text)
		}
	}
}
