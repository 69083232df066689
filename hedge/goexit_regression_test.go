package hedge_test

import (
	"context"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/ductile-go/ductile/hedge"
)

// exitingDiscard returns a function for WithDiscard that notes all values, and calls
// runtime.Goexit for the first, as a test's double does with t.FailNow.
func exitingDiscard() (*notes[int], func(int)) {
	n := &notes[int]{}
	var once sync.Once
	return n, func(v int) {
		n.add(v)
		once.Do(runtime.Goexit)
	}
}

func TestTheCallerIsWokenIfADiscardCallsGoexit(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		discarded, discard := exitingDiscard()
		h := hedge.New[int](hedge.Config{Delay: ms, Budget: hedge.NoBudget}).WithDiscard(discard)
		d := took(func() {
			_, err := h.Do(t.Context(), attempts{after(5*ms, 7, errDown), after(10*ms, 0, errDown)}.run)
			assert.ErrorIs(t, err, errDown)
		})
		assert.Equal(t, 11*ms, d, "when the last attempt has failed")
		assert.Equal(t, []int{7}, discarded.get())
	})
}

func TestALateFailureIsReportedIfADiscardCallsGoexit(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		var late notes[error]
		discarded, discard := exitingDiscard()
		h := hedge.New[int](hedge.Config{Delay: ms, Budget: hedge.NoBudget}).WithDiscard(discard).WithOnLate(late.add)
		_, err := h.Do(t.Context(), attempts{after(5*ms, 1, nil), deaf(10*ms, 2, errDown)}.run)
		assert.NoError(t, err)
		time.Sleep(time.Second)
		assert.Equal(t, []int{2}, discarded.get())
		assert.Equal(t, []error{errDown}, late.get())
	})
}

func TestAWinnerIsDiscardedIfTheDiscardOfAnotherValueCallsGoexit(t *testing.T) {
	var winner context.Context
	winning := func(ctx context.Context) (int, error) {
		winner = ctx
		return after(10*ms, 9, nil)(ctx)
	}
	for name, all := range map[string]attempts{
		"the caller takes the winner":     {after(5*ms, 7, errDown), winning},
		"the caller panics after the win": {panicking(20*ms, boom{1}), after(5*ms, 7, errDown), winning},
	} {
		inBubble(t, func(t *testing.T) {
			discarded, discard := exitingDiscard()
			h := hedge.New[int](hedge.Config{Delay: ms, MaxExtra: len(all) - 1, Budget: hedge.NoBudget}).WithDiscard(discard)
			var done sync.WaitGroup
			done.Go(func() { _, _ = h.Do(context.Background(), all.run) })
			done.Wait()
			synctest.Wait()
			assert.Equal(t, []int{7, 9}, discarded.get(), name)
			assert.Error(t, winner.Err(), name)
		})
	}
}
