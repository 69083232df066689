package ratelimit_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/ratelimit"
)

// brittle is a clock that panics at its next readings.
type brittle struct {
	*fake.Clock
	panics atomic.Int64
}

func (b *brittle) Now() time.Time {
	if b.panics.Add(-1) >= 0 {
		panic("no time")
	}
	return b.Clock.Now()
}

// A waiter reads the clock when it is due, and again when it leaves after the panic.
func TestAWaiterWhoseClockPanicsAgainHoldsUpNoOther(t *testing.T) {
	for _, readings := range []int64{1, 2} {
		synctest.Test(t, func(t *testing.T) {
			clk := &brittle{Clock: fake.NewClock()}
			l := ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Burst: 1, Clock: clk})
			assert.True(t, l.Allow(1))
			raised, served := make(chan any, 1), make(chan error, 1)
			go func() {
				defer func() { raised <- recover() }()
				_ = l.Wait(context.Background(), 1)
			}()
			synctest.Wait()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			go func() { served <- l.Wait(ctx, 1) }()
			synctest.Wait()
			clk.panics.Store(readings)
			clk.Advance(time.Second)
			synctest.Wait()
			assert.Equal(t, "no time", <-raised)
			clk.Advance(2 * time.Second)
			synctest.Wait()
			if assert.Len(t, served, 1, "the waiter behind is served") {
				assert.NoError(t, <-served)
			}
			assert.Zero(t, l.Snapshot().Waiting)
		})
	}
}
