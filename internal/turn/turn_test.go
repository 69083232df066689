package turn_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ductile-go/ductile/internal/turn"
)

func TestBeginAndEndReachAllOuterWaits(t *testing.T) {
	outer := turn.With(t.Context())
	inner := turn.With(outer)
	assert.False(t, outer.On() || inner.On())
	w := turn.Begin(inner)
	assert.True(t, outer.On() && inner.On())
	w.End()
	assert.False(t, outer.On() || inner.On())
}

func TestBeginWithoutAWaitDoesNothing(t *testing.T) {
	w := turn.Begin(context.Background())
	w.End()
	assert.False(t, w.On())
	assert.Zero(t, testing.AllocsPerRun(10, func() { turn.Begin(context.Background()).End() }))
}

// The inner context has ended, so the inner call is about to return. The outer call may go
// on.
func TestLeaveEndsTheWaitsWhoseContextHasNotEnded(t *testing.T) {
	outer := turn.With(t.Context())
	ctx, cancel := context.WithCancel(outer)
	inner := turn.With(ctx)
	cancel()
	turn.Begin(inner).Leave()
	assert.True(t, inner.On())
	assert.False(t, outer.On())
}

func TestAWaitIsOffWhileAFunctionRuns(t *testing.T) {
	w := turn.With(t.Context())
	turn.Begin(w)
	w.Started()
	w.Started()
	assert.False(t, w.On())
	w.Returned()
	assert.False(t, w.On(), "another one runs")
	w.Returned()
	assert.True(t, w.On(), "the next attempt waits")
}

func TestAContextIsPrintedWithoutALookAtItsFields(t *testing.T) {
	assert.Equal(t, "context.Background", fmt.Sprint(turn.With(context.Background())))
}
