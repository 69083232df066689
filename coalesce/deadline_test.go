package coalesce_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/ductile-go/ductile/coalesce"
)

func TestTheDeadlineOfTheLastCallerStaysIfNoneAskedBefore(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		first, leaveFirst := until(t, time.Hour)
		f := fly(first)
		second, leaveSecond := until(t, time.Minute)
		f.join(second)
		leaveFirst()
		synctest.Wait()
		leaveSecond()
		synctest.Wait()
		assert.Equal(t, context.Canceled, f.ctx.Err())
		assert.Equal(t, time.Minute, f.within())
		f.end()
	})
}

// The caller of the inner flight is the outer one, as behind a cache: its deadline moves
// while it waits.
func TestAFlightInAFlightHasTheDeadlineOfThoseThatWaitOutside(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		first, leaveFirst := until(t, time.Second)
		outer := coalesce.New[string, int](func(context.Context) (string, bool) { return "outer", true })
		inner := &flying{c: oneKey(), release: func() {}}
		end := make(chan struct{})
		call := func(ctx context.Context) {
			_, _ = outer.Do(ctx, func(ctx context.Context) (int, error) {
				return inner.c.Do(ctx, func(ctx context.Context) (int, error) {
					inner.ctx = ctx
					<-end
					return 42, nil
				})
			})
		}
		inner.all.Go(func() { call(first) })
		synctest.Wait()
		assert.Equal(t, time.Second, inner.within())

		second, leaveSecond := until(t, time.Minute)
		inner.all.Go(func() { call(second) })
		third, leaveThird := context.WithCancel(t.Context())
		inner.all.Go(func() { call(third) })
		synctest.Wait()
		assert.EqualValues(t, -1, inner.within(), "a caller outside has none")
		leaveThird()
		synctest.Wait()
		assert.Equal(t, time.Minute, inner.within())
		leaveFirst()
		synctest.Wait()
		assert.Equal(t, time.Minute, inner.within())
		assert.NoError(t, inner.ctx.Err())
		leaveSecond()
		synctest.Wait()
		assert.Equal(t, context.Canceled, inner.ctx.Err())
		assert.Equal(t, time.Minute, inner.within(), "the last one's stays")
		close(end)
		inner.all.Wait()
	})
}
