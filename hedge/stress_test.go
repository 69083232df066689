package hedge_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/hedge"
	"github.com/ductile-go/ductile/policy"
)

// ledger records the outcome of every value that an attempt made.
type ledger struct {
	made, returned, discarded sync.Map
	next                      atomic.Int64
}

func (l *ledger) run(ctx context.Context) (int64, error) {
	switch rand.IntN(8) {
	case 0:
		return 0, errDown
	case 1:
		return 0, policy.ErrRejected
	}
	for range rand.IntN(200) { // some end before an extra attempt, some after, some during it
		if runtime.Gosched(); ctx.Err() != nil && rand.IntN(2) == 0 {
			return 0, ctx.Err()
		}
	}
	n := l.next.Add(1)
	l.made.Store(n, true)
	return n, nil
}

func (l *ledger) once(t *testing.T, in *sync.Map, n int64) {
	if _, twice := in.LoadOrStore(n, true); twice {
		t.Errorf("value %d twice", n)
	}
}

func length(m *sync.Map) (n int) {
	m.Range(func(any, any) bool { n++; return true })
	return n
}

// TestEveryValueIsReturnedOrDiscardedOnce runs in real time, so attempts end in any
// order. Leaked goroutines fail the package's tests.
func TestEveryValueIsReturnedOrDiscardedOnce(t *testing.T) {
	for name, cfg := range map[string]hedge.Config{
		"by time":    {Delay: 5 * time.Microsecond, MaxExtra: 3, Budget: hedge.NoBudget},
		"on failure": {Delay: 20 * time.Microsecond, MaxExtra: 3, OnFailure: true, Budget: hedge.NoBudget},
		"at once":    {Delay: hedge.AtOnce, MaxExtra: 2, Budget: hedge.NoBudget},
		"abandon":    {Delay: 5 * time.Microsecond, MaxExtra: 3, OnFailure: true, Abandon: true, Budget: hedge.NoBudget},
		"learned":    {MinCalls: 5, MinDelay: time.Microsecond, Quantile: 0.5, MaxExtra: 2},
	} {
		t.Run(name, func(t *testing.T) {
			const callers, each = 16, 60
			l := &ledger{}
			h := hedge.New[int64](cfg).WithDiscard(func(n int64) { l.once(t, &l.discarded, n) })
			var wg sync.WaitGroup
			for range callers {
				wg.Go(func() {
					for n := range each {
						ctx, cancel := context.WithCancel(t.Context())
						if n%7 == 0 {
							go cancel()
						}
						v, err := h.Do(ctx, l.run)
						if err == nil {
							l.once(t, &l.returned, v)
						} else {
							assert.True(t, errors.Is(err, errDown) || errors.Is(err, policy.ErrRejected) || errors.Is(err, context.Canceled), "%v", err)
						}
						cancel()
					}
				})
			}
			wg.Wait()
			for length(&l.made) != length(&l.returned)+length(&l.discarded) {
				runtime.Gosched() // wait for late attempts
			}
			l.returned.Range(func(n, _ any) bool {
				_, both := l.discarded.Load(n)
				return assert.False(t, both, "value %d was returned and discarded", n)
			})
			require.NotZero(t, length(&l.returned))
		})
	}
}
