package turn_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ductile-go/ductile/internal/turn"
)

func TestBeginAndEndReachAllOuterWaits(t *testing.T) {
	ctx, outer := turn.With(t.Context())
	ctx, inner := turn.With(ctx)
	assert.False(t, outer.On() || inner.On())
	w := turn.Begin(ctx)
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
	ctx, outer := turn.With(t.Context())
	ctx, cancel := context.WithCancel(ctx)
	ctx, inner := turn.With(ctx)
	cancel()
	turn.Begin(ctx).Leave()
	assert.True(t, inner.On())
	assert.False(t, outer.On())
}
