package sim_test

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/sim"
)

const ms = time.Millisecond

// once runs do as the one call of a run of ten seconds.
func once(t *testing.T, do func(ctx context.Context) error) (*sim.Report, error) {
	t.Helper()
	return sim.Run(t.Context(), sim.Scenario{Duration: 10 * seconds, Clients: []sim.Client{{Burst: 1, Do: do}}})
}

// rehearse is once for a do that must not fail. do returns whether it got to its end.
func rehearse(t *testing.T, do func(ctx context.Context, clock policy.Clock, since func() time.Duration)) {
	t.Helper()
	done := false
	_, err := once(t, func(ctx context.Context) error {
		clock := sim.Clock(ctx)
		start := clock.Now()
		do(ctx, clock, func() time.Duration { return clock.Now().Sub(start) })
		done = true
		return nil
	})
	require.NoError(t, err)
	assert.True(t, done, "the function came to its end")
}

func TestEveryDoorOfTheClockWaitsInVirtualTime(t *testing.T) {
	rehearse(t, func(ctx context.Context, clock policy.Clock, since func() time.Duration) {
		assert.NoError(t, policy.Sleep(ctx, clock, 5*ms))
		assert.Equal(t, 5*ms, since())
		assert.NoError(t, policy.Sleep(ctx, clock, 0), "a sleep of 0 takes no time")
		assert.NoError(t, policy.Sleep(ctx, clock, -seconds))
		assert.Equal(t, 5*ms, since())

		w := policy.NewWaiter(clock)
		policy.Go(clock, func() {
			assert.NoError(t, policy.Sleep(ctx, clock, 5*ms))
			w.Wake()
			w.Wake()
		})
		assert.NoError(t, w.Wait(ctx))
		assert.NoError(t, w.Wait(ctx), "a waiter that was woken stays awake")
		assert.Equal(t, 10*ms, since())

		fired := policy.NewWaiter(clock)
		stop := policy.AfterFunc(clock, 5*ms, func() {
			assert.NoError(t, policy.Sleep(ctx, clock, 5*ms), "the function of AfterFunc may wait")
			fired.Wake()
		})
		assert.NoError(t, fired.Wait(ctx))
		assert.Equal(t, 20*ms, since())
		assert.False(t, stop())

		stop = policy.AfterFunc(clock, ms, func() { assert.Fail(t, "it was stopped") })
		assert.True(t, stop())
		assert.False(t, stop())
		assert.NoError(t, policy.Sleep(ctx, clock, 2*ms))

		now := policy.NewWaiter(clock)
		assert.False(t, policy.AfterFunc(clock, 0, now.Wake)())
		assert.NoError(t, now.Wait(ctx))
		assert.Equal(t, 22*ms, since())
	})
}

func TestAWaiterWakesAllThatWait(t *testing.T) {
	rehearse(t, func(ctx context.Context, clock policy.Clock, since func() time.Duration) {
		w, all := policy.NewWaiter(clock), policy.NewWaiter(clock)
		left := 3
		for i := range left {
			policy.Go(clock, func() {
				limited, cancel := clock.WithTimeout(ctx, time.Duration(i+1)*10*ms)
				defer cancel()
				if i == 0 {
					assert.ErrorIs(t, w.Wait(limited), context.DeadlineExceeded)
				} else {
					assert.NoError(t, w.Wait(limited))
				}
				if left--; left == 0 {
					all.Wake()
				}
			})
		}
		assert.NoError(t, policy.Sleep(ctx, clock, 15*ms))
		w.Wake()
		assert.NoError(t, all.Wait(ctx))
		assert.Equal(t, 15*ms, since())
	})
}

func TestAWaitEndsInTheInstantOfItsContext(t *testing.T) {
	cause := errors.New("enough")
	type end struct {
		why  string
		ctx  func(ctx context.Context, clock policy.Clock) context.Context
		is   error
		also error
	}
	after := func(ctx context.Context, clock policy.Clock, f func()) {
		policy.Go(clock, func() {
			_ = policy.Sleep(ctx, clock, 7*ms)
			f()
		})
	}
	for _, e := range []end{
		{"the clock's deadline", func(ctx context.Context, clock policy.Clock) context.Context {
			c, stop := clock.WithTimeout(ctx, 7*ms)
			t.Cleanup(stop)
			return c
		}, context.DeadlineExceeded, nil},
		{"a cancel of the clock's context", func(ctx context.Context, clock policy.Clock) context.Context {
			c, cancel := clock.WithTimeout(ctx, seconds)
			after(ctx, clock, cancel)
			return c
		}, context.Canceled, nil},
		{"a cancel of a derived context", func(ctx context.Context, clock policy.Clock) context.Context {
			c, cancel := context.WithCancelCause(ctx)
			after(ctx, clock, func() { cancel(cause) })
			return c
		}, context.Canceled, cause},
		{"the deadline of an outer context, through two derived ones", func(ctx context.Context, clock policy.Clock) context.Context {
			c, stop := clock.WithTimeout(ctx, 7*ms)
			t.Cleanup(stop)
			c, stop = context.WithCancel(context.WithValue(c, key{}, 1))
			t.Cleanup(stop)
			return c
		}, context.DeadlineExceeded, nil},
		{"a derived context outside of the clock's", func(ctx context.Context, clock policy.Clock) context.Context {
			c, cancel := context.WithCancelCause(ctx)
			after(ctx, clock, func() { cancel(cause) })
			c, stop := clock.WithTimeout(c, seconds)
			t.Cleanup(stop)
			c, stop = clock.WithTimeout(c, seconds)
			t.Cleanup(stop)
			return c
		}, context.Canceled, cause},
		{"a context of real time", func(ctx context.Context, clock policy.Clock) context.Context {
			c, cancel := context.WithCancel(context.Background())
			after(ctx, clock, cancel)
			return c
		}, context.Canceled, nil},
		{"a policy's timeout", func(ctx context.Context, clock policy.Clock) context.Context {
			p := policy.NewTimeout[any](policy.TimeoutConfig{After: 7 * ms, Clock: clock})
			inside := policy.NewWaiter(clock)
			policy.Go(clock, func() {
				_, _ = p.Do(ctx, func(c context.Context) (any, error) {
					ctx = c
					inside.Wake()
					return nil, policy.Sleep(c, clock, time.Hour)
				})
			})
			_ = inside.Wait(ctx)
			return ctx
		}, context.DeadlineExceeded, nil},
	} {
		t.Run(e.why, func(t *testing.T) {
			rehearse(t, func(ctx context.Context, clock policy.Clock, since func() time.Duration) {
				c := e.ctx(ctx, clock)
				assert.NoError(t, c.Err())
				over := policy.NewWaiter(clock)
				policy.Go(clock, func() {
					err := policy.NewWaiter(clock).Wait(c)
					assert.Equal(t, 7*ms, since(), "a Wait")
					assert.ErrorIs(t, err, e.is)
					over.Wake()
				})
				err := policy.Sleep(c, clock, time.Hour)
				assert.Equal(t, 7*ms, since(), "a Sleep")
				assert.ErrorIs(t, err, e.is)
				if e.also != nil {
					assert.ErrorIs(t, err, e.also)
					assert.Equal(t, e.also, context.Cause(c))
				}
				assert.NoError(t, over.Wait(ctx))
				assert.Error(t, policy.Sleep(c, clock, seconds), "a later wait ends at once")
				assert.Error(t, policy.NewWaiter(clock).Wait(c))
				assert.Equal(t, 7*ms, since())
			})
		})
	}
}

type key struct{}

func TestAWaitWithoutCancelDoesNotEndWithItsContext(t *testing.T) {
	rehearse(t, func(ctx context.Context, clock policy.Clock, since func() time.Duration) {
		c, cancel := clock.WithTimeout(ctx, 5*ms)
		defer cancel()
		assert.NoError(t, policy.Sleep(context.WithoutCancel(c), clock, 20*ms))
		assert.Equal(t, 20*ms, since())
		assert.ErrorIs(t, c.Err(), context.DeadlineExceeded)

		inner, stop := clock.WithTimeout(context.WithoutCancel(c), 5*ms)
		defer stop()
		assert.NoError(t, inner.Err())
		assert.ErrorIs(t, policy.Sleep(inner, clock, seconds), context.DeadlineExceeded)
		assert.Equal(t, 25*ms, since())
	})
}

func TestAContextOfTheClockIsOneOfPackageContext(t *testing.T) {
	rehearse(t, func(ctx context.Context, clock policy.Clock, since func() time.Duration) {
		before := runtime.NumGoroutine()
		c, cancel := clock.WithTimeout(context.WithValue(ctx, key{}, 7), 5*ms)
		assert.Equal(t, 7, c.Value(key{}))
		assert.NoError(t, context.Cause(c))
		deadline, ok := c.Deadline()
		assert.True(t, ok)
		assert.Equal(t, clock.Now().Add(5*ms), deadline)
		const many = 1000
		for range many { // without a goroutine for each
			_, drop := context.WithCancel(context.WithValue(c, key{}, 1))
			defer drop()
		}
		assert.Less(t, runtime.NumGoroutine(), before+many/10, "Run may have started its own since")
		shorter, stop := clock.WithTimeout(c, seconds)
		inner, _ := shorter.Deadline()
		assert.Equal(t, deadline, inner, "the earlier of the two")
		cancel()
		assert.ErrorIs(t, shorter.Err(), context.Canceled, "a context ends with its parent")
		stop()
		<-c.Done()

		late, stop := clock.WithTimeout(c, seconds)
		assert.ErrorIs(t, late.Err(), context.Canceled, "the parent has ended")
		<-late.Done()
		assert.ErrorIs(t, context.Cause(late), context.Canceled)
		stop()
		none, stop := clock.WithTimeout(ctx, 0)
		assert.ErrorIs(t, none.Err(), context.DeadlineExceeded)
		assert.ErrorIs(t, context.Cause(none), context.DeadlineExceeded)
		stop()
		assert.Zero(t, since())
	})
}

func TestAFunctionOfAContextRunsAtItsEnd(t *testing.T) {
	rehearse(t, func(ctx context.Context, clock policy.Clock, since func() time.Duration) {
		c, cancel := clock.WithTimeout(ctx, 5*ms)
		defer cancel()
		type hooks interface{ AfterFunc(func()) func() bool }
		ran := time.Duration(-1)
		stop := c.(hooks).AfterFunc(func() { ran = since() })
		assert.True(t, c.(hooks).AfterFunc(func() { assert.Fail(t, "it was stopped") })())
		assert.NoError(t, policy.Sleep(ctx, clock, 9*ms))
		assert.Equal(t, 5*ms, ran)
		assert.False(t, stop())
		late := false
		assert.False(t, c.(hooks).AfterFunc(func() { late = true })())
		assert.True(t, late)
	})
}
