package bulkhead_test

import (
	"context"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
)

// stream is a value that outlives its call.
type stream struct{ close func() }

func streams(g *bulkhead.Gate) *bulkhead.Bulkhead[*stream] {
	return bulkhead.New[*stream](g).WithKeep(func(_ context.Context, s *stream, release func()) *stream {
		s.close = release
		return s
	})
}

func open(context.Context) (*stream, error) { return new(stream), nil }

func TestAKeptValueHoldsItsPlaceUntilReleased(t *testing.T) {
	g := bulkhead.NewGate(bulkhead.Config{Limit: 2})
	ctx, cancel := context.WithCancel(t.Context())
	first, err := streams(g).Do(ctx, open)
	require.NoError(t, err)
	_, err = pipeline.New[*stream](streams(g)).Do(t.Context(), open)
	require.NoError(t, err)
	assert.Equal(t, 2, g.Snapshot().InUse)
	cancel()
	assert.Equal(t, 2, g.Snapshot().InUse, "the end of the context does not release the place")
	_, err = streams(g).Do(t.Context(), open)
	require.ErrorIs(t, err, bulkhead.ErrFull)
	var all sync.WaitGroup
	for range 8 {
		all.Go(first.close)
	}
	all.Wait()
	assert.Equal(t, 1, g.Snapshot().InUse)
}

func TestAFailedCallKeepsNoPlace(t *testing.T) {
	g := bulkhead.NewGate(bulkhead.Config{Limit: 1})
	b := bulkhead.New[*stream](g).WithKeep(func(context.Context, *stream, func()) *stream { panic("kept") })
	_, err := b.Do(t.Context(), func(context.Context) (*stream, error) { return nil, errDown })
	require.ErrorIs(t, err, errDown)
	assert.True(t, g.Idle())
}

func TestAPanicOrGoexitInHoldKeepsNoPlace(t *testing.T) {
	g := bulkhead.NewGate(bulkhead.Config{Limit: 1})
	b := bulkhead.New[*stream](g)
	panics := b.WithKeep(func(context.Context, *stream, func()) *stream { panic("boom") })
	assert.PanicsWithValue(t, "boom", func() { _, _ = panics.Do(t.Context(), open) })
	assert.True(t, g.Idle())
	exits := b.WithKeep(func(context.Context, *stream, func()) *stream { runtime.Goexit(); return nil })
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = exits.Do(t.Context(), open)
	}()
	<-ended
	assert.True(t, g.Idle())
	_, err := b.Do(t.Context(), open)
	require.NoError(t, err, "WithKeep changes a copy")
	assert.True(t, g.Idle())
}

func TestAReleasedKeptPlaceGoesToTheWaiter(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g := bulkhead.NewGate(bulkhead.Config{Limit: 1, MaxQueue: 1})
		s, err := streams(g).Do(t.Context(), open)
		require.NoError(t, err)
		v := arrive(g, policy.Normal)
		require.True(t, v.waits())
		s.close()
		<-v.ended
		require.NoError(t, v.err)
		v.leaves()
	})
}

// The function of WithKeep is part of the time that an outer circuit measures, although an
// inner circuit has just read the clock.
func TestAnOuterCircuitMeasuresHold(t *testing.T) {
	bubble(t, func(t *testing.T) {
		rec := fake.NewRecorder()
		circuit := func() policy.Policy[int] {
			return breaker.New[int](breaker.NewCircuit(breaker.Config{Window: time.Hour, FailureRate: 0.5}))
		}
		slow := bulkhead.New[int](bulkhead.NewGate(bulkhead.Config{Limit: 1})).
			WithKeep(func(_ context.Context, v int, release func()) int {
				time.Sleep(time.Minute)
				release()
				return v
			})
		_, err := pipeline.New[int](circuit(), slow, circuit()).
			WithObserver(rec.Observe, policy.Judged, policy.Finished).Do(t.Context(), one)
		require.NoError(t, err)
		events := rec.Events()
		require.Len(t, events, 3)
		assert.Zero(t, events[0].Took, "of the inner circuit")
		assert.Equal(t, time.Minute, events[1].Took, "of the outer circuit")
		assert.Equal(t, time.Minute, events[2].Elapsed, "of the pipeline")
	})
}
