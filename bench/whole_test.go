package bench_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/adaptivethrottler"
	fsbulkhead "github.com/failsafe-go/failsafe-go/bulkhead"
	"github.com/failsafe-go/failsafe-go/cachepolicy"
	"github.com/failsafe-go/failsafe-go/fallback"
	"github.com/failsafe-go/failsafe-go/hedgepolicy"
	"github.com/failsafe-go/failsafe-go/ratelimiter"
	"github.com/failsafe-go/failsafe-go/retrypolicy"
	"github.com/failsafe-go/failsafe-go/timeout"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/adaptive"
	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/cache"
	"github.com/ductile-go/ductile/chaos"
	"github.com/ductile-go/ductile/coalesce"
	"github.com/ductile-go/ductile/hedge"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/ratelimit"
	"github.com/ductile-go/ductile/retry"
	"github.com/ductile-go/ductile/throttle"
)

func BenchmarkWholeBypassed(b *testing.B) { measure(b, "WholeBypassed") }
func BenchmarkWholeHit(b *testing.B)      { measure(b, "WholeHit") }

func init() {
	workloads["WholeBypassed"] = workload{always(succeed), func() []contender { return wholes("") }}
	workloads["WholeHit"] = workload{always(succeed), func() []contender { return wholes("key") }}
}

// wholes are calls with a key, or with none.
func wholes(key string) []contender {
	return []contender{
		bare,
		called("ductile", piped(ourWhole(key, true)...)),
		called("ductile-same", piped(ourWhole(key, false)...)),
		failsafes(theirWhole(key)...),
	}
}

// ourWhole returns our policies, the outermost first: all, or those that failsafe-go has.
func ourWhole(key string, all bool) (policies []policy.Policy[int]) {
	keyOf := func(context.Context) (string, bool) { return key, key != "" }
	budget := retry.NewBudget(retry.BudgetConfig{})
	add := func(p ...policy.Policy[int]) { policies = append(policies, p...) }
	add(policy.FallbackValue(answer), cache.New(cache.Config[string, int]{Key: keyOf, TTL: time.Hour}))
	if all {
		add(coalesce.New[string, int](keyOf))
	}
	add(
		policy.Timeout[int](limit), retry.New[int](retry.Config{Backoff: retry.Constant(0), Budget: budget}),
		hedge.New[int](hedge.Config{Delay: limit, Budget: budget}), breaker.New[int](ourRow(inRow)),
		throttle.New[int](throttle.NewThrottle(throttle.Config{})),
		ratelimit.New[int](ratelimit.NewLimiter(ratelimit.Config{Limit: aSecond, Burst: allAtOnce})),
		policy.Timeout[int](limit), bulkhead.New[int](bulkhead.NewGate(bulkhead.Config{Limit: manyPlaces})),
		adaptive.New[int](climbing()),
	)
	if all {
		add(chaos.Fault[int](chaos.Config{Rate: 1}, func(context.Context) error { return errDown }))
	}
	return policies
}

// theirWhole returns failsafe-go's, in the same order.
func theirWhole(key string) []failsafe.Policy[int] {
	cached := cachepolicy.NewBuilder[int](&valueStore{values: map[string]int{}})
	if key != "" {
		cached = cached.WithKey(key)
	}
	return []failsafe.Policy[int]{
		fallback.NewWithResult(answer), cached.Build(), timeout.New[int](limit), retrypolicy.NewBuilder[int]().WithMaxAttempts(3).Build(),
		hedgepolicy.NewWithDelay[int](limit), failsafeRow(inRow), theirThrottler(),
		ratelimiter.NewBursty[int](1<<40, time.Second), timeout.New[int](limit), fsbulkhead.New[int](manyPlaces),
		failsafeAdaptive(manyPlaces),
	}
}

// theirThrottler returns a throttler that does not reject within a few calls. With its
// defaults, it may reject the second of two calls that fail.
func theirThrottler() failsafe.Policy[int] {
	return adaptivethrottler.NewBuilder[int]().WithFailureRateThreshold(0.1, 100, time.Minute).Build()
}

// valueStore is a cache for failsafe-go.
type valueStore struct {
	mu     sync.Mutex
	values map[string]int
}

func (l *valueStore) Get(key string) (int, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	v, ok := l.values[key]
	return v, ok
}

func (l *valueStore) Set(key string, v int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.values[key] = v
}

func TestWholeOrdersCallOnce(t *testing.T) { succeeds(t, "WholeBypassed") }

func TestWholeOrdersAnswerFromTheirCaches(t *testing.T) {
	for _, c := range workloads["WholeHit"].contenders() {
		if c.lib == bare.lib {
			continue
		}
		t.Run(c.lib, func(t *testing.T) {
			var calls atomic.Int64
			do := c.bind(counted(succeed, &calls))
			for range 10 {
				_, err := do(t.Context())
				require.NoError(t, err)
			}
			assert.EqualValues(t, 1, calls.Load())
		})
	}
}

func TestWholeOrdersRetryAndFallBack(t *testing.T) {
	for _, c := range workloads["WholeBypassed"].contenders() {
		if c.lib == bare.lib {
			continue
		}
		t.Run(c.lib, func(t *testing.T) {
			var calls atomic.Int64
			v, err := c.bind(counted(fail, &calls))(t.Context())
			require.NoError(t, err)
			assert.Equal(t, answer, v)
			assert.EqualValues(t, 3, calls.Load())
		})
	}
}
