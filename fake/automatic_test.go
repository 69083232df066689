package fake_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/fake"
)

// watched is a context that records the time when its error is asked for. Sleep asks
// before it lets time move on, so this is the time at which Sleep woke.
type watched struct {
	context.Context
	clk   *fake.Clock
	woken time.Time
}

func (w *watched) Err() error {
	w.woken = w.clk.Now()
	return w.Context.Err()
}

// atOnce sleeps for each duration from the same time, on one goroutine each, and returns
// how long each sleep took. The function of AfterFunc stops the clock until all of them
// sleep.
func atOnce(t *testing.T, clk *fake.Clock, all ...time.Duration) []time.Duration {
	took := make([]time.Duration, len(all))
	var wg sync.WaitGroup
	clk.AfterFunc(1, func() {
		begun := clk.Now()
		for i, d := range all {
			wg.Go(func() {
				w := &watched{Context: t.Context(), clk: clk}
				assert.NoError(t, clk.Sleep(w, d))
				took[i] = w.woken.Sub(begun)
			})
		}
		assert.NoError(t, clk.BlockUntil(t.Context(), len(all)))
	})
	clk.Advance(1)
	wg.Wait()
	return took
}

// onProcessors runs f n times on each number of processors from 1 to 8.
func onProcessors(t *testing.T, n int, f func(t *testing.T)) {
	for procs := 1; procs <= 8; procs++ {
		t.Run(fmt.Sprint(procs), func(t *testing.T) {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
			for range n {
				if f(t); t.Failed() {
					return
				}
			}
		})
	}
}

func TestTwoSleepersWakeAtTheirOwnTimes(t *testing.T) {
	onProcessors(t, 300, func(t *testing.T) {
		clk := fake.NewClock(fake.AutoAdvance())
		begun := clk.Now()
		took := atOnce(t, clk, 2*time.Second, 2500*time.Millisecond)
		assert.Equal(t, []time.Duration{2 * time.Second, 2500 * time.Millisecond}, took)
		assert.Equal(t, begun.Add(2500*time.Millisecond+1), clk.Now(), "no further than the last sleeper asked for")
		assert.Zero(t, clk.Waiters())
	})
}

func TestManySleepersWakeAtTheirOwnTimes(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 2))
	onProcessors(t, 30, func(t *testing.T) {
		all := make([]time.Duration, 1+rng.IntN(20))
		for i := range all {
			all[i] = time.Duration(1+rng.IntN(10)) * time.Second
		}
		assert.Equal(t, all, atOnce(t, fake.NewClock(fake.AutoAdvance()), all...))
	})
}

// Two goroutines sleep independently. Each sleep takes exactly its duration, counted from
// the time at which the clock registered it.
func TestASleepNeverReturnsEarly(t *testing.T) {
	onProcessors(t, 20, func(t *testing.T) {
		clk := fake.NewClock(fake.AutoAdvance())
		var wg sync.WaitGroup
		for i := range 4 {
			wg.Go(func() {
				for n := range 10 {
					d := time.Duration(1+(i*7+n*3)%5) * time.Second
					begun := clk.Now()
					assert.NoError(t, clk.Sleep(t.Context(), d))
					assert.GreaterOrEqual(t, clk.Now().Sub(begun), d)
				}
			})
		}
		wg.Wait()
		assert.Zero(t, clk.Waiters())
	})
}

// selected returns the case that a select takes.
func selected(done <-chan struct{}, after <-chan time.Time) string {
	select {
	case <-done:
		return "done"
	case <-after:
		return "after"
	}
}

func TestASelectOfAContextAndAfterHasOneAnswer(t *testing.T) {
	onProcessors(t, 300, func(t *testing.T) {
		for d, want := range map[time.Duration]string{time.Second: "after", 2 * time.Second: "done", 5 * time.Second: "done"} {
			clk := fake.NewClock(fake.AutoAdvance())
			begun := clk.Now()
			ctx, cancel := clk.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			child, stop := context.WithCancel(ctx)
			defer stop()
			assert.Equal(t, want, selected(child.Done(), clk.After(d)))
			assert.Equal(t, min(d, 2*time.Second), clk.Now().Sub(begun))
		}
	})
}

func TestASelectKeepsItsAnswerWhileOthersSleep(t *testing.T) {
	onProcessors(t, 100, func(t *testing.T) {
		clk := fake.NewClock(fake.AutoAdvance())
		ctx, cancel := clk.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		var wg sync.WaitGroup
		answer := ""
		clk.AfterFunc(1, func() {
			for i := range 3 {
				wg.Go(func() { assert.NoError(t, clk.Sleep(t.Context(), time.Duration(i+1)*500*time.Millisecond)) })
			}
			wg.Go(func() { answer = selected(ctx.Done(), clk.After(5*time.Second)) })
			assert.NoError(t, clk.BlockUntil(t.Context(), 5))
		})
		clk.Advance(1)
		wg.Wait()
		assert.Equal(t, "done", answer)
	})
}

func TestAfterStopsAtTheFirstEventOnTheWay(t *testing.T) {
	for name, event := range map[string]func(clk *fake.Clock){
		"a deadline": func(clk *fake.Clock) {
			_, cancel := clk.WithTimeout(t.Context(), time.Second)
			t.Cleanup(cancel)
		},
		"a timer":    func(clk *fake.Clock) { clk.NewTimer(time.Second) },
		"a ticker":   func(clk *fake.Clock) { clk.NewTicker(time.Second) },
		"a function": func(clk *fake.Clock) { clk.AfterFunc(time.Second, func() {}) },
	} {
		clk := fake.NewClock(fake.AutoAdvance())
		begun := clk.Now()
		event(clk)
		after := clk.After(5 * time.Second)
		assert.Equal(t, begun.Add(time.Second), clk.Now(), name)
		assert.Empty(t, after, name)
		require.NoError(t, clk.Sleep(t.Context(), 4*time.Second))
		assert.Equal(t, begun.Add(5*time.Second), <-after, "%s: what moves time that far fills the channel", name)
	}
}

func TestAfterAtTheTimeOfALaterDeadlineHasOneAnswer(t *testing.T) {
	clk := fake.NewClock(fake.AutoAdvance())
	var ctx context.Context
	var cancel context.CancelFunc
	clk.AfterFunc(time.Second, func() { ctx, cancel = clk.WithTimeout(t.Context(), time.Second) })
	after := clk.After(2 * time.Second) // stops at the function
	defer cancel()
	second := clk.After(time.Second)
	assert.Len(t, after, 1)
	assert.Error(t, ctx.Err(), "the deadline is older than the second After")
	assert.Empty(t, second)
}

// A sleeper sets the deadline after the call of After.
func TestAfterFiresBeforeADeadlineOfTheSameTimeThatIsSetLater(t *testing.T) {
	onProcessors(t, 50, func(t *testing.T) {
		clk := fake.NewClock(fake.AutoAdvance())
		var wg sync.WaitGroup
		var limited context.Context
		half := clk.Now().Add(time.Second + 1)
		ctx := &asked{Context: t.Context(), err: func() {
			if limited == nil && clk.Now().Equal(half) {
				var cancel context.CancelFunc
				limited, cancel = clk.WithTimeout(t.Context(), time.Second)
				t.Cleanup(cancel)
			}
		}}
		var after <-chan time.Time
		clk.AfterFunc(1, func() {
			wg.Go(func() { assert.NoError(t, clk.Sleep(ctx, time.Second)) })
			wg.Go(func() { after = clk.After(2 * time.Second) })
			assert.NoError(t, clk.BlockUntil(t.Context(), 2))
		})
		clk.Advance(1)
		wg.Wait()
		assert.Equal(t, "after", selected(limited.Done(), after))
		assert.NoError(t, limited.Err())
		clk.Advance(0)
		assert.Error(t, limited.Err())
	})
}

// The Advance begins while the sleeper looks at its context.
func TestASleeperWaitsForAnAdvanceToAnEarlierTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clk := fake.NewClock(fake.AutoAdvance())
		begun := clk.Now()
		var seen []time.Duration
		ctx := &asked{Context: t.Context(), err: func() {
			seen = append(seen, clk.Now().Sub(begun))
			if len(seen) == 2 { // the first was before the sleep
				go clk.Advance(500 * time.Millisecond)
				synctest.Wait()
			}
		}}
		require.NoError(t, clk.Sleep(ctx, 2*time.Second))
		assert.Contains(t, seen, 500*time.Millisecond)
		assert.Equal(t, 2*time.Second, seen[len(seen)-1])
	})
}

func TestASleepIsNotEndedByATimerThatFiresOnTheWay(t *testing.T) {
	clk := fake.NewClock(fake.AutoAdvance())
	begun := clk.Now()
	timer := clk.NewTimer(time.Second)
	_, cancel := clk.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	require.NoError(t, clk.Sleep(t.Context(), 5*time.Second))
	assert.Equal(t, begun.Add(time.Second), <-timer.C)
	assert.Equal(t, begun.Add(5*time.Second), clk.Now())
}

func TestAdvanceStopsForAnEarlierSleeper(t *testing.T) {
	onProcessors(t, 100, func(t *testing.T) {
		clk := fake.NewClock(fake.AutoAdvance())
		begun := clk.Now()
		var wg sync.WaitGroup
		w := &watched{Context: t.Context(), clk: clk}
		clk.AfterFunc(time.Second, func() {
			wg.Go(func() { assert.NoError(t, clk.Sleep(w, time.Second)) })
			assert.NoError(t, clk.BlockUntil(t.Context(), 1))
		})
		clk.Advance(time.Minute)
		wg.Wait()
		assert.Equal(t, begun.Add(2*time.Second), w.woken)
		assert.Equal(t, begun.Add(time.Minute), clk.Now())
	})
}

func TestACancelledSleeperDelaysNoOther(t *testing.T) {
	onProcessors(t, 100, func(t *testing.T) {
		clk := fake.NewClock(fake.AutoAdvance())
		ctx, cancel := context.WithCancel(t.Context())
		begun := clk.Now()
		var wg sync.WaitGroup
		clk.AfterFunc(1, func() {
			wg.Go(func() { assert.ErrorIs(t, clk.Sleep(ctx, time.Second), context.Canceled) })
			wg.Go(func() { assert.NoError(t, clk.Sleep(t.Context(), time.Minute)) })
			assert.NoError(t, clk.BlockUntil(t.Context(), 2))
			cancel()
		})
		clk.Advance(1)
		wg.Wait()
		assert.Equal(t, begun.Add(time.Minute+1), clk.Now())
		assert.Zero(t, clk.Waiters())
	})
}
