package registry

import (
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A function that ends its goroutine is run again so many times, and then the turn is free.
func TestATurnEndsWithoutAFunctionThatNeverReturns(t *testing.T) {
	var one turn
	for mends := range 3 {
		runs := 0
		require.True(t, one.begin())
		var ending sync.WaitGroup
		ending.Go(func() {
			one.run(func() {
				runs++
				assert.False(t, one.begin(), "another goroutine asks for the turn")
				runtime.Goexit()
			}, mends)
		})
		ending.Wait()
		assert.Equal(t, 1+mends, runs)
	}
	for range 2 {
		runs := 0
		one.take(func() { runs++ })
		assert.Equal(t, 1, runs, "no request is left over")
	}
}

func TestATurnThatIsTakenMeanwhileRunsOnceMore(t *testing.T) {
	var one turn
	runs := 0
	one.take(func() {
		if runs++; runs > 1 {
			return
		}
		for range 2 {
			one.take(func() { assert.Fail(t, "the turn is taken") })
		}
	})
	assert.Equal(t, 2, runs)
}

func TestFieldsAreWrittenInSnakeCase(t *testing.T) {
	for field, want := range map[string]string{
		"":               "",
		"K":              "k",
		"Max":            "max",
		"MaxRetryAfter":  "max_retry_after",
		"TTL":            "ttl",
		"NegativeTTL":    "negative_ttl",
		"TTLJitter":      "ttl_jitter",
		"MaxTTLJitter":   "max_ttl_jitter",
		"HedgeIf":        "hedge_if",
		"ABTest":         "ab_test",
		"OnA":            "on_a",
		"AMax":           "a_max",
		"TTLs":           "tt_ls",
		"TTL2":           "ttl2",
		"Delay.Interval": "delay.interval",
		"Delay.TTL":      "delay.ttl",
		"TTL.Max":        "ttl.max",
		"Éclair":         "éclair",
		"MaxÉclair":      "max_éclair",
	} {
		assert.Equal(t, want, snake(field), field)
	}
}

// A goroutine may read a state, without a lock, while another one derives the next.
func TestWhatFollowsAStateDoesNotChangeIt(t *testing.T) {
	s := (&state{}).withLive(typeOf[int]("a"), nil).withTyped(typeOf[int]("a"), nil)
	is := s.withLive(typeOf[string]("a"), nil).withTyped(typeOf[string]("a"), nil)
	assert.Len(t, s.lives, 1)
	assert.Len(t, s.typed, 1)
	assert.Len(t, is.lives, 2)
	assert.Len(t, is.typed, 2)
}

// threeOf returns a Spec of two pipelines, the second of which has a timeout, and a family
// of the first.
func threeOf(timeout time.Duration) Spec {
	return Spec{
		Pipelines: map[string]PipelineSpec{"p": {AttemptTimeout: time.Second}, "q": {TotalTimeout: timeout}},
		Families:  map[string]FamilySpec{"f": {Pipeline: "p"}},
	}
}

func TestAReloadBuildsOnlyThePipelinesThatItChanges(t *testing.T) {
	r, err := New(threeOf(1))
	require.NoError(t, err)
	p, err := Pipeline[int](r, "p")
	require.NoError(t, err)
	q, err := Pipeline[int](r, "q")
	require.NoError(t, err)
	was, other := p.now.Chain(), q.now.Chain()
	for timeout := range 3 {
		_, err = r.Apply(threeOf(time.Duration(2 + timeout)))
		require.NoError(t, err)
		assert.Same(t, was, p.now.Chain())
		assert.NotSame(t, other, q.now.Chain())
	}
}

func TestAFamilyThatIsAskedForAgainLeavesTheStateAsItIs(t *testing.T) {
	r, err := New(threeOf(1))
	require.NoError(t, err)
	_, err = Keyed[int](r, "f")
	require.NoError(t, err)
	s := r.held()
	_, err = Keyed[int](r, "f")
	require.NoError(t, err)
	assert.Same(t, s, r.held())
}

func TestAFamilyHoldsNoSpecOfBefore(t *testing.T) {
	r, err := New(threeOf(1))
	require.NoError(t, err)
	f, err := Keyed[int](r, "f")
	require.NoError(t, err)
	for timeout := range 2 {
		_, err = r.Apply(threeOf(time.Duration(2 + timeout)))
		require.NoError(t, err)
		assert.Same(t, r.held().spec, f.settled)
	}
}
