package bench_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/ratelimiter"
	"github.com/sethvargo/go-limiter/memorystore"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/throttled/throttled/v2"
	"github.com/throttled/throttled/v2/store/memstore"
	uber "go.uber.org/ratelimit"
	"golang.org/x/time/rate"

	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/ratelimit"
)

// limiter is a library's way to ask for a token, by hand or for a whole call.
type limiter struct {
	lib  string
	call call
}

func BenchmarkLimitAllow(b *testing.B)       { measure(b, "LimitAllow") }
func BenchmarkLimitRefused(b *testing.B)     { measure(b, "LimitRefused") }
func BenchmarkLimitCall(b *testing.B)        { measure(b, "LimitCall") }
func BenchmarkLimitCallRefused(b *testing.B) { measure(b, "LimitCallRefused") }

func init() {
	workloads["LimitAllow"] = limited(allowing)
	workloads["LimitRefused"] = limited(refusing)
	workloads["LimitCall"] = limited(limitedCalls)
	workloads["LimitCallRefused"] = limited(refusedCalls)
}

// limited is the workload of limiters, whose calls have their callee inside.
func limited(by func() []limiter) workload {
	return workload{always(succeed), func() (all []contender) {
		for _, l := range by() {
			all = append(all, contender{l.lib, func(callee) call { return l.call }})
		}
		return all
	}}
}

func TestLimitersAllowWhatTheyRefuseLater(t *testing.T) {
	for _, l := range append(allowing(), limitedCalls()...) {
		for range 100 {
			_, err := l.call(t.Context())
			require.NoError(t, err, l.lib)
		}
	}
	for _, l := range append(refusing(), refusedCalls()...) {
		if l.lib == "clock" || l.lib == "bare" {
			continue
		}
		for range 100 {
			_, err := l.call(t.Context())
			require.Error(t, err, l.lib)
		}
	}
	var calls atomic.Int64
	p := pipeline.New[int](ratelimit.New[int](ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Per: time.Hour})))
	for range 10 {
		_, _ = p.Do(t.Context(), counted(succeed, &calls).fn)
	}
	assert.EqualValues(t, 1, calls.Load())
}

// yes makes a call of a function that says whether it got a token.
func yes(allow func() bool) call {
	return func(context.Context) (int, error) {
		if !allow() {
			return 0, errDown
		}
		return 1, nil
	}
}

var began = time.Now()

var clockAlone = limiter{"clock", yes(func() bool { return time.Since(began) > 0 })}

const (
	aSecond   = 1_000_000_000
	allAtOnce = 1_000_000
)

// allowing have a rate so high that there is always a token.
func allowing() []limiter {
	ours := ratelimit.NewLimiter(ratelimit.Config{Limit: aSecond, Burst: allAtOnce})
	x := rate.NewLimiter(aSecond, allAtOnce)
	take := uber.New(2 * aSecond)
	bursty := ratelimiter.NewBursty[int](1<<40, time.Second)
	smooth := ratelimiter.NewSmoothWithMaxRate[int](1)
	return []limiter{
		clockAlone,
		{"ductile", yes(func() bool { return ours.Allow(1) })},
		{"xtime", yes(x.Allow)},
		{"uber", yes(func() bool { return !take.Take().IsZero() })},
		{"failsafe-bursty", yes(bursty.TryAcquirePermit)},
		{"failsafe-smooth", yes(func() bool { smooth.TryAcquirePermit(); return true })}, // its grid of 1 ns is finer than a call
		{"throttled", throttledCall(throttled.RateQuota{MaxRate: throttled.PerSec(aSecond), MaxBurst: allAtOnce})},
		{"sethvargo", sethvargoCall(1<<40, time.Second)},
	}
}

// refusing have no token for an hour. uber's Take would wait.
func refusing() []limiter {
	ours := ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Per: time.Hour})
	x := rate.NewLimiter(rate.Every(time.Hour), 1)
	bursty := ratelimiter.NewBursty[int](1, time.Hour)
	smooth := ratelimiter.NewSmoothWithMaxRate[int](time.Hour)
	all := []limiter{
		clockAlone,
		{"ductile", yes(func() bool { return ours.Allow(1) })},
		{"xtime", yes(x.Allow)},
		{"failsafe-bursty", yes(bursty.TryAcquirePermit)},
		{"failsafe-smooth", yes(smooth.TryAcquirePermit)},
		{"throttled", throttledCall(throttled.RateQuota{MaxRate: throttled.PerHour(1)})},
		{"sethvargo", sethvargoCall(1, time.Hour)},
	}
	for _, l := range all {
		_, _ = l.call(context.Background())
	}
	return all
}

func limitedCalls() []limiter {
	ours := ratelimit.New[int](ratelimit.NewLimiter(ratelimit.Config{Limit: aSecond, Burst: allAtOnce}))
	p := pipeline.New[int](ours)
	x := rate.NewLimiter(aSecond, allAtOnce)
	theirs := failsafe.With(ratelimiter.NewBursty[int](1<<40, time.Second))
	return []limiter{
		{"bare", succeed.fn},
		clockAlone,
		{"ductile", func(ctx context.Context) (int, error) { return ours.Do(ctx, succeed.fn) }},
		{"ductile-pipeline", func(ctx context.Context) (int, error) { return p.Do(ctx, succeed.fn) }},
		{"xtime-wait", func(ctx context.Context) (int, error) {
			if err := x.Wait(ctx); err != nil {
				return 0, err
			}
			return succeed.fn(ctx)
		}},
		{"failsafe", func(context.Context) (int, error) { return theirs.Get(succeed.value) }},
	}
}

func refusedCalls() []limiter {
	ours := ratelimit.New[int](ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Per: time.Hour}))
	p := pipeline.New[int](ours)
	theirs := failsafe.With(ratelimiter.NewBursty[int](1, time.Hour))
	all := []limiter{
		clockAlone,
		{"ductile", func(ctx context.Context) (int, error) { return ours.Do(ctx, succeed.fn) }},
		{"ductile-pipeline", func(ctx context.Context) (int, error) { return p.Do(ctx, succeed.fn) }},
		{"failsafe", func(context.Context) (int, error) { return theirs.Get(succeed.value) }},
	}
	for _, l := range all {
		_, _ = l.call(context.Background())
	}
	return all
}

func throttledCall(q throttled.RateQuota) call {
	l := must(throttled.NewGCRARateLimiterCtx(must(memstore.NewCtx(0)), q))
	return func(ctx context.Context) (int, error) {
		if limited, _, err := l.RateLimitCtx(ctx, "k", 1); err != nil || limited {
			return 0, errDown
		}
		return 1, nil
	}
}

func sethvargoCall(tokens uint64, interval time.Duration) call {
	store := must(memorystore.New(&memorystore.Config{Tokens: tokens, Interval: interval}))
	return func(ctx context.Context) (int, error) {
		if _, _, _, ok, err := store.Take(ctx, "k"); err != nil || !ok {
			return 0, errDown
		}
		return 1, nil
	}
}

// must is for constructors that cannot fail with what they get here.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
