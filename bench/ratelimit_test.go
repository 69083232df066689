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

// BenchmarkLimitAllow asks for tokens that are there. lib=clock is a reading of the clock
// alone, which every limiter needs.
func BenchmarkLimitAllow(b *testing.B) { measureLimiters(b, allowing(b)) }

// BenchmarkLimitRefused asks for tokens that are not there.
func BenchmarkLimitRefused(b *testing.B) { measureLimiters(b, refusing(b)) }

// BenchmarkLimitCall makes whole calls.
func BenchmarkLimitCall(b *testing.B) { measureLimiters(b, limitedCalls()) }

// BenchmarkLimitCallRefused makes whole calls that are refused.
func BenchmarkLimitCallRefused(b *testing.B) { measureLimiters(b, refusedCalls()) }

func measureLimiters(b *testing.B, all []limiter) {
	ctx := context.Background()
	for _, l := range all {
		b.Run("lib="+l.lib+"/mode=serial", func(b *testing.B) { serial(b, l.call) })
		b.Run("lib="+l.lib+"/mode=parallel", func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					_, _ = l.call(ctx)
				}
			})
		})
	}
}

func TestLimitersAllowWhatTheyRefuseLater(t *testing.T) {
	for _, l := range append(allowing(t), limitedCalls()...) {
		for range 100 {
			_, err := l.call(t.Context())
			require.NoError(t, err, l.lib)
		}
	}
	for _, l := range append(refusing(t), refusedCalls()...) {
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
func allowing(tb testing.TB) []limiter {
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
		{"throttled", throttledCall(tb, throttled.RateQuota{MaxRate: throttled.PerSec(aSecond), MaxBurst: allAtOnce})},
		{"sethvargo", sethvargoCall(tb, 1<<40, time.Second)},
	}
}

// refusing have no token for an hour. uber's Take would wait.
func refusing(tb testing.TB) []limiter {
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
		{"throttled", throttledCall(tb, throttled.RateQuota{MaxRate: throttled.PerHour(1)})},
		{"sethvargo", sethvargoCall(tb, 1, time.Hour)},
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

func throttledCall(tb testing.TB, q throttled.RateQuota) call {
	store, err := memstore.NewCtx(0)
	require.NoError(tb, err)
	l, err := throttled.NewGCRARateLimiterCtx(store, q)
	require.NoError(tb, err)
	return func(ctx context.Context) (int, error) {
		if limited, _, err := l.RateLimitCtx(ctx, "k", 1); err != nil || limited {
			return 0, errDown
		}
		return 1, nil
	}
}

func sethvargoCall(tb testing.TB, tokens uint64, interval time.Duration) call {
	store, err := memorystore.New(&memorystore.Config{Tokens: tokens, Interval: interval})
	require.NoError(tb, err)
	return func(ctx context.Context) (int, error) {
		if _, _, _, ok, err := store.Take(ctx, "k"); err != nil || !ok {
			return 0, errDown
		}
		return 1, nil
	}
}
