package bulkhead_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
)

func TestAdmitsLimitCallsAtATime(t *testing.T) {
	g := bulkhead.NewGate(bulkhead.Config{Name: "db", Limit: 3})
	places := take(t, g, 3)
	_, err := g.Acquire(t.Context())
	require.ErrorIs(t, err, bulkhead.ErrFull)
	require.ErrorIs(t, err, policy.ErrRejected)
	_, ok := g.TryAcquire()
	assert.False(t, ok)
	assert.Equal(t, bulkhead.Snapshot{Name: "db", Limit: 3, InUse: 3, Admitted: 3, Rejected: 2}, g.Snapshot())
	places[1].Release()
	p, err := g.Acquire(t.Context())
	require.NoError(t, err)
	p.Release()
	assert.Equal(t, bulkhead.Snapshot{Name: "db", Limit: 3, InUse: 2, Admitted: 4, Rejected: 2}, g.Snapshot())
	assert.Equal(t, "db", g.Name())
}

func TestARefusalNamesTheGateAndItsBounds(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g, place := taken(t, bulkhead.Config{Name: "db", MaxQueue: 1})
		w := arrive(g, policy.Normal)
		_, err := g.Acquire(t.Context())
		full, ok := errors.AsType[*bulkhead.FullError](err)
		require.True(t, ok)
		assert.Equal(t, bulkhead.FullError{Name: "db", Limit: 1, MaxQueue: 1}, *full)
		require.EqualError(t, err, `bulkhead: gate "db" is full: Limit is 1 and MaxQueue 1`)
		require.NotErrorIs(t, err, context.Canceled)
		_, hint := policy.RetryAfter(err)
		assert.False(t, hint, "a full gate does not know when a place is free")
		_, again := g.Acquire(t.Context())
		assert.Same(t, full, again)
		place.Release()
		w.leaves()
	})
	assert.Equal(t, "<nil>", (*bulkhead.FullError)(nil).Error())
	assert.Equal(t, "bulkhead: gate is full: Limit is 2 and MaxQueue 0", (&bulkhead.FullError{Limit: 2}).Error())
}

func TestOnlyTheFirstReleaseCounts(t *testing.T) {
	g := bulkhead.NewGate(bulkhead.Config{Limit: 2})
	places := take(t, g, 2)
	places[0].Release()
	places[0].Release()
	assert.Equal(t, 1, g.Snapshot().InUse)
	take(t, g, 1)
	_, ok := g.TryAcquire()
	assert.False(t, ok)
	var zero bulkhead.Place
	zero.Release()
	assert.Equal(t, 2, g.Snapshot().InUse)
}

func TestOfTwoConcurrentReleasesOneCounts(t *testing.T) {
	for range 200 {
		g := bulkhead.NewGate(bulkhead.Config{Limit: 2})
		places := take(t, g, 2)
		var both sync.WaitGroup
		both.Go(places[0].Release)
		both.Go(places[0].Release)
		both.Wait()
		require.Equal(t, 1, g.Snapshot().InUse)
	}
}

func TestAnEndedContextTakesNoPlace(t *testing.T) {
	g := bulkhead.NewGate(bulkhead.Config{Limit: 1})
	cause := errors.New("left")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	_, err := g.Acquire(ctx)
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, err, cause)
	_, err = bulkhead.Do(ctx, g, func(context.Context) (int, error) { panic("ran") })
	require.ErrorIs(t, err, cause)
	assert.Equal(t, bulkhead.Snapshot{Limit: 1}, g.Snapshot())
}

func TestACallCancelledInTheQueueIsRejected(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g, place := taken(t, bulkhead.Config{Name: "db", MaxQueue: 2})
		cause := errors.New("left")
		first, second := arrive(g, policy.Normal), arrive(g, policy.Normal)
		first.cancel(cause)
		synctest.Wait()
		require.True(t, first.isRefused())
		require.ErrorIs(t, first.err, policy.ErrRejected)
		require.ErrorIs(t, first.err, context.Canceled)
		require.ErrorIs(t, first.err, cause)
		require.NotErrorIs(t, first.err, bulkhead.ErrFull)
		require.ErrorContains(t, first.err, `bulkhead: left the queue of gate "db": `)
		assert.Equal(t, bulkhead.Snapshot{Name: "db", Limit: 1, InUse: 1, Waiting: 1, Admitted: 1}, g.Snapshot())
		place.Release()
		synctest.Wait()
		assert.True(t, second.isIn())
		second.leaves()
		assert.True(t, g.Idle())
	})
}

func TestADeadlineEndsAWait(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g, _ := taken(t, bulkhead.Config{MaxQueue: 1})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := g.Acquire(ctx)
		require.ErrorIs(t, err, policy.ErrRejected)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Zero(t, g.Snapshot().Waiting)
	})
}

// A place granted in the moment in which the caller's context ends goes to the next call.
func TestAGrantToAnEndedContextGoesToTheNextCall(t *testing.T) {
	bubble(t, func(t *testing.T) {
		clk := &scripted{Clock: fake.NewClock()}
		g, place := taken(t, bulkhead.Config{MaxQueue: 2, Clock: clk})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var second *visit
		clk.during = func() {
			second = arrive(g, policy.Normal)
			place.Release()
			require.EqualValues(t, 1, g.Snapshot().Waiting, "the first call has the place")
			cancel()
		}
		_, err := g.Acquire(ctx)
		require.ErrorIs(t, err, policy.ErrRejected)
		require.ErrorIs(t, err, context.Canceled)
		synctest.Wait()
		require.True(t, second.isIn())
		assert.EqualValues(t, 2, g.Snapshot().Admitted, "a grant that was passed on is not an admission")
		second.leaves()
		assert.True(t, g.Idle())
	})
}

func TestSetLimitPanicsOnAnInvalidLimit(t *testing.T) {
	g := bulkhead.NewGate(bulkhead.Config{Limit: 1})
	assert.PanicsWithValue(t, "bulkhead: Gate.SetLimit: n is 0, want 1 to 2147483647", func() { g.SetLimit(0) })
	assert.Panics(t, func() { g.SetLimit(-1) })
	g.SetLimit(1<<31 - 1)
	assert.Equal(t, 1<<31-1, g.Snapshot().Limit)
	g.SetLimit(1)
	take(t, g, 1)
	_, ok := g.TryAcquire()
	assert.False(t, ok)
}

func TestSetLimitReplacesTheSharedError(t *testing.T) {
	g := bulkhead.NewGate(bulkhead.Config{Limit: 1})
	take(t, g, 1)
	_, before := g.Acquire(t.Context())
	g.SetLimit(2)
	take(t, g, 1)
	_, after := g.Acquire(t.Context())
	assert.EqualError(t, before, "bulkhead: gate is full: Limit is 1 and MaxQueue 0")
	assert.EqualError(t, after, "bulkhead: gate is full: Limit is 2 and MaxQueue 0")
	g.SetLimit(2)
	_, same := g.Acquire(t.Context())
	assert.Same(t, after, same)
}

// The limit can drop from its maximum to its minimum while calls run. The number of free
// places is then as low as it can be.
func TestTheLimitCanChangeAcrossItsWholeRange(t *testing.T) {
	g := bulkhead.NewGate(bulkhead.Config{Limit: 1<<31 - 1, MaxQueue: 1})
	places := take(t, g, 100)
	g.SetLimit(1)
	assert.Equal(t, bulkhead.Snapshot{Limit: 1, InUse: 100, Admitted: 100}, g.Snapshot())
	_, ok := g.TryAcquire()
	assert.False(t, ok)
	g.SetLimit(1<<31 - 1)
	for _, p := range append(places, take(t, g, 1)...) {
		p.Release()
	}
	assert.True(t, g.Idle())
	assert.EqualValues(t, 101, g.Snapshot().Admitted)
}

func TestAGateIsIdleWithoutHoldersAndWaiters(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g := bulkhead.NewGate(bulkhead.Config{Limit: 1, MaxQueue: 1})
		assert.True(t, g.Idle())
		place := take(t, g, 1)[0]
		assert.False(t, g.Idle())
		w := arrive(g, policy.Normal)
		place.Release()
		assert.False(t, g.Idle())
		w.leaves()
		assert.True(t, g.Idle())
	})
}

func TestSpeculativeCallsNeverWait(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g := bulkhead.NewGate(bulkhead.Config{Limit: 1, MaxQueue: 9})
		extra := policy.WithSpeculative(t.Context())
		p, err := g.Acquire(extra)
		require.NoError(t, err, "a place is free")
		_, err = g.Acquire(extra)
		require.ErrorIs(t, err, bulkhead.ErrFull)
		w := arrive(g, policy.Normal)
		p.Release()
		synctest.Wait()
		require.True(t, w.isIn())
		_, err = g.Acquire(extra)
		require.ErrorIs(t, err, bulkhead.ErrFull)
		assert.Zero(t, g.Snapshot().Waiting)
		w.leaves()
	})
}

func TestASnapshotIsLoggedAndMarshaledByFieldName(t *testing.T) {
	s := bulkhead.Snapshot{Name: "db", Limit: 3, InUse: 2, Rejected: 4}
	out, err := json.Marshal(s)
	require.NoError(t, err)
	assert.JSONEq(t, `{"name":"db","limit":3,"in_use":2,"waiting":0,"rejected":4}`, string(out))
	var back bulkhead.Snapshot
	require.NoError(t, json.Unmarshal(out, &back))
	assert.Equal(t, s, back)
	var text strings.Builder
	slog.New(slog.NewTextHandler(&text, nil)).Info("", "gate", s)
	assert.Contains(t, text.String(), "gate.name=db gate.limit=3 gate.in_use=2 gate.rejected=4")
}

func TestANilOrZeroGatePanics(t *testing.T) {
	for want, g := range map[string]*bulkhead.Gate{
		"gate is nil, want one made by NewGate": nil,
		"zero Gate, want one made by NewGate":   {},
	} {
		assert.PanicsWithValue(t, "bulkhead: New: "+want, func() { bulkhead.New[int](g) })
		assert.PanicsWithValue(t, "bulkhead: Do: "+want, func() { _, _ = bulkhead.Do(t.Context(), g, one) })
	}
	b := bulkhead.New[int](bulkhead.NewGate(bulkhead.Config{Limit: 1}))
	assert.PanicsWithValue(t, "bulkhead: Bulkhead.Do: fn is nil, want a function", func() { _, _ = b.Do(t.Context(), nil) })
	assert.PanicsWithValue(t, "bulkhead: Bulkhead.WithKeep: hold is nil, want a function", func() { b.WithKeep(nil) })
}
