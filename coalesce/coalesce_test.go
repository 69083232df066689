package coalesce_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/coalesce"
)

func TestCallersOfOneKeyShareOneRun(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := oneKey().WithName("users")
		runs := 0
		fn := func(ctx context.Context) (int, error) {
			runs++
			return after(time.Second, 42, nil)(ctx)
		}
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() {
				v, err := c.Do(t.Context(), fn)
				assert.Equal(t, 42, v)
				assert.NoError(t, err)
			})
		}
		synctest.Wait()
		assert.Equal(t, coalesce.Snapshot{Name: "users", InFlight: 1, Flights: 1, Joined: 99}, c.Snapshot())
		all.Wait()
		assert.Equal(t, 1, runs)
		assert.Equal(t, coalesce.Snapshot{Name: "users", Flights: 1, Joined: 99}, c.Snapshot())

		_, err := c.Do(t.Context(), fn)
		require.NoError(t, err)
		assert.Equal(t, 2, runs, "nothing is kept after a flight")
	})
}

func TestCallersOfOtherKeysDoNotShare(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := byKey[int, int]()
		var all sync.WaitGroup
		for key := range 10 {
			for range 3 {
				all.Go(func() {
					v, err := c.Do(with(t.Context(), key), after(time.Second, key, nil))
					assert.Equal(t, key, v)
					assert.NoError(t, err)
				})
			}
		}
		all.Wait()
		assert.Equal(t, coalesce.Snapshot{Flights: 10, Joined: 20}, c.Snapshot())
	})
}

func TestCallsWithoutAKeyRunOnTheCallersGoroutine(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := byKey[string, int]()
		runs := make(chan bool, 2)
		var all sync.WaitGroup
		for range 2 {
			all.Go(func() {
				defer func() { assert.Equal(t, "boom", recover()) }()
				_, _ = c.Do(t.Context(), func(ctx context.Context) (int, error) {
					runs <- ctx == t.Context()
					panic("boom")
				})
			})
		}
		all.Wait()
		assert.True(t, <-runs)
		assert.True(t, <-runs)
		assert.Zero(t, c.Snapshot())
	})
}

func TestAnErrorIsShared(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := oneKey()
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() {
				v, err := c.Do(t.Context(), after(time.Second, 7, errDown))
				assert.Equal(t, 7, v, "with the value that came with it")
				assert.Same(t, errDown, err)
			})
		}
		all.Wait()
		assert.EqualValues(t, 1, c.Snapshot().Flights)
	})
}

func TestTheFlightGoesOnWhenItsFirstCallerLeaves(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := oneKey()
		first, leave := context.WithCancelCause(t.Context())
		var all sync.WaitGroup
		begun := time.Now()
		all.Go(func() {
			_, err := c.Do(first, after(time.Minute, 42, nil))
			assert.ErrorIs(t, err, context.Canceled)
			assert.ErrorIs(t, err, errLeft)
			assert.Equal(t, time.Second, time.Since(begun), "at once")
		})
		synctest.Wait()
		for range 9 {
			all.Go(func() {
				v, err := c.Do(t.Context(), after(time.Hour, 0, errDown))
				assert.Equal(t, 42, v)
				assert.NoError(t, err)
				assert.Equal(t, time.Minute, time.Since(begun))
			})
		}
		time.Sleep(time.Second)
		leave(errLeft)
		all.Wait()
		assert.Equal(t, coalesce.Snapshot{Flights: 1, Joined: 9}, c.Snapshot())
	})
}

func TestAJoinerLeavesAtItsDeadline(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := oneKey()
		begun := time.Now()
		var all sync.WaitGroup
		all.Go(func() {
			v, err := c.Do(t.Context(), after(300*time.Millisecond, 42, nil))
			assert.Equal(t, 42, v)
			assert.NoError(t, err)
		})
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		_, err := c.Do(ctx, after(0, 1, nil))
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, 20*time.Millisecond, time.Since(begun))
		all.Wait()
	})
}

// ends is how a flight's context ended.
type ends struct{ err, cause error }

func TestTheFlightEndsWithTheErrorAndCauseOfItsLastCaller(t *testing.T) {
	for name, asked := range map[string]bool{"the function waits for its end": true, "the function looks at it later": false} {
		for by, want := range map[string]error{"cancel": context.Canceled, "deadline": context.DeadlineExceeded} {
			t.Run(name+", "+by, func(t *testing.T) {
				inBubble(t, func(t *testing.T) {
					c := oneKey()
					seen := make(chan ends, 1)
					fn := func(ctx context.Context) (int, error) {
						if asked {
							<-ctx.Done()
						} else {
							time.Sleep(time.Minute)
						}
						child, cancel := context.WithCancel(ctx)
						defer cancel()
						assert.Equal(t, ctx.Err(), child.Err())
						assert.Equal(t, context.Cause(ctx), context.Cause(child))
						seen <- ends{ctx.Err(), context.Cause(ctx)}
						return 0, nil
					}
					first, cancel := context.WithTimeoutCause(t.Context(), time.Second, errDown)
					defer cancel()
					last, leave := context.WithCancelCause(t.Context())
					if by == "deadline" {
						var end context.CancelFunc
						last, end = context.WithTimeoutCause(last, 2*time.Second, errLeft)
						defer end()
					}
					var all sync.WaitGroup
					all.Go(func() {
						_, err := c.Do(first, fn)
						assert.ErrorIs(t, err, errDown)
					})
					synctest.Wait()
					all.Go(func() {
						_, err := c.Do(last, fn)
						assert.ErrorIs(t, err, errLeft)
						assert.ErrorIs(t, err, want)
					})
					time.Sleep(3 * time.Second)
					leave(errLeft)
					all.Wait()
					assert.Equal(t, ends{want, errLeft}, <-seen)
				})
			})
		}
	}
}

func TestACallAfterTheLastCallerHasLeftBeginsANewFlight(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := oneKey()
		ctx, leave := context.WithCancel(t.Context())
		var all sync.WaitGroup
		deaf := func(context.Context) (int, error) { time.Sleep(time.Minute); return 1, nil }
		all.Go(func() { _, _ = c.Do(ctx, deaf) })
		synctest.Wait()
		leave()
		synctest.Wait()
		assert.Equal(t, coalesce.Snapshot{Flights: 1}, c.Snapshot(), "the old flight still runs, and cannot be joined")
		v, err := c.Do(t.Context(), after(time.Second, 2, nil))
		assert.Equal(t, 2, v)
		assert.NoError(t, err)

		// The old flight ends during a third one, and must leave that in place.
		all.Go(func() { _, _ = c.Do(t.Context(), after(time.Hour, 3, nil)) })
		time.Sleep(2 * time.Minute)
		assert.Equal(t, coalesce.Snapshot{InFlight: 1, Flights: 3}, c.Snapshot())
		all.Wait()
	})
}

func TestALeaverThatIsNotTheLastForgetsNothing(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := oneKey()
		var all sync.WaitGroup
		all.Go(func() { _, _ = c.Do(t.Context(), after(time.Minute, 42, nil)) })
		synctest.Wait()
		ctx, leave := context.WithCancel(t.Context())
		all.Go(func() { _, _ = c.Do(ctx, after(0, 1, nil)) })
		synctest.Wait()
		leave()
		synctest.Wait()
		v, err := c.Do(t.Context(), after(0, 1, nil))
		assert.Equal(t, 42, v, "it joined")
		assert.NoError(t, err)
		all.Wait()
	})
}
