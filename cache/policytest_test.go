package cache_test

import (
	"context"
	"testing"
	"time"

	"github.com/ductile-go/ductile/cache"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/policytest"
)

// kinds lists caches whose calls take different paths. policytest is not for caches that
// answer later calls, so no value is kept where a call should run.
func kinds() map[string]func() policy.Policy[int] {
	always := func(context.Context) (string, bool) { return "a", true }
	refuse := func(int) bool { return false }
	full := config{
		Key: always, TTL: time.Minute, Stale: time.Minute, StaleIfError: time.Minute, NegativeTTL: time.Second,
		Negative: func(error) bool { return false },
	}
	return map[string]func() policy.Policy[int]{
		"no key": func() policy.Policy[int] {
			return cache.New(config{Key: func(context.Context) (string, bool) { return "", false }, TTL: time.Minute})
		},
		"nothing kept": func() policy.Policy[int] { return cache.New(full).WithCacheIf(refuse) },
		"cloned": func() policy.Policy[int] {
			return cache.New(full).WithCacheIf(refuse).WithClone(func(v int) int { return v })
		},
		"on a clock": func() policy.Policy[int] {
			cfg := full
			cfg.Clock = fake.NewClock(fake.AutoAdvance())
			return cache.New(cfg).WithCacheIf(refuse)
		},
		"a store of its own": func() policy.Policy[int] {
			cfg := full
			cfg.Store = newSlow("a")
			return cache.New(cfg).WithCacheIf(refuse)
		},
		"kept for an instant": func() policy.Policy[int] { return cache.New(config{Key: always, TTL: 1}) },
	}
}

func TestACacheKeepsThePolicyContract(t *testing.T) {
	for name, build := range kinds() {
		t.Run(name, func(t *testing.T) { policytest.Run(t, build) })
	}
}
