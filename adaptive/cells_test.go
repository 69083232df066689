package adaptive

import (
	"context"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/policy"
)

// inCells reports whether the places of an idle limiter are in several cells.
func inCells(l *Limiter) bool {
	c, left := l.gate.Enter()
	l.gate.Leave(c)
	return left < int64(l.Limit())-1
}

// A large limiter has its places in several cells once calls have collided. A cell that is
// empty does not mean that the limit was reached.
func TestALargeLimitIsNotReachedByACellsLastPlace(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	l := NewLimiter(Config{Initial: 64, Target: time.Hour, MinCalls: 1, Window: 1})
	for round := 0; round < 30 && !inCells(l); round++ {
		var all sync.WaitGroup
		for range 2 {
			all.Go(func() {
				for range 100_000 {
					if c, _ := l.gate.Enter(); c != nil { // nil while the places are moved
						l.gate.Leave(c)
					}
				}
			})
		}
		all.Wait()
	}
	var permits [63]Permit
	for n := range permits {
		for i := range n {
			var err error
			permits[i], err = l.Acquire(t.Context())
			require.NoError(t, err)
		}
		_, err := Do(t.Context(), l, func(context.Context) (int, error) { return 1, nil })
		require.NoError(t, err)
		for i := range n {
			permits[i].Record(policy.Success)
		}
		require.Equal(t, 64, l.Limit(), "%d places are free", 63-n)
	}
}
