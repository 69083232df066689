package ratelimit_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/ratelimit"
)

func TestAdmittedAndRefusedCallsAllocateNothing(t *testing.T) {
	ctx := t.Context()
	soon, cancel := context.WithTimeout(ctx, time.Hour)
	defer cancel()
	for name, l := range map[string]*ratelimit.Limiter{
		"let in":                      plenty(),
		"refused":                     none(),
		"refused beyond MaxWait":      emptied(ratelimit.Config{Limit: 1, Per: time.Hour, MaxWait: time.Minute}),
		"refused beyond its deadline": emptied(ratelimit.Config{Limit: 1, Per: 2 * time.Hour, MaxWait: -1}),
		"refused in a pause":          paused(),
		"let in with a cost":          ratelimit.NewLimiter(ratelimit.Config{Limit: 1e9, Burst: 1e6, Cost: func(context.Context) int { return 3 }}),
		"on a clock":                  ratelimit.NewLimiter(ratelimit.Config{Limit: 1e9, Burst: 1e6, Clock: fake.NewClock()}),
	} {
		t.Run(name, func(t *testing.T) {
			p := pipeline.New[int](ratelimit.New[int](l))
			alone := ratelimit.New[int](l)
			assert.Zero(t, testing.AllocsPerRun(100, func() { _, _ = p.Do(soon, succeed) }))
			assert.Zero(t, testing.AllocsPerRun(100, func() { _, _ = alone.Do(soon, succeed) }))
			assert.Zero(t, testing.AllocsPerRun(100, func() { _, _ = ratelimit.Do(soon, l, succeed) }))
			assert.Zero(t, testing.AllocsPerRun(100, func() { l.Allow(1) }))
			assert.Zero(t, testing.AllocsPerRun(100, func() { _ = alone.Refusal(soon, 0) }))
			if l.Snapshot().Rejected > 0 && name != "refused beyond its deadline" {
				assert.Zero(t, testing.AllocsPerRun(100, func() { _, _ = l.Reserve(1, 0) }))
			}
		})
	}
}

func emptied(cfg ratelimit.Config) *ratelimit.Limiter {
	l := ratelimit.NewLimiter(cfg)
	drain(l)
	return l
}

func paused() *ratelimit.Limiter {
	l := plenty()
	l.Pause(time.Hour)
	return l
}
