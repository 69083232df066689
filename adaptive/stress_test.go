package adaptive_test

import (
	"context"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/ductile-go/ductile/adaptive"
	"github.com/ductile-go/ductile/policy"
)

// Calls of all kinds on all cores, while short windows move the limit. There are more callers
// than places, and they go on until the limit has moved.
func TestNoPlaceIsLostWhileTheLimitMoves(t *testing.T) {
	for name, target := range map[string]time.Duration{"climb": 0, "aimd": 20 * time.Microsecond} {
		const goroutines, each, most, moves = 120, 200, 80, 5
		var h heard
		var moved atomic.Int64
		l := adaptive.NewLimiter(adaptive.Config{
			Initial: 70, Max: most, Target: target, MinCalls: 1, Window: 1, MaxQueue: 4,
			OnChange: func(c adaptive.Change) { h.hear(c); moved.Add(1) },
		})
		a := adaptive.New[int](l)
		keeping := a.WithKeep(func(_ context.Context, v int, release func()) int { release(); release(); return v })
		var in, called, admitted, refused atomic.Int64
		fn := func(context.Context) (int, error) {
			assert.LessOrEqual(t, in.Add(1), int64(most))
			runtime.Gosched()
			in.Add(-1)
			admitted.Add(1)
			return 1, nil
		}
		var all sync.WaitGroup
		for i := range goroutines {
			all.Go(func() {
				rnd := rand.New(rand.NewPCG(uint64(i), 9))
				for n := 0; n < each || moved.Load() < moves; n++ {
					called.Add(1)
					var err error
					switch rnd.IntN(4) {
					case 0:
						_, err = a.Do(context.Background(), fn)
					case 1:
						_, err = keeping.Do(context.Background(), fn)
					case 2:
						func() {
							defer func() { _ = recover() }()
							_, err = a.Do(context.Background(), func(ctx context.Context) (int, error) { _, _ = fn(ctx); panic("boom") })
						}()
					default:
						var p adaptive.Permit
						if p, err = l.Acquire(context.Background()); err == nil {
							_, _ = fn(context.Background())
							var other sync.WaitGroup
							other.Go(func() { p.Record(policy.Success) })
							p.Record(policy.Failure)
							other.Wait()
						}
					}
					if err != nil {
						refused.Add(1)
						runtime.Gosched()
					}
					_ = l.Snapshot()
				}
			})
		}
		all.Wait()
		s := l.Snapshot()
		assert.Zero(t, s.InUse+s.Waiting, name)
		assert.Equal(t, admitted.Load(), s.Admitted, name)
		assert.Equal(t, refused.Load(), s.Rejected, name)
		assert.Equal(t, called.Load(), s.Admitted+s.Rejected, name)
		h.follows(t, 70, s.Limit)
	}
}
