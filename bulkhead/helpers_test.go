package bulkhead_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
)

var errDown = errors.New("down")

// visit is one Acquire on its own goroutine.
type visit struct {
	cancel context.CancelCauseFunc
	place  bulkhead.Place
	err    error
	ended  chan struct{} // closed when Acquire returns
}

// come calls Acquire on a new goroutine.
func come(ctx context.Context, g *bulkhead.Gate) *visit {
	v := &visit{ended: make(chan struct{})}
	ctx, v.cancel = context.WithCancelCause(ctx)
	go func() {
		defer close(v.ended)
		v.place, v.err = g.Acquire(ctx)
	}()
	return v
}

// arrive calls come in a bubble, and returns when the call is admitted, refused or
// waiting.
func arrive(g *bulkhead.Gate, p policy.Priority) *visit {
	v := come(policy.WithPriority(context.Background(), p), g)
	synctest.Wait()
	return v
}

// waits reports whether Acquire has not returned.
func (v *visit) waits() bool {
	select {
	case <-v.ended:
		return false
	default:
		return true
	}
}

func (v *visit) isIn() bool      { return !v.waits() && v.err == nil }
func (v *visit) isRefused() bool { return !v.waits() && v.err != nil }

// leaves ends a visit in any state.
func (v *visit) leaves() {
	v.cancel(nil)
	<-v.ended
	v.place.Release()
}

// take takes n free places.
func take(t testing.TB, g *bulkhead.Gate, n int) []*bulkhead.Place {
	t.Helper()
	places := make([]*bulkhead.Place, n)
	for i := range places {
		places[i] = new(bulkhead.Place)
		var ok bool
		*places[i], ok = g.TryAcquire()
		require.True(t, ok, "place %d of %d", i+1, n)
	}
	return places
}

// taken returns a gate whose only place is taken, and that place.
func taken(t testing.TB, cfg bulkhead.Config) (*bulkhead.Gate, *bulkhead.Place) {
	t.Helper()
	cfg.Limit = 1
	g := bulkhead.NewGate(cfg)
	return g, take(t, g, 1)[0]
}

func bubble(t *testing.T, f func(t *testing.T)) { t.Helper(); synctest.Test(t, f) }

func one(context.Context) (int, error) { return 1, nil }

func isFull(err error) bool { return errors.Is(err, bulkhead.ErrFull) }

// scripted is a fake clock whose next waiter does not wait: it runs during in Wait, on the
// goroutine of the call, and then returns as if it was woken. So what happens during a wait
// has one order.
type scripted struct {
	*fake.Clock
	during func()
}

func (s *scripted) NewWaiter() policy.Waiter {
	during := s.during
	if s.during = nil; during == nil {
		return s.Clock.NewWaiter()
	}
	return scriptedWaiter{during}
}

type scriptedWaiter struct{ during func() }

func (w scriptedWaiter) Wait(context.Context) error { w.during(); return nil }
func (scriptedWaiter) Wake()                        {}

// raise sets most to at least n.
func raise(most *atomic.Int64, n int64) {
	for {
		m := most.Load()
		if n <= m || most.CompareAndSwap(m, n) {
			return
		}
	}
}
