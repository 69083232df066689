package retry

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/internal/raced"
)

// Two goroutines that begin a part of the window at the same moment must count in the same
// slot: no reader sees what is counted in the slot that lost the race.
func TestNoCallIsLostWhereASlotBegins(t *testing.T) {
	const callers = 2
	budgets := make([]*Budget, 50_000)
	for i := range budgets {
		budgets[i] = NewBudget(BudgetConfig{Window: 24 * time.Hour}) // no slot ends before all are counted
	}
	there := make([]atomic.Int32, len(budgets))
	var all sync.WaitGroup
	for range callers {
		all.Go(func() {
			for i, b := range budgets {
				there[i].Add(1)
				for spin := 0; spin < 200 && there[i].Load() < callers; { // so that they begin together
					spin++
				}
				b.Call()
			}
		})
	}
	all.Wait()
	for _, b := range budgets {
		var calls int64
		c := b.counts.Load()
		for _, s := range c.ring.AppendLive(nil, c.now().Epoch) {
			calls += s.Counts.calls.Load()
		}
		require.EqualValues(t, callers, calls)
	}
}

// Two callers that see the same count must not both take the same retry out.
func TestEveryRetryThatIsGivenBackIsUncounted(t *testing.T) {
	const callers = 4
	// Enough for the scheduler to interrupt a caller between its load and its compare-and-swap.
	comeBack := raced.Or(50_000, 5_000_000)
	var s slot
	s.retries.Store(callers * int64(comeBack))
	var missing, begun atomic.Int64
	var all sync.WaitGroup
	for range callers {
		all.Go(func() {
			for begun.Add(1); begun.Load() < callers; {
				runtime.Gosched()
			}
			for range comeBack {
				if !s.takeOut() {
					missing.Add(1)
				}
			}
		})
	}
	all.Wait()
	require.Zero(t, s.retries.Load())
	require.Zero(t, missing.Load())
	require.False(t, s.takeOut())
}
