package ratelimit_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/ratelimit"
)

// Observed pipelines share clock readings between policies. The time that a limiter takes
// is not that of the policy inside it, and is part of the time of the one outside.
func TestOnlyPoliciesOutsideOfALimiterTakeItsTime(t *testing.T) {
	slow := func(context.Context) int { time.Sleep(time.Second); return 1 }
	for name, make := range map[string]func() *ratelimit.RateLimit[int]{
		"a wait": func() *ratelimit.RateLimit[int] {
			l := ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Burst: 1, MaxWait: -1})
			require.True(t, l.Allow(1))
			return ratelimit.New[int](l)
		},
		"a cost": func() *ratelimit.RateLimit[int] {
			return ratelimit.New[int](ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Burst: 9, Cost: slow}))
		},
		"a new cost": func() *ratelimit.RateLimit[int] {
			l := ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Burst: 9})
			p := ratelimit.New[int](l)
			require.NoError(t, l.Reconfigure(ratelimit.Config{Limit: 1, Burst: 9, Cost: slow}))
			return p
		},
		"a pause function": func() *ratelimit.RateLimit[int] {
			l := ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Burst: 9})
			return ratelimit.New[int](l).WithPause(func(int, error) time.Duration { time.Sleep(time.Second); return 0 })
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rec := fake.NewRecorder()
				circuit := func(name string) policy.Policy[int] {
					return breaker.New[int](breaker.NewCircuit(breaker.Config{Name: name, FailureThreshold: 1}))
				}
				chain := policy.NewChain[int]("p", []policy.Listener{{
					Observe: rec.Observe, Kinds: []policy.EventKind{policy.Judged, policy.Finished},
				}}, circuit("outside"), make(), circuit("inside"))
				_, err := chain.Call(succeed).Do(t.Context())
				require.NoError(t, err)
				events := rec.Events()
				require.Len(t, events, 3)
				assert.Equal(t, "inside", events[0].Name)
				assert.Zero(t, events[0].Took)
				assert.Equal(t, "outside", events[1].Name)
				assert.Equal(t, time.Second, events[1].Took)
				assert.Equal(t, time.Second, events[2].Elapsed)
			})
		})
	}
}

// foreign is a context of a type that the standard library does not know. A child that is
// not cancelled leaves a goroutine behind.
type foreign struct {
	context.Context
	done chan struct{}
}

func (f foreign) Done() <-chan struct{} { return f.done }

func TestAWaitLeavesNothingBehindInItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // reports goroutines that are left
		l := ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Burst: 1})
		require.True(t, l.Allow(1))
		require.NoError(t, l.Wait(foreign{context.Background(), make(chan struct{})}, 1))
	})
}
