package gate

import (
	"context"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/internal/turn"
	"github.com/ductile-go/ductile/policy"
)

// After a collision on its cell, a call looks everywhere.
func TestACallThatCollidedTakesAPlaceOfTheMainCell(t *testing.T) {
	g := made(Config{Limit: 2})
	for left := int64(1); left >= 0; left-- {
		c, n := g.enterAnywhere()
		require.Same(t, &g.main, c)
		require.Equal(t, left, n)
	}
	assert.Equal(t, Snapshot{Limit: 2, InUse: 2, Admitted: 2}, g.Snapshot())
	c, n := g.enterAnywhere()
	assert.Nil(t, c)
	assert.Zero(t, n)
}

func TestACallThatCollidedAtALargeGateSpreadsIt(t *testing.T) {
	twoProcessors(t)
	g := made(Config{Limit: 64})
	c, left := g.enterAnywhere()
	require.NotNil(t, g.spread.Load())
	assert.NotSame(t, &g.main, c)
	assert.EqualValues(t, 7, left, "8 places were in its cell")
	assert.Equal(t, Snapshot{Limit: 64, InUse: 1, Admitted: 1}, g.Snapshot())
	assert.False(t, g.spreadOut(), "it is spread already")
	assert.True(t, made(Config{Limit: 64}).spreadOut())
}

func TestACallThatFindsAPlaceLeavesTheGateSpread(t *testing.T) {
	g := spreadGate(t, 64, 0)
	require.NotNil(t, g.TryEnter())
	assert.NotNil(t, g.spread.Load())
}

func TestAFullGateHasNoPlaceLeft(t *testing.T) {
	one, many := made(Config{Limit: 1}), spreadGate(t, 64, 0)
	for _, g := range []*Gate{one, many} {
		enterAll(t, g, g.Limit())
		for range 2 { // the first look gathers cells
			c, left := g.enterOrFull()
			assert.Nil(t, c)
			assert.Zero(t, left)
		}
	}
	s := spread{make([]Cell, 8)}
	c, left := s.take()
	assert.Nil(t, c)
	assert.Zero(t, left)
}

// A place was returned to the main cell of a gate that is spread, and its goroutine has not
// moved it to a cell yet.
func TestAReturnedPlaceThatIsNotInACellYetIsFound(t *testing.T) {
	g := spreadGate(t, 64, 0)
	enterAll(t, g, 64)
	g.main.word.Add(1)
	c, left := g.enterOrFull()
	assert.Same(t, &g.main, c)
	assert.Zero(t, left)
	assert.Nil(t, cellOf(g.enterOrFull()))
}

func TestPlacesReturnedToASpreadGateAreInItsCellsAtOnce(t *testing.T) {
	twoProcessors(t)
	g := made(Config{Limit: 64})
	for range 3 {
		require.NotNil(t, cellOf(g.Enter()))
	}
	require.True(t, g.spreadOut())
	for inUse := 2; inUse >= 0; inUse-- {
		g.Leave(&g.main)
		free, _ := g.spread.Load().free()
		require.EqualValues(t, 64-inUse, free)
	}
}

func TestAPlaceFreeInAnotherCellIsNotExhausted(t *testing.T) {
	g := spreadGate(t, 64, 0)
	places := enterAll(t, g, 64)
	first, last := places[0], places[63]
	require.NotSame(t, first, last)
	assert.True(t, g.Exhausted(last, 0))
	g.Leave(first)
	assert.False(t, g.Exhausted(last, 0))
}

// The place was taken from a cell that is gathered when it is returned, while a call waits.
func TestAPlaceOfAGatheredCellGoesToTheWaitingCall(t *testing.T) {
	g := spreadGate(t, 64, 1)
	places := enterAll(t, g, 64)
	waited := goEnter(g)
	g.Leave(places[0])
	require.NoError(t, <-waited)
	for range places[1:] {
		g.Leave(&g.main)
	}
	g.Leave(&g.main)
	assert.True(t, g.Idle())
}

// goEnter starts a call that waits in the queue of g, and returns when it waits. Its error
// is sent when its wait ends.
func goEnter(g *Gate) <-chan error {
	ended := make(chan error, 1)
	waiting := g.Snapshot().Waiting
	go func() {
		_, err := g.EnterSlowly(context.Background())
		ended <- err
	}()
	for g.Snapshot().Waiting == waiting {
		runtime.Gosched()
	}
	return ended
}

func TestASlowEntryTakesAFreePlace(t *testing.T) {
	for name, ctx := range map[string]context.Context{
		"a call": t.Context(), "a speculative call": policy.WithSpeculative(t.Context()),
	} {
		for _, maxQueue := range []int{0, 1} {
			g := made(Config{Limit: 2, MaxQueue: maxQueue})
			for n := range 2 {
				e, err := g.EnterSlowly(ctx)
				require.NoError(t, err, name)
				assert.Same(t, &g.main, e.Cell)
				assert.Equal(t, n == 1, e.Crowded, name)
			}
			assert.Equal(t, Snapshot{Limit: 2, InUse: 2, Admitted: 2}, g.Snapshot(), name)
		}
	}
}

// ending is a context that ends once the gate looks at its values, so during the call.
type ending struct {
	context.Context
	end context.CancelFunc
}

func (e ending) Value(key any) any {
	e.end()
	return e.Context.Value(key)
}

// A policy that abandons calls may have seen this one waiting as its context ended. Without
// such a policy the call was admitted, and what it does is up to its function.
func TestACallAdmittedAsItsContextEndsRunsUnlessItMayBeAbandoned(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	g := made(Config{Limit: 1})
	e, err := g.EnterSlowly(ending{ctx, cancel})
	require.NoError(t, err)
	require.Error(t, ctx.Err())
	assert.Same(t, &g.main, e.Cell)
	g.Leave(e.Cell)

	ctx, cancel = context.WithCancel(t.Context())
	wait := turn.With(ctx)
	e, err = g.EnterSlowly(ending{wait, cancel})
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, err, policy.ErrRejected)
	assert.Nil(t, e.Cell)
	assert.False(t, wait.On())
	assert.True(t, g.Idle())
}

func TestACallThatWasAdmittedWaitsNoMore(t *testing.T) {
	g := made(Config{Limit: 1})
	wait := turn.With(t.Context())
	_, err := g.EnterSlowly(wait)
	require.NoError(t, err)
	assert.False(t, wait.On())
}

// A refused call does not wait any more, also if its context has ended: only a call that
// left the queue for that reason is still marked, for the policy that abandons it.
func TestOnlyACallThatLeftTheQueueIsStillMarkedAsWaiting(t *testing.T) {
	for _, maxQueue := range []int{0, 1} {
		g := made(Config{Limit: 1, MaxQueue: maxQueue})
		g.Enter()
		for range maxQueue {
			goEnter(g)
		}
		for name, enter := range map[string]func(context.Context) error{
			"alone":    func(ctx context.Context) error { _, err := g.EnterSlowly(ctx); return err },
			"observed": func(ctx context.Context) error { _, err := EnterObserved(ctx, g, call); return err },
		} {
			ctx, cancel := context.WithCancel(t.Context())
			wait := turn.With(ctx)
			cancel()
			require.ErrorIs(t, enter(wait), policy.ErrRejected)
			assert.False(t, wait.On(), "%s, a queue of %d", name, maxQueue)
			g.Replace(Config{Limit: 1, MaxQueue: 9}, 0)
			require.ErrorIs(t, enter(wait), context.Canceled)
			assert.True(t, wait.On(), "%s, it left the queue", name)
			wait = turn.With(t.Context())
			ctx, cancel = context.WithCancel(wait) // as by a limit for one attempt
			cancel()
			require.ErrorIs(t, enter(ctx), context.Canceled)
			assert.False(t, wait.On(), "%s, the enclosing call may go on", name)
			g.Replace(Config{Limit: 1, MaxQueue: maxQueue}, 0)
		}
		g.Leave(&g.main)
	}
}

func TestAGateQueuesIfItsConfigHasAQueue(t *testing.T) {
	for maxQueue := range 3 {
		assert.Equal(t, maxQueue > 0, made(Config{Limit: 1, MaxQueue: maxQueue}).Queues())
	}
}

var call = policy.CallOf(func(context.Context) (int, error) { return 1, nil })
