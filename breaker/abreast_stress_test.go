package breaker

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// abreast calls do on two goroutines, n times, and each time as close together as
// possible. In one of 2000 rounds each waits until the other is there, so neither can end
// before the other begins. To wait in all rounds takes minutes on a busy machine.
func abreast(n int, do func(i int, who int64)) {
	there := make([]atomic.Int32, n)
	var all sync.WaitGroup
	for who := range int64(2) {
		all.Go(func() {
			for i := range n {
				there[i].Add(1)
				for spin := 1; there[i].Load() < 2 && (spin < 200 || i%2000 == 0); spin++ {
					if spin%200 == 0 { // the other may need this processor
						runtime.Gosched()
					}
				}
				do(i, who)
			}
		})
	}
	all.Wait()
}

func TestPermitsGivenBackConcurrentlyAreAllCounted(t *testing.T) {
	probations := make([]probation, 20_000)
	for i := range probations {
		probations[i].permits.Store(2)
	}
	abreast(len(probations), func(i int, _ int64) { probations[i].giveBack(0) })
	for i := range probations {
		require.Zero(t, probations[i].permits.Load())
	}
}

func TestTheLaterOfTwoConcurrentGrantTimesIsKept(t *testing.T) {
	probations := make([]probation, 20_000)
	abreast(len(probations), func(i int, who int64) { raise(&probations[i].granted, 0, who+1) })
	for i := range probations {
		require.EqualValues(t, 2, probations[i].granted.Load())
	}
}

func TestConcurrentCallsInANewBucketAreAllCounted(t *testing.T) {
	windows := make([]timeWindow, 20_000)
	for i := range windows {
		windows[i].ring.Init(10, nil)
	}
	abreast(len(windows), func(i int, _ int64) { windows[i].count(5, false, false) })
	for i := range windows {
		require.EqualValues(t, 2, windows[i].counts(5).Failures)
	}
}

func TestOfTwoConcurrentWordsInOnePlaceTheLaterIsKept(t *testing.T) {
	windows := make([]*callWindow, 20_000)
	for i := range windows {
		windows[i] = newCallWindow(1)
	}
	slots := func(who int64) word { return word(1+int64(len(windows[0].ring))*who)*oneCall | endedWell }
	abreast(len(windows), func(i int, who int64) { windows[i].store(slots(who)) })
	for _, w := range windows {
		require.Equal(t, slots(1), word(w.ring[1].Load()))
	}
}
