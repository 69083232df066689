package fake_test

import (
	"math"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/fake"
)

func TestAtSetsTheFirstReading(t *testing.T) {
	assert.Equal(t, time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC), fake.NewClock().Now())
	at := time.Date(2024, 2, 29, 12, 0, 0, 0, time.FixedZone("east", 3600))
	clk := fake.NewClock(fake.At(at))
	assert.Equal(t, at, clk.Now())
	clk.Advance(24 * time.Hour)
	assert.Equal(t, at.Add(24*time.Hour), clk.Now())
	assert.True(t, fake.NewClock(fake.At(time.Time{})).Now().IsZero())
	wall := time.Now()
	assert.Equal(t, wall.Round(0), fake.NewClock(fake.At(wall)).Now(), "without a monotonic reading")
}

func TestSetForwardsFiresWhatIsDueOnTheWay(t *testing.T) {
	clk := fake.NewClock()
	begun := clk.Now()
	early, due, late := clk.After(time.Second), clk.NewTimer(time.Minute), clk.After(time.Hour)
	ctx, cancel := clk.WithTimeout(t.Context(), time.Second)
	defer cancel()
	clk.Set(begun.Add(time.Minute))
	assert.Equal(t, begun.Add(time.Minute), clk.Now())
	assert.Equal(t, begun.Add(time.Second), <-early)
	assert.Equal(t, begun.Add(time.Minute), <-due.C)
	assert.Empty(t, late)
	assert.Error(t, ctx.Err())
}

func TestSetBackwardsFiresNothingAndShortensNoWait(t *testing.T) {
	clk := fake.NewClock()
	begun := clk.Now()
	clk.Advance(time.Minute)
	after := clk.After(time.Second)
	ctx, cancel := clk.WithTimeout(t.Context(), time.Second)
	defer cancel()
	deadline, _ := ctx.Deadline()
	clk.Set(begun.Add(-time.Hour))
	assert.Equal(t, begun.Add(-time.Hour), clk.Now())
	assert.Empty(t, after)
	moved, _ := ctx.Deadline()
	assert.Equal(t, deadline, moved)
	clk.Advance(time.Second - 1)
	assert.Empty(t, after)
	assert.NoError(t, ctx.Err())
	clk.Advance(1)
	assert.Equal(t, begun.Add(time.Second-time.Hour), <-after)
	assert.Error(t, ctx.Err())
	d, ok := clk.AdvanceToNext()
	assert.Zero(t, d)
	assert.False(t, ok)
}

func TestSetWhileASleeperMovesTimeLosesNeither(t *testing.T) {
	onProcessors(t, 50, func(t *testing.T) {
		clk := fake.NewClock(fake.AutoAdvance())
		begun := clk.Now()
		var wg sync.WaitGroup
		w := &watched{Context: t.Context(), clk: clk}
		clk.AfterFunc(time.Second, func() {
			wg.Go(func() { assert.NoError(t, clk.Sleep(w, time.Second)) })
			assert.NoError(t, clk.BlockUntil(t.Context(), 1))
		})
		clk.Set(begun.Add(time.Minute))
		wg.Wait()
		assert.Equal(t, begun.Add(2*time.Second), w.woken)
		assert.Equal(t, begun.Add(time.Minute), clk.Now())
	})
}

func TestAdvanceToNextFromManyGoroutinesMovesOnceForOneWaiter(t *testing.T) {
	for range 3000 {
		clk := fake.NewClock()
		begun := clk.Now()
		timer := clk.NewTimer(time.Second)
		var ready, over sync.WaitGroup
		start := make(chan struct{})
		moved := make([]time.Duration, 8)
		for i := range moved {
			ready.Add(1)
			over.Go(func() {
				ready.Done()
				<-start
				moved[i], _ = clk.AdvanceToNext()
			})
		}
		ready.Wait()
		close(start)
		over.Wait()
		slices.Sort(moved)
		require.Equal(t, []time.Duration{0, 0, 0, 0, 0, 0, 0, time.Second}, moved)
		require.Equal(t, time.Second, clk.Now().Sub(begun))
		require.Len(t, timer.C, 1)
	}
}

// Both calls are made while a sleeper has its turn, so neither can move time yet.
func TestAdvanceToNextChoosesWhenItsTurnComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clk := fake.NewClock(fake.AutoAdvance())
		clk.NewTimer(time.Second)
		var moved [2]time.Duration
		var found [2]bool
		var wg sync.WaitGroup
		looks := 0
		ctx := &asked{Context: t.Context(), err: func() {
			if looks++; looks == 2 { // the first was before the sleep
				for i := range moved {
					wg.Go(func() { moved[i], found[i] = clk.AdvanceToNext() })
				}
				synctest.Wait()
			}
		}}
		require.NoError(t, clk.Sleep(ctx, 3*time.Second))
		wg.Wait()
		assert.Contains(t, moved, time.Second, "to the timer")
		if found[0] && found[1] {
			assert.Contains(t, moved, 2*time.Second, "from there to the end of the sleep")
		} else {
			assert.Contains(t, moved, time.Duration(0), "the sleep had ended")
		}
	})
}

func TestConcurrentAdvancesAddUp(t *testing.T) {
	for _, clk := range []*fake.Clock{fake.NewClock(), fake.NewClock(fake.AutoAdvance())} {
		begun := clk.Now()
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() { clk.Advance(time.Second) })
		}
		wg.Wait()
		assert.Equal(t, 100*time.Second, clk.Now().Sub(begun))
	}
}

func TestTheLongestDelayNeitherOverflowsNorFires(t *testing.T) {
	clk := fake.NewClock()
	clk.Advance(time.Hour)
	after := clk.After(math.MaxInt64)
	_, cancel := clk.WithTimeout(t.Context(), math.MaxInt64)
	defer cancel()
	require.Equal(t, 2, clk.Waiters())
	clk.Advance(1000 * time.Hour)
	assert.Empty(t, after)
	assert.Equal(t, 2, clk.Waiters())
}
