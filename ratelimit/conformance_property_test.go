package ratelimit_test

import (
	"cmp"
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/ratelimit"
)

// grants records the tokens that a random history was granted.
type grants struct {
	mu    sync.Mutex
	start time.Time
	all   []grant
}

func (g *grants) add(n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.all = append(g.all, grant{time.Since(g.start), n})
}

// inTime acts on a reservation when it is due, however often that time moves.
func (g *grants) inTime(r ratelimit.Reservation, n int, cancelled *atomic.Bool) {
	for d := r.Delay(); d > 0; d = r.Delay() {
		time.Sleep(d)
	}
	if !cancelled.Load() {
		g.add(n)
	}
}

// No window of any history has more than Burst + rate x window tokens: not with random
// cancels, not with pauses, not when reservations are cancelled in any order.
func TestNoWindowExceedsBurstPlusRate(t *testing.T) {
	for n := range *histories {
		seed := *firstSeed + uint64(n)
		synctest.Test(t, func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(seed, 2))
			limit, burst := 1+rnd.IntN(20), 1+rnd.IntN(5)
			l := ratelimit.NewLimiter(ratelimit.Config{Limit: limit, Burst: burst})
			g := &grants{start: time.Now()}
			defer func() {
				if t.Failed() {
					t.Logf("seed %d", seed)
				}
			}()
			var group sync.WaitGroup
			for range 80 {
				time.Sleep(time.Duration(rnd.Int64N(int64(2*time.Second) / int64(limit))))
				n := 1 + rnd.IntN(burst)
				switch k := rnd.IntN(20); {
				case k < 6:
					if l.Allow(n) {
						g.add(n)
					}
				case k < 13:
					ctx, cancel := context.WithCancel(context.Background())
					if rnd.IntN(2) == 0 {
						time.AfterFunc(time.Duration(rnd.Int64N(int64(2*time.Second))), cancel)
					}
					group.Go(func() {
						defer cancel()
						if l.Wait(ctx, n) == nil {
							g.add(n)
						}
					})
				case k < 19:
					r, err := l.Reserve(n, -1)
					require.NoError(t, err)
					var cancelled atomic.Bool
					if rnd.IntN(2) == 0 {
						time.AfterFunc(time.Duration(rnd.Int64N(int64(2*time.Second))), func() {
							if r.Delay() > 0 {
								cancelled.Store(true)
							}
							r.Cancel()
						})
					}
					group.Go(func() { g.inTime(r, n, &cancelled) })
				default:
					l.Pause(time.Duration(rnd.Int64N(int64(time.Second))))
				}
				synctest.Wait()
			}
			group.Wait()
			slices.SortFunc(g.all, func(a, b grant) int { return cmp.Compare(a.at, b.at) })
			conforms(t, g.all, limit, time.Second, burst)
		})
	}
}

// Waiters of a busy limiter are served at its rate, whichever of them give up: no token
// is lost between them.
func TestNoTokenIsLostWhileCallsWait(t *testing.T) {
	for n := range *histories {
		seed := *firstSeed + uint64(n)
		synctest.Test(t, func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(seed, 3))
			burst := 1 + rnd.IntN(3)
			l := ratelimit.NewLimiter(ratelimit.Config{Limit: 10, Burst: burst})
			drain(l)
			start := time.Now()
			var served []time.Duration
			var mu sync.Mutex
			var group sync.WaitGroup
			for range 40 {
				ctx, cancel := context.WithCancel(context.Background())
				if rnd.IntN(2) == 0 {
					time.AfterFunc(time.Duration(rnd.Int64N(int64(3*time.Second)))+1, cancel)
				}
				group.Go(func() {
					defer cancel()
					if l.Wait(ctx, 1) == nil {
						mu.Lock()
						defer mu.Unlock()
						served = append(served, time.Since(start))
					}
				})
				synctest.Wait()
			}
			group.Wait()
			for i, at := range served {
				assert.Equal(t, time.Duration(i+1)*100*time.Millisecond, at, "seed %d", seed)
			}
		})
	}
}
