package coalesce_test

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestContextsDerivedFromAFlightStartNoGoroutine(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		f := fly(t.Context())
		before := runtime.NumGoroutine()
		derived := make([]context.Context, 100)
		for i := range derived {
			ctx, cancel := context.WithCancel(context.WithValue(f.ctx, keyOf{}, 1))
			defer cancel()
			derived[i] = ctx
		}
		// Half of them, since goroutines of the runtime and of other tests come and go.
		assert.Less(t, runtime.NumGoroutine(), before+len(derived)/2)
		f.end()
		for _, ctx := range derived {
			assert.Equal(t, context.Canceled, ctx.Err(), "they end with the flight")
		}
	})
}

func TestDerivedContextsEndWithTheErrorAndCauseOfTheLastCaller(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, errLeft)
		defer cancel()
		f := fly(ctx)
		child, stop := context.WithCancel(context.WithValue(f.ctx, keyOf{}, 1))
		defer stop()
		<-child.Done()
		for _, ctx := range []context.Context{f.ctx, child} {
			assert.Equal(t, context.DeadlineExceeded, ctx.Err())
			assert.Equal(t, errLeft, context.Cause(ctx))
		}
		f.end()
		assert.Equal(t, context.DeadlineExceeded, f.ctx.Err(), "and keep them when the function returns")
	})
}

func TestTheContextEndsBeforeTheCallReturns(t *testing.T) {
	for _, listens := range []bool{false, true} {
		c := oneKey()
		var kept context.Context
		_, err := c.Do(t.Context(), func(ctx context.Context) (int, error) {
			if kept = ctx; listens {
				_ = ctx.Done()
			}
			return 0, nil
		})
		require.NoError(t, err)
		assert.Equal(t, context.Canceled, kept.Err())
		assert.Equal(t, context.Canceled, context.Cause(kept))
		<-kept.Done()
	}
}

// An end that has no cause, as of a custom context whose parent lives, is its own cause.
func TestACustomContextWithoutACauseEndsTheFlight(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		parent, cancel := context.WithCancel(t.Context())
		defer cancel()
		done := make(chan struct{})
		custom := &customCtx{Context: parent, done: done}
		f := fly(custom)
		custom.end()
		synctest.Wait()
		assert.Equal(t, errDown, f.ctx.Err())
		assert.Equal(t, errDown, context.Cause(f.ctx))
		f.end()
	})
}

// customCtx ends with an error of its own.
type customCtx struct {
	context.Context
	mu   sync.Mutex
	done chan struct{}
	err  error
}

func (c *customCtx) Done() <-chan struct{} { return c.done }

func (c *customCtx) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

func (c *customCtx) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.err = errDown
	close(c.done)
}

func TestAContextIsPrintedWithoutALookAtItsFields(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		f := fly(t.Context())
		assert.Equal(t, "flight", fmt.Sprint(f.ctx))
		f.end()
	})
}
