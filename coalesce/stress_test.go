package coalesce_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/coalesce"
	"github.com/ductile-go/ductile/policy"
)

// crowd is a thousand goroutines that call at random. It runs in real time, so anything
// can happen at the same moment; goroutines left behind fail the package's tests.
type crowd struct {
	t    *testing.T
	c    *coalesce.Coalesce[int, int64]
	runs atomic.Int64
	// alone counts, by key, the runs that callers can join. It is exact only if no caller
	// leaves and no key is forgotten.
	alone    [4]atomic.Int64
	exact    bool
	returned atomic.Int64
	left     atomic.Int64
	raised   atomic.Int64
	exited   atomic.Int64
}

func (c *crowd) run(key int) policy.Func[int64] {
	return func(ctx context.Context) (int64, error) {
		n := c.runs.Add(1)
		if now := c.alone[key].Add(1); c.exact && now > 1 {
			c.t.Errorf("%d runs of key %d at a time", now, key)
		}
		defer c.alone[key].Add(-1)
		// Until a call has joined another's flight, flights go on for as long as their callers
		// stay. There are more callers than keys, so one of them joins.
		for c.c.Snapshot().Joined == 0 && ctx.Err() == nil {
			runtime.Gosched()
		}
		for range rand.IntN(20) {
			if runtime.Gosched(); ctx.Err() != nil && rand.IntN(2) == 0 {
				return 0, context.Cause(ctx)
			}
		}
		switch rand.IntN(20) {
		case 0:
			return 0, errDown
		case 1:
			panic(errDown)
		case 2:
			runtime.Goexit()
		}
		return n*4 + int64(key), nil // the value says which key it is of
	}
}

// call makes one call and checks what it returns.
func (c *crowd) call(leaves bool) {
	key := rand.IntN(len(c.alone))
	ctx, leave := context.WithCancelCause(with(c.t.Context(), key))
	defer leave(nil)
	var gone sync.WaitGroup
	if leaves && rand.IntN(3) == 0 {
		gone.Go(func() {
			for range rand.IntN(20) {
				runtime.Gosched()
			}
			leave(errLeft)
		})
	}
	if leaves && rand.IntN(50) == 0 {
		c.c.Forget(key)
	}
	done := make(chan struct{})
	go func() { // of its own, since it may exit
		defer close(done)
		count := &c.exited
		defer func() {
			if r := recover(); r != nil {
				count = &c.raised
				assert.Equal(c.t, errDown, r)
			}
			count.Add(1)
		}()
		v, err := c.c.Do(ctx, c.run(key))
		count = &c.returned
		switch {
		case err == nil:
			assert.EqualValues(c.t, key, v%4, "the value of another key")
			assert.NotZero(c.t, v, "a zero success")
		case errors.Is(err, errLeft):
			count = &c.left
			assert.ErrorIs(c.t, context.Cause(ctx), errLeft, "a caller that has not left gets the end of another")
		default:
			assert.Equal(c.t, errDown, err)
		}
	}()
	<-done
	gone.Wait()
}

func TestAThousandCallersShare(t *testing.T) {
	for name, leaves := range map[string]bool{"all stay": false, "some leave": true} {
		t.Run(name, func(t *testing.T) {
			captureLog(t) // panics without a caller
			c := &crowd{t: t, c: byKey[int, int64](), exact: !leaves}
			const callers, each = 1000, 2
			begin := make(chan struct{})
			var all sync.WaitGroup
			for range callers {
				all.Go(func() {
					<-begin
					for range each {
						c.call(leaves)
					}
				})
			}
			close(begin)
			all.Wait()
			s := c.c.Snapshot()
			assert.Zero(t, s.InFlight)
			assert.LessOrEqual(t, s.Flights+s.Joined, int64(callers*each), "some have left before their call")
			assert.LessOrEqual(t, c.runs.Load(), s.Flights, "a flight runs its function once, or not if its caller has left")
			if !leaves {
				assert.EqualValues(t, callers*each, s.Flights+s.Joined)
				assert.Equal(t, s.Flights, c.runs.Load())
				assert.Zero(t, c.left.Load())
			}
			require.EqualValues(t, callers*each, c.returned.Load()+c.left.Load()+c.raised.Load()+c.exited.Load())
			assert.NotZero(t, s.Joined)
		})
	}
}
