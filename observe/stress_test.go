package observe_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/observe"
	"github.com/ductile-go/ductile/policy"
)

// consistent fails the test if a snapshot is not consistent in itself, or if a number that
// only grows is below that of the snapshot before it.
func consistent(t *testing.T, snap observe.Snapshot, before map[string]float64) {
	t.Helper()
	seen := map[string]bool{}
	for _, one := range snap.Series {
		key := one.Name + fmt.Sprint(one.Labels)
		require.False(t, seen[key], "%s is there twice", key)
		seen[key] = true
		n := one.Value
		if h := one.Histogram; h != nil {
			sum := h.Zero
			for _, in := range h.Buckets {
				require.LessOrEqual(t, in, h.Count)
				sum += in
			}
			require.Equal(t, h.Count, sum)
			n = float64(h.Count)
		}
		if one.Name == "ductile.call.active" {
			require.GreaterOrEqual(t, n, 0.)
			continue
		}
		require.GreaterOrEqual(t, n, before[key], key)
		before[key] = n
	}
}

// Goroutines add series of few names beyond every limit while others take snapshots. Each
// measurement is in one series at the end.
func TestConcurrentEventsAreCountedExactly(t *testing.T) {
	const goroutines, each = 8, 2000
	s := observe.New(observe.Config{MaxSeries: 20, MaxErrorTypes: 2, MaxKeys: 3, MaxOperations: 2})
	var counting, reading sync.WaitGroup
	done := make(chan struct{})
	reading.Go(func() {
		before := map[string]float64{}
		for last := false; ; {
			consistent(t, s.Snapshot(), before)
			if last { // one look was after the last event
				return
			}
			select {
			case <-done:
				last = true
			default:
			}
		}
	})
	for g := range goroutines {
		counting.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(g), 0))
			for range each {
				name := fmt.Sprint("p", rnd.IntN(12))
				key := fmt.Sprint("k", rnd.IntN(5))
				ctx := observe.WithOperation(context.Background(), fmt.Sprint("o", rnd.IntN(4)))
				s.Observe(ctx, policy.Event{Kind: policy.Started, Pipeline: name, Key: key})
				s.Observe(ctx, policy.Event{Kind: policy.Judged, Pipeline: name, Key: key, Policy: "breaker", Name: key})
				e := policy.Event{Kind: policy.Finished, Pipeline: name, Key: key, Attempt: 1, Elapsed: time.Millisecond}
				if n := rnd.IntN(6); n > 2 {
					e.Err = typed(fmt.Sprint("e", n))
				}
				s.Observe(ctx, e)
			}
		})
	}
	counting.Wait()
	close(done)
	reading.Wait()
	snap := s.Snapshot()
	for _, name := range []string{"ductile.call.duration", "ductile.call.attempts", "ductile.circuit.calls"} {
		assert.InDelta(t, goroutines*each, counted(snap, name), 0, name)
		assert.LessOrEqual(t, len(all(snap, name)), 21, name)
	}
	assert.Zero(t, counted(snap, "ductile.call.active"))
	assert.Positive(t, counted(snap, "ductile.series.dropped"))
}

// Keys are forgotten while calls use them. What is left belongs to keys that were used
// after that.
func TestKeysAreForgottenWhileTheyAreUsed(t *testing.T) {
	const goroutines, each = 6, 2000
	s := observe.New(observe.Config{MaxKeys: 3, MaxSeries: 10})
	var wg sync.WaitGroup
	for g := range goroutines {
		wg.Go(func() {
			for i := range each {
				key := fmt.Sprint("k", (i+g)%5)
				observed(s,
					policy.Event{Kind: policy.Started, Pipeline: "p", Key: key},
					policy.Event{Kind: policy.Judged, Pipeline: "p", Key: key, Policy: "breaker", Name: "c"},
					policy.Event{Kind: policy.Finished, Pipeline: "p", Key: key})
				if i%7 == 0 {
					observed(s, policy.Event{Kind: policy.Forgotten, Pipeline: "p", Key: key})
				}
				if i%100 == 0 {
					consistent(t, s.Snapshot(), map[string]float64{})
				}
			}
		})
	}
	wg.Wait()
	for i := range 5 {
		observed(s, policy.Event{Kind: policy.Forgotten, Pipeline: "p", Key: fmt.Sprint("k", i)})
	}
	snap := s.Snapshot()
	assert.InDelta(t, goroutines*each, counted(snap, "ductile.call.attempts"), 0)
	assert.Zero(t, counted(snap, "ductile.call.active"))
	for _, name := range []string{"ductile.call.duration", "ductile.circuit.calls"} {
		for _, one := range all(snap, name) {
			assert.Contains(t, []string{observe.Other, ""}, one.Labels["key"], name)
		}
	}
	assert.LessOrEqual(t, observe.Entries(s), 4, "the pipeline, the circuit, and two series of _OTHER")
	for _, key := range []string{"a", "b", "c"} {
		observed(s, policy.Event{Kind: policy.Finished, Pipeline: "p", Key: key})
		series(t, s, "ductile.call.duration", labels{"pipeline.name": "p", "outcome": "success", "rescue": "none", "key": key})
	}
}
