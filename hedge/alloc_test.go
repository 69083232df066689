package hedge_test

import (
	"context"
	"math"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/ductile-go/ductile/hedge"
	"github.com/ductile-go/ductile/policy"
)

// inTime lists hedges whose first attempt returns before an extra one starts.
var inTime = map[string]hedge.Config{
	"a given delay, no budget": {Delay: time.Hour, Budget: hedge.NoBudget},
	"a given delay":            {Delay: time.Hour},
	"a learned delay":          {MinCalls: 10, MinDelay: time.Hour},
	"on failure":               {Delay: time.Hour, OnFailure: true},
}

func TestAnUnhedgedCallTakesThreeAllocationsAndNoGoroutine(t *testing.T) {
	ctx := context.Background()
	for name, cfg := range inTime {
		h := hedge.New[int](cfg)
		before, fewest := 0, math.MaxInt
		call := policy.CallOf(func(context.Context) (int, error) {
			fewest = min(fewest, runtime.NumGoroutine()-before)
			return 1, nil
		})
		for range 20 { // enough calls to learn the delay
			before = runtime.NumGoroutine()
			_, _ = h.Execute(ctx, call)
		}
		// Goroutines of the runtime and of other tests come and go, but not in every call.
		assert.LessOrEqual(t, fewest, 0, "%s: goroutines that each call adds", name)
		assert.LessOrEqual(t, testing.AllocsPerRun(200, func() { _, _ = h.Execute(ctx, call) }), 3.0, name)
	}
}

func TestAFailedCallAndAPolledContextTakeNoFurtherAllocation(t *testing.T) {
	h := hedge.New[int](hedge.Config{Delay: time.Hour})
	for name, call := range map[string]policy.Call[int]{
		"a failure": policy.CallOf(func(context.Context) (int, error) { return 0, errDown }),
		"a poll":    policy.CallOf(func(ctx context.Context) (int, error) { return 1, ctx.Err() }),
	} {
		assert.LessOrEqual(t, testing.AllocsPerRun(200, func() { _, _ = h.Execute(context.Background(), call) }), 3.0, name)
	}
}

func TestAnUnhedgedCallWithAbandonTakesTenAllocations(t *testing.T) {
	h := hedge.New[int](hedge.Config{Delay: time.Hour, Abandon: true})
	call := policy.CallOf(func(context.Context) (int, error) { return 1, nil })
	assert.LessOrEqual(t, testing.AllocsPerRun(200, func() { _, _ = h.Execute(context.Background(), call) }), 10.0)
}

func TestACallThatCannotBeHedgedTakesOneAllocation(t *testing.T) {
	h := hedge.New[int](hedge.Config{MinCalls: 1 << 30})
	call := policy.CallOf(func(context.Context) (int, error) { return 1, nil })
	assert.LessOrEqual(t, testing.AllocsPerRun(200, func() { _, _ = h.Execute(context.Background(), call) }), 1.0)
}

// A function may ask for Done in a loop.
func TestDoneAllocatesOnlyTheFirstTime(t *testing.T) {
	h := hedge.New[int](hedge.Config{Delay: time.Hour})
	_, _ = h.Do(context.Background(), func(ctx context.Context) (int, error) {
		ctx.Done()
		assert.Zero(t, testing.AllocsPerRun(100, func() { ctx.Done() }))
		return 1, nil
	})
}

func BenchmarkInTime(b *testing.B) {
	for name, cfg := range inTime {
		h := hedge.New[int](cfg)
		call := policy.CallOf(func(context.Context) (int, error) { return 1, nil })
		ctx := context.Background()
		b.Run(name+"/mode=serial", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _ = h.Execute(ctx, call)
			}
		})
		b.Run(name+"/mode=parallel", func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					_, _ = h.Execute(ctx, call)
				}
			})
		})
	}
	b.Run("timer alone/mode=serial", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			time.AfterFunc(time.Hour, func() {}).Stop()
		}
	})
}
