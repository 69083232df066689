package hedge_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/hedge"
	"github.com/ductile-go/ductile/internal/readings"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

func TestACallThatIsInTimeReadsTheClockOnlyForAnObserverOrALearnedDelay(t *testing.T) {
	for _, delay := range []time.Duration{time.Hour, hedge.AtOnce} {
		inBubble(t, func(t *testing.T) {
			clk := readings.NewClock()
			h := hedge.New[int](hedge.Config{Delay: delay, Budget: hedge.NoBudget, Clock: clk})
			_, err := h.Do(t.Context(), func(context.Context) (int, error) { return 1, nil })
			require.NoError(t, err)
			assert.Zero(t, clk.Count(), "%v", delay)
		})
	}
}

// held is a call whose attempts end when they are told to, in the order of their numbers.
type held struct {
	end   []chan error
	ended chan struct{}
	err   error
}

// hold begins a call of so many attempts, which start one after another. If any kinds are
// given, an observer wants them.
func hold(ctx context.Context, cfg hedge.Config, clk *fake.Clock, attempts int, kinds ...policy.EventKind) *held {
	c := &held{ended: make(chan struct{})}
	for range attempts {
		c.end = append(c.end, make(chan error))
	}
	cfg.Delay, cfg.MaxExtra = time.Second, attempts-1
	var listeners []policy.Listener
	if len(kinds) > 0 {
		listeners = []policy.Listener{{Observe: func(context.Context, policy.Event) {}, Kinds: kinds}}
	}
	call := policy.NewChain[int]("", listeners, hedge.New[int](cfg)).Call(func(ctx context.Context) (int, error) {
		return 0, <-c.end[hedge.Attempt(ctx)-1]
	})
	go func() {
		defer close(c.ended)
		_, c.err = call.Do(ctx)
	}()
	for range attempts - 1 {
		synctest.Wait()
		clk.Advance(time.Second)
	}
	synctest.Wait()
	return c
}

// returns makes an attempt return err.
func (c *held) returns(attempt int, err error) {
	c.end[attempt-1] <- err
	synctest.Wait()
}

func TestAFailureThatStartsNoAttemptReadsNoClock(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		fk := fake.NewClock()
		clk := &readings.Clock{Clock: fk}
		c := hold(t.Context(), hedge.Config{Budget: hedge.NoBudget, Clock: clk}, fk, 2)
		before := clk.Count()
		c.returns(2, errDown)
		assert.Equal(t, before, clk.Count())
		c.returns(1, nil)
		<-c.ended
		assert.NoError(t, c.err)
	})
}

func TestAnEventThatNoObserverWantsReadsNoClock(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		for wanted, begun := range map[policy.EventKind]int{policy.FinishedLate: 2, policy.Hedged: 3} {
			fk := fake.NewClock()
			clk := &readings.Clock{Clock: fk}
			c := hold(t.Context(), hedge.Config{Budget: hedge.NoBudget, Clock: clk}, fk, 2, wanted)
			assert.Equal(t, begun, clk.Count(), "%s: at both starts, and for Hedged", wanted)
			c.returns(2, nil)
			c.returns(1, errDown)
			<-c.ended
			require.NoError(t, c.err)
			assert.Equal(t, 3, clk.Count(), "%s: once for an event", wanted)
		}
	})
}

// A token that is taken and returned could be refused to another call meanwhile.
func TestAFailureAfterTheLastAttemptHasStartedTakesNoToken(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		fk := fake.NewClock()
		clk := &readings.Clock{Clock: fk} // a budget reads it for each token
		budget := retry.NewBudget(retry.BudgetConfig{Clock: clk})
		c := hold(t.Context(), hedge.Config{Budget: budget, OnFailure: true, Clock: fk}, fk, 2)
		before := clk.Count()
		c.returns(2, errDown)
		assert.Equal(t, before, clk.Count())
		c.returns(1, nil)
		<-c.ended
		assert.NoError(t, c.err)
	})
}

// parking is a clock that counts how often a goroutine waits.
type parking struct {
	policy.Clock
	waits atomic.Int64
}

func (p *parking) NewWaiter() policy.Waiter {
	p.waits.Add(1)
	return policy.NewWaiter(nil)
}

func TestTheCallerIsNotWokenByAFailureThatDecidesNothing(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		fk := fake.NewClock()
		clk := &parking{Clock: fk}
		c := hold(t.Context(), hedge.Config{Budget: hedge.NoBudget, Clock: clk}, fk, 3)
		c.returns(1, errDown)
		c.returns(2, errDown)
		c.returns(3, nil)
		<-c.ended
		require.NoError(t, c.err)
		assert.EqualValues(t, 1, clk.waits.Load())
	})
}
