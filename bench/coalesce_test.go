package bench_test

import (
	"context"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/zeromicro/go-zero/core/syncx"
	"golang.org/x/sync/singleflight"

	"github.com/ductile-go/ductile/coalesce"
	"github.com/ductile-go/ductile/pipeline"
)

func init() {
	workloads["FlightAlone"] = workload{always(succeed), func() []contender { return append(flights(ownKey), bare) }}
	workloads["FlightShared"] = workload{always(succeed), func() []contender { return flights(sameKey) }}
}

func BenchmarkFlightAlone(b *testing.B)  { measure(b, "FlightAlone") }
func BenchmarkFlightShared(b *testing.B) { measure(b, "FlightShared") }

func TestFlightsCallOnce(t *testing.T) {
	succeeds(t, "FlightAlone")
}

func TestFlightsShareTheCallsOfAKey(t *testing.T) {
	for _, c := range flights(sameKey) {
		t.Run(c.lib, func(t *testing.T) {
			var calls atomic.Int64
			begun, end := make(chan struct{}), make(chan struct{})
			work := func() (int, error) {
				if calls.Add(1) == 1 {
					close(begun)
				}
				<-end
				return 1, nil
			}
			do := c.bind(callee{value: work, fn: func(context.Context) (int, error) { return work() }})
			var all, others sync.WaitGroup
			one := func() {
				_, err := do(t.Context())
				assert.NoError(t, err)
			}
			all.Go(one)
			<-begun
			for range 4 {
				others.Add(1)
				all.Go(func() { others.Done(); one() })
			}
			others.Wait()
			close(end)
			all.Wait()
			require.LessOrEqual(t, calls.Load(), int64(5), "some may come after the end")
		})
	}
}

type flightKey struct{}

// ownKey gives each goroutine a key of its own, so that no call joins another.
var ownKeys atomic.Int64

func ownKey() string { return "key-" + strconv.FormatInt(ownKeys.Add(1), 10) }

func sameKey() string { return "key" }

// flights are libraries that make one call of those with the same key.
func flights(key func() string) []contender {
	ours := pipeline.New(coalesce.New[string, int](func(ctx context.Context) (string, bool) {
		k, ok := ctx.Value(flightKey{}).(string)
		return k, ok
	}))
	var do, channel singleflight.Group
	zero := syncx.NewSingleFlight()
	boxed := func(f callee) func() (any, error) {
		return func() (any, error) { return f.fn(context.Background()) }
	}
	return []contender{
		{"ductile", func(f callee) call {
			ctx := context.WithValue(context.Background(), flightKey{}, key())
			return func(context.Context) (int, error) { return ours.Do(ctx, f.fn) }
		}},
		{"xsync-chan", func(f callee) call {
			k, fn := key(), boxed(f)
			return func(ctx context.Context) (int, error) {
				select {
				case r := <-channel.DoChan(k, fn):
					n, _ := r.Val.(int)
					return n, r.Err
				case <-ctx.Done():
					return 0, ctx.Err()
				}
			}
		}},
		{"xsync-do", func(f callee) call {
			k, fn := key(), boxed(f)
			return func(context.Context) (int, error) {
				v, err, _ := do.Do(k, fn)
				n, _ := v.(int)
				return n, err
			}
		}},
		{"gozero", func(f callee) call {
			k, fn := key(), boxed(f)
			return func(context.Context) (int, error) {
				v, err := zero.Do(k, fn)
				n, _ := v.(int)
				return n, err
			}
		}},
	}
}
