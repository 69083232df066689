package cache_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/benbjohnson/clock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/cache"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

func newFake() *fake.Clock { return fake.NewClock() }

func advance(c policy.Clock, d time.Duration) { c.(*fake.Clock).Advance(d) }

func lists() *cache.Cache[string, []int] {
	return cache.New(cache.Config[string, []int]{Key: keyIn[string], TTL: time.Minute, NegativeTTL: time.Minute, Negative: isMissing})
}

func TestEveryCallerHasACloneOfTheValue(t *testing.T) {
	for name, result := range map[string]error{"value": nil, "value beside an error": errMissing} {
		t.Run(name, func(t *testing.T) {
			c := lists().WithClone(slices.Clone)
			for range 3 {
				v, err := c.Do(with(t.Context(), "a"), func(context.Context) ([]int, error) { return []int{1, 2}, result })
				require.ErrorIs(t, err, result)
				require.Equal(t, []int{1, 2}, v)
				v[0] = 9
			}
		})
	}
}

func TestWithoutACloneTheValueIsShared(t *testing.T) {
	c := lists()
	var got [2][]int
	for i := range got {
		got[i], _ = c.Do(with(t.Context(), "a"), func(context.Context) ([]int, error) { return []int{1}, nil })
	}
	assert.Same(t, &got[0][0], &got[1][0])
}

func TestAZeroValueBesideAnErrorIsNotCloned(t *testing.T) {
	c := lists().WithClone(func([]int) []int { t.Error("cloned"); return nil })
	for range 2 {
		_, err := c.Do(with(t.Context(), "a"), func(context.Context) ([]int, error) { return nil, errMissing })
		require.ErrorIs(t, err, errMissing)
	}
}

func TestAZeroValueWithoutAnErrorIsCloned(t *testing.T) {
	c := lists().WithClone(func([]int) []int { return []int{} })
	for range 2 {
		v, err := c.Do(with(t.Context(), "a"), func(context.Context) ([]int, error) { return nil, nil })
		require.NoError(t, err)
		assert.NotNil(t, v)
	}
}

func TestAValueThatCacheIfRefusesIsReturnedAndNotKept(t *testing.T) {
	c, f := cache.New(exactly(config{})), &source{v: -1}
	picky := c.WithCacheIf(func(v int) bool { return v >= 0 })
	for range 2 {
		v, err := picky.Do(with(t.Context(), "a"), f.do)
		require.NoError(t, err)
		assert.Equal(t, -1, v)
	}
	assert.Equal(t, 2, f.count())
	_, _ = c.Do(with(t.Context(), "a"), f.do)
	_, _ = picky.Do(with(t.Context(), "a"), f.do)
	assert.Equal(t, 3, f.count(), "copies share entries")
}

func TestDoTakesTheOuterMarksOffTheError(t *testing.T) {
	c := cache.New(exactly(config{NegativeTTL: time.Minute, Negative: isMissing}))
	call := policy.CallOf(func(context.Context) (int, error) {
		return 0, breaker.Judge(retry.Permanent(errMissing), policy.Success)
	})
	ctx := with(t.Context(), "a")
	for range 2 {
		_, err := c.Execute(ctx, call)
		assert.False(t, retry.Retryable(err), "Execute keeps the marks, for the policies outside")
		_, err = c.Do(ctx, one)
		assert.Equal(t, errMissing, err)
	}
}

// An open circuit inside answers as any failure does, and the circuit is not asked while
// the value is fresh.
func TestAnOpenCircuitKeepsTheStaleValue(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		circuit := breaker.NewCircuit(breaker.Config{})
		c := cache.New(exactly(config{Stale: time.Minute, StaleIfError: time.Hour}))
		chain := policy.NewChain("", nil, policy.Policy[int](c), breaker.New[int](circuit))
		ctx, f := with(t.Context(), "a"), &source{v: 1}
		_, err := chain.Call(f.do).Do(ctx)
		require.NoError(t, err)
		circuit.Isolate("for the test")
		for range 10 {
			time.Sleep(15 * time.Second)
			v, err := chain.Call(f.do).Do(ctx)
			require.NoError(t, err)
			assert.Equal(t, 1, v)
			synctest.Wait()
		}
		assert.Equal(t, 1, f.count())
		s := c.Snapshot()
		assert.Positive(t, s.RefreshFailures)
		assert.Positive(t, s.StaleIfError)
	})
}

func TestClocksOfOtherModulesPlugIn(t *testing.T) {
	mock := clock.NewMock()
	c, f := cache.New(exactly(config{Stale: time.Hour, Clock: mock})), &source{v: 1}
	ctx := with(t.Context(), "a")
	_, _ = c.Do(ctx, f.do)
	mock.Add(time.Minute - 1)
	_, _ = c.Do(ctx, f.do)
	assert.Equal(t, 1, f.count())
	mock.Add(1)
	f.set(2, nil)
	v, _ := c.Do(ctx, f.do)
	assert.Equal(t, 1, v)
	require.NoError(t, c.Close(t.Context()))
	v, _ = c.Do(ctx, f.do)
	assert.Equal(t, 2, v)
}

// The time that a Key takes is that of the cache, not of the function.
func TestAnInnerCircuitMeasuresItsPartOfTheCall(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		cfg := exactly(config{})
		cfg.Key = func(context.Context) (string, bool) { time.Sleep(time.Minute); return "", false }
		rec := fake.NewRecorder()
		chain := policy.NewChain("", []policy.Listener{{Observe: rec.Observe}},
			policy.Policy[int](cache.New(cfg)), breaker.New[int](breaker.NewCircuit(breaker.Config{})))
		_, err := chain.Call((&source{v: 1, took: time.Second}).do).Do(t.Context())
		require.NoError(t, err)
		judged := only(rec, policy.Judged)
		require.Len(t, judged, 1)
		assert.Equal(t, time.Second, judged[0].Took)
	})
}

// A package-level cache may be used in several bubbles, one after another and outside.
func TestACacheMayBeUsedInSeveralBubbles(t *testing.T) {
	clk := fake.NewClock()
	for _, cfg := range []config{{Stale: time.Hour}, {Stale: time.Hour, Clock: clk}} {
		c, f := cache.New(exactly(cfg)), &source{v: 1}
		use := func(t *testing.T) {
			ctx := with(t.Context(), "a")
			for range 3 {
				_, err := c.Do(ctx, f.do)
				require.NoError(t, err)
			}
			require.NoError(t, c.Refresh(ctx, "a"))
			_, _ = c.Do(ctx, f.do)
			_ = c.Delete(ctx, "a")
		}
		inBubble(t, func(t *testing.T) { use(t); synctest.Wait() })
		inBubble(t, func(t *testing.T) { use(t); synctest.Wait() })
		use(t)
		require.NoError(t, c.Close(t.Context()))
	}
}
