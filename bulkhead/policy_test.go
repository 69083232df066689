package bulkhead_test

import (
	"context"
	"encoding/json"
	"errors"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	bclock "github.com/benbjohnson/clock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/policytest"
	"github.com/ductile-go/ductile/retry"
)

func TestABulkheadKeepsThePolicyContract(t *testing.T) {
	configs := map[string]bulkhead.Config{
		"no queue":         {Limit: 3},
		"fifo":             {Limit: 3, MaxQueue: 100},
		"a short queue":    {Limit: 1, MaxQueue: 2, MaxWait: time.Minute},
		"lifo":             {Limit: 3, MaxQueue: 10, Order: bulkhead.LIFO, MaxWait: 10 * time.Millisecond},
		"adaptive":         {Limit: 2, MaxQueue: 10, Order: bulkhead.Adaptive, Delay: codel},
		"places for cells": {Limit: 64, MaxQueue: 1},
	}
	for name, cfg := range configs {
		t.Run(name, func(t *testing.T) {
			policytest.Run(t, func() policy.Policy[int] { return bulkhead.New[int](bulkhead.NewGate(cfg)) })
		})
		t.Run(name+" on a fake clock", func(t *testing.T) {
			policytest.Run(t, func() policy.Policy[int] {
				on := cfg
				on.Clock = fake.NewClock(fake.AutoAdvance())
				return bulkhead.New[int](bulkhead.NewGate(on))
			})
		})
	}
}

func TestThePlaceIsReleasedHoweverTheFunctionEnds(t *testing.T) {
	g := bulkhead.NewGate(bulkhead.Config{Limit: 1})
	b := bulkhead.New[int](g)
	runs := map[string]func(policy.Func[int]) (int, error){
		"Do":      func(fn policy.Func[int]) (int, error) { return b.Do(t.Context(), fn) },
		"alone":   func(fn policy.Func[int]) (int, error) { return bulkhead.Do(t.Context(), g, fn) },
		"Execute": func(fn policy.Func[int]) (int, error) { return b.Execute(t.Context(), policy.CallOf(fn)) },
		"WithKeep": func(fn policy.Func[int]) (int, error) {
			return b.WithKeep(func(_ context.Context, v int, release func()) int { release(); return v }).Do(t.Context(), fn)
		},
	}
	for name, run := range runs {
		t.Run(name, func(t *testing.T) {
			v, err := run(func(context.Context) (int, error) {
				assert.Equal(t, 1, g.Snapshot().InUse)
				return 42, nil
			})
			require.NoError(t, err)
			assert.Equal(t, 42, v)
			_, err = run(func(context.Context) (int, error) { return 0, errDown })
			assert.Same(t, errDown, err)
			assert.PanicsWithValue(t, "boom", func() { _, _ = run(func(context.Context) (int, error) { panic("boom") }) })
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				_, _ = run(func(context.Context) (int, error) { runtime.Goexit(); return 0, nil })
			}()
			<-ended
			assert.True(t, g.Idle())
		})
	}
	assert.EqualValues(t, 16, g.Snapshot().Admitted)
}

func TestDoRemovesMarksAndExecuteKeepsThem(t *testing.T) {
	g := bulkhead.NewGate(bulkhead.Config{Limit: 1})
	b := bulkhead.New[int](g)
	marked := func(context.Context) (int, error) { return 0, retry.Permanent(breaker.Judge(errDown, policy.Ignored)) }
	_, err := bulkhead.Do(t.Context(), g, marked)
	assert.Same(t, errDown, err)
	_, err = b.WithKeep(func(_ context.Context, v int, _ func()) int { return v }).Do(t.Context(), marked)
	assert.Same(t, errDown, err)
	_, err = b.Execute(t.Context(), policy.CallOf(marked))
	assert.NotSame(t, errDown, err)
	assert.ErrorIs(t, err, errDown)
}

func TestABulkheadDescribesItsCurrentLimit(t *testing.T) {
	clk := fake.NewClock()
	g := bulkhead.NewGate(bulkhead.Config{
		Name: "db", Limit: 3, MaxQueue: 4, MaxWait: time.Second, Order: bulkhead.Adaptive, Delay: codel, Clock: clk,
		Priority: policy.PriorityOf,
	})
	b := bulkhead.New[int](g)
	assert.Equal(t, "bulkhead(db, 3)", b.String())
	assert.Equal(t, "db", b.Name())
	g.SetLimit(5)
	assert.Equal(t, "bulkhead(db, 5)", b.String())
	assert.Equal(t, "bulkhead(5)", bulkhead.New[string](bulkhead.NewGate(bulkhead.Config{Limit: 5})).String())
	assert.Equal(t, "retry(3) > bulkhead(db, 5)", pipeline.New[int](retry.New[int](retry.Config{}), b).String())
	out, err := json.Marshal(b.Describe())
	require.NoError(t, err)
	assert.JSONEq(t, `{"kind":"bulkhead","name":"db","detail":"5","config":{"name":"db","limit":5,"max_queue":4,
		"max_wait":1000000000,"order":"adaptive","delay":{"target":5000000,"interval":100000000}}}`, string(out))
	var back struct{ Config bulkhead.Config }
	require.NoError(t, json.Unmarshal(out, &back))
	assert.Equal(t, bulkhead.Adaptive, back.Config.Order)
	assert.Equal(t, policy.Clock(clk), b.Clock())
	assert.Same(t, g, b.Gate())
}

// A retry asks the policies inside it before it sleeps. A full gate does not know when it
// has a place, so the next policy is asked.
func TestRefusalOfAFullGateAsksThePoliciesInside(t *testing.T) {
	g, _ := taken(t, bulkhead.Config{})
	b := bulkhead.New[int](g)
	require.NoError(t, b.Refusal(t.Context(), 0))
	c := breaker.NewCircuit(breaker.Config{})
	c.Isolate("")
	chain := policy.NewChain[int]("", nil, b, breaker.New[int](c))
	assert.ErrorIs(t, chain.Refusal(t.Context(), time.Second), breaker.ErrOpen)
}

func TestAnOuterCircuitIgnoresRefusalsOfTheGate(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g, place := taken(t, bulkhead.Config{MaxQueue: 1})
		c := breaker.NewCircuit(breaker.Config{FailureThreshold: 1})
		p := pipeline.New[int](breaker.New[int](c), policy.Timeout[int](time.Second), bulkhead.New[int](g))
		_, err := p.Do(t.Context(), one)
		require.ErrorIs(t, err, context.DeadlineExceeded, "the timeout ends the wait")
		require.ErrorIs(t, err, policy.ErrRejected)
		assert.Equal(t, breaker.Closed, c.State(), "a wait in the gate's queue is not a failure of the dependency")
		w := arrive(g, policy.Normal)
		_, err = p.Do(t.Context(), one)
		require.ErrorIs(t, err, bulkhead.ErrFull)
		assert.Equal(t, breaker.Closed, c.State())
		place.Release()
		w.leaves()
	})
}

// A timeout that abandons its function sees that the call is still queued: an outer
// circuit must not count a wait in the queue as a failure.
func TestACallAbandonedInTheQueueIsRejected(t *testing.T) {
	for name, cfg := range map[string]bulkhead.Config{
		"for as long as it can": {MaxQueue: 1},
		"for a bounded time":    {MaxQueue: 1, MaxWait: time.Minute},
	} {
		for range 20 { // the timeout's and the waiter's goroutines are woken together
			bubble(t, func(t *testing.T) {
				g, place := taken(t, cfg)
				c := breaker.NewCircuit(breaker.Config{FailureThreshold: 1})
				abandon := policy.NewTimeout[int](policy.TimeoutConfig{After: time.Second, Abandon: true})
				p := pipeline.New[int](breaker.New[int](c), abandon, bulkhead.New[int](g))
				_, err := p.WithObserver(func(context.Context, policy.Event) {}).Do(t.Context(), one)
				require.ErrorIs(t, err, policy.ErrRejected, name)
				_, err = p.Do(t.Context(), one)
				require.ErrorIs(t, err, policy.ErrRejected, name)
				require.ErrorIs(t, err, context.DeadlineExceeded)
				require.Equal(t, breaker.Closed, c.State(), name)
				place.Release()
				_, err = p.Do(t.Context(), func(context.Context) (int, error) { time.Sleep(time.Minute); return 1, nil })
				require.ErrorIs(t, err, context.DeadlineExceeded)
				require.NotErrorIs(t, err, policy.ErrRejected, "a call whose function ran is not rejected")
				require.Equal(t, breaker.Open, c.State())
				time.Sleep(time.Hour)
				require.True(t, g.Idle())
			})
		}
	}
}

// A place is returned as the timeout passes, in either order: the call is rejected, or
// its function has run and is abandoned. The place is not lost.
func TestAPlaceReturnedAsACallIsAbandonedIsNotLost(t *testing.T) {
	for range 200 {
		bubble(t, func(t *testing.T) {
			g, place := taken(t, bulkhead.Config{MaxQueue: 1})
			abandon := policy.NewTimeout[int](policy.TimeoutConfig{After: time.Second, Abandon: true})
			p := pipeline.New[int](abandon, bulkhead.New[int](g))
			time.AfterFunc(time.Second, place.Release)
			var ran atomic.Bool
			begun := time.Now()
			_, err := p.Do(t.Context(), func(context.Context) (int, error) {
				ran.Store(true)
				time.Sleep(time.Minute) // ignores its context
				return 1, nil
			})
			require.Equal(t, time.Second, time.Since(begun), "the call does not wait for a function that ignores its context")
			rejected := errors.Is(err, policy.ErrRejected)
			time.Sleep(time.Hour)
			require.False(t, ran.Load() && rejected, "a call whose function ran is not rejected")
			require.True(t, g.Idle())
		})
	}
}

func TestAnOuterRetryEndsAtAFullGate(t *testing.T) {
	g, _ := taken(t, bulkhead.Config{})
	clk := fake.NewClock(fake.AutoAdvance())
	p := pipeline.New[int](retry.New[int](retry.Config{Clock: clk, RetryRejected: true}), bulkhead.New[int](g))
	_, err := p.Do(t.Context(), one)
	require.ErrorIs(t, err, bulkhead.ErrFull)
	assert.Empty(t, clk.Sleeps(), "a rejection without RetryAfter is final")
}

// clocks lists the clocks under test, each with the function that advances it.
func clocks() map[string]func() (policy.Clock, func(time.Duration)) {
	return map[string]func() (policy.Clock, func(time.Duration)){
		"fake":        func() (policy.Clock, func(time.Duration)) { c := fake.NewClock(); return c, c.Advance },
		"benbjohnson": func() (policy.Clock, func(time.Duration)) { c := bclock.NewMock(); return c, c.Add },
		"synctest":    func() (policy.Clock, func(time.Duration)) { return nil, time.Sleep },
	}
}

func TestWaitsAreMeasuredOnTheGatesClock(t *testing.T) {
	for name, build := range clocks() {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				clk, pass := build()
				g, place := taken(t, bulkhead.Config{
					MaxQueue: 9, MaxWait: 20 * time.Millisecond, Order: bulkhead.Adaptive, Delay: codel, Clock: clk,
				})
				first := arrive(g, policy.Normal)
				pass(19 * time.Millisecond)
				synctest.Wait()
				require.True(t, first.waits())
				second := arrive(g, policy.Normal)
				pass(time.Millisecond)
				synctest.Wait()
				require.True(t, first.isRefused())
				require.ErrorIs(t, first.err, bulkhead.ErrFull)
				last := second
				for range 12 { // a standing queue
					pass(7 * time.Millisecond)
					last = arrive(g, policy.Normal)
				}
				pass(4 * time.Millisecond)
				synctest.Wait()
				require.True(t, last.waits())
				pass(time.Millisecond)
				synctest.Wait()
				require.True(t, last.isRefused(), "an overloaded gate waits for Target")
				pass(time.Second)
				synctest.Wait()
				assert.Zero(t, g.Snapshot().Waiting)
				w := arrive(g, policy.Normal)
				place.Release()
				synctest.Wait()
				require.True(t, w.isIn())
				pass(time.Hour)
				w.leaves()
				assert.True(t, g.Idle())
			})
		})
	}
}

// A fake clock counts the calls that wait for a place, so a test can block until they
// wait.
func TestAFakeClockCountsCallsThatWait(t *testing.T) {
	clk := fake.NewClock()
	g, place := taken(t, bulkhead.Config{MaxQueue: 9, Clock: clk})
	v := come(t.Context(), g)
	require.NoError(t, clk.BlockUntil(t.Context(), 1))
	assert.Equal(t, 1, g.Snapshot().Waiting)
	place.Release()
	<-v.ended
	require.NoError(t, v.err)
	assert.Zero(t, clk.Waiters())
	v.leaves()
}

// On an AutoAdvance clock the holder's sleep advances time, and the queue's deadlines
// fire during it.
func TestAnAutoAdvanceClockEndsWaitsDuringTheHoldersSleep(t *testing.T) {
	clk := fake.NewClock(fake.AutoAdvance())
	g, place := taken(t, bulkhead.Config{MaxQueue: 9, MaxWait: time.Second, Clock: clk})
	v := come(t.Context(), g)
	require.NoError(t, clk.BlockUntil(t.Context(), 2), "one wait and one timer")
	require.NoError(t, policy.Sleep(t.Context(), clk, time.Minute))
	<-v.ended
	require.ErrorIs(t, v.err, bulkhead.ErrFull)
	place.Release()
}

// broken is a clock whose waiters fail.
type broken struct{ *fake.Clock }

var errBroken = errors.New("a clock that cannot wait")

type brokenWaiter struct{ panics bool }

func (b brokenWaiter) Wait(context.Context) error {
	if b.panics {
		panic(errBroken)
	}
	return errBroken
}
func (brokenWaiter) Wake() {}

func (broken) NewWaiter() policy.Waiter { return brokenWaiter{} }

type panicking struct{ *fake.Clock }

func (panicking) NewWaiter() policy.Waiter { return brokenWaiter{panics: true} }

func TestAClockThatCannotWaitLeavesNoWaiterBehind(t *testing.T) {
	g, place := taken(t, bulkhead.Config{MaxQueue: 1, Clock: broken{fake.NewClock()}})
	_, err := g.Acquire(t.Context())
	require.ErrorIs(t, err, errBroken)
	require.ErrorIs(t, err, policy.ErrRejected)
	assert.Zero(t, g.Snapshot().Waiting)
	place.Release()
	assert.True(t, g.Idle())

	g, place = taken(t, bulkhead.Config{MaxQueue: 1, Clock: panicking{fake.NewClock()}})
	assert.Panics(t, func() { _, _ = g.Acquire(t.Context()) })
	assert.Zero(t, g.Snapshot().Waiting)
	place.Release()
	assert.True(t, g.Idle())
}
