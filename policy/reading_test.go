package policy

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// doing is a policy of a user's.
type doing func(ctx context.Context, next Call[int]) (int, error)

func (d doing) Execute(ctx context.Context, next Call[int]) (int, error) { return d(ctx, next) }

func quick(context.Context) (int, error) { return 1, nil }

// heard returns a listener to Finished that keeps the last event of each pipeline.
func heard() (listeners []Listener, last map[string]Event) {
	last = map[string]Event{}
	return []Listener{{Observe: func(_ context.Context, e Event) { last[e.Pipeline] = e }, Kinds: []EventKind{Finished}}}, last
}

// In real time, two readings differ by some nanoseconds. Each of a hundred calls has the
// same times only if its pipelines and their policies share one reading at the start and
// one at the end.
func TestPipelinesAndTheirPromptPoliciesShareTwoReadings(t *testing.T) {
	var took time.Duration
	listeners, last := heard()
	in := NewChain("in", nil, Policy[int](lapping{took: &took}))
	out := NewChain[int]("out", listeners, in)
	for range 100 {
		_, err := out.Call(quick).Do(t.Context())
		require.NoError(t, err)
		require.Equal(t, took, last["in"].Elapsed)
		require.Equal(t, took, last["out"].Elapsed)
	}
}

func TestACallThatAPanicEndsTakesUntilThePanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		listeners, last := heard()
		panics := lapping{took: new(time.Duration), after: func(c Call[int]) { sleeps(c); panic("boom") }}
		call := NewChain("p", listeners, Policy[int](panics)).Call(func(context.Context) (int, error) {
			time.Sleep(time.Second)
			return 1, nil
		})
		assert.PanicsWithValue(t, "boom", func() { _, _ = call.Do(t.Context()) })
		assert.Equal(t, time.Minute+time.Second, last["p"].Elapsed)
		assert.ErrorIs(t, last["p"].Err, ErrNoReturn)
	})
}

func TestALateAttemptOfAnEndedPipelineIsNotCountedByTheOuterOne(t *testing.T) {
	ended, repeated := make(chan struct{}), make(chan struct{})
	repeats := doing(func(ctx context.Context, next Call[int]) (int, error) {
		go func() {
			defer close(repeated)
			<-ended
			_, _ = next.Again(ctx)
		}()
		return next.Do(ctx)
	})
	waits := doing(func(ctx context.Context, next Call[int]) (int, error) {
		defer func() {
			close(ended)
			<-repeated
		}()
		return next.Do(ctx)
	})
	listeners, last := heard()
	_, err := NewChain[int]("out", listeners, waits, NewChain[int]("in", nil, repeats)).Call(quick).Do(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 1, last["in"].Attempt)
	assert.Equal(t, 1, last["out"].Attempt)
}

// readings is a clock that counts how often it is read, and a policy on that clock.
type readings struct {
	Clock
	n *int
}

func (r readings) Now() time.Time {
	*r.n++
	return time.Now()
}

type onReadings struct {
	doing
	clock readings
	asked *int
}

func (o onReadings) Clock() Clock {
	*o.asked++
	return o.clock
}

func TestAPipelineUsesAClockOnlyForAnObserverOfItsTime(t *testing.T) {
	passes := doing(func(ctx context.Context, next Call[int]) (int, error) { return next.Do(ctx) })
	for kind, want := range map[EventKind]struct{ asked, read int }{Retried: {0, 0}, Started: {1, 0}, Finished: {1, 2}} {
		asked, read := 0, 0
		listeners := []Listener{{Observe: func(context.Context, Event) {}, Kinds: []EventKind{kind}}}
		_, err := NewChain[int]("p", listeners, onReadings{passes, readings{n: &read}, &asked}).Call(quick).Do(t.Context())
		require.NoError(t, err)
		assert.Equal(t, want.asked, asked, "Clock, %s", kind)
		assert.Equal(t, want.read, read, "Now, %s", kind)
	}
}

func TestARescueThatNothingObservesAllocatesNothing(t *testing.T) {
	call, ctx := CallOf(quick), t.Context()
	assert.Zero(t, testing.AllocsPerRun(100, func() { call.Emit(ctx, Event{Kind: Recovered, Policy: "mine"}) }))
}

func TestAChainAndAMemberKeepTheLinksOfAFewPlaces(t *testing.T) {
	chain := NewChain[int]("in", nil, FallbackValue(7))
	m := WithKey("k", Policy[int](chain)).(*member[int])
	listeners, _ := heard()
	for n := range 3*maxPlaces + 1 {
		for _, p := range []Policy[int]{NewSwitch(chain), m} {
			_, err := NewChain("out", listeners, p).Call(quick).Do(t.Context())
			require.NoError(t, err)
		}
		for _, kept := range []*places[int]{chain.places, &m.places} {
			count := 0
			for l := kept.newest.Load(); l != nil; l = l.older {
				count++
			}
			assert.Equal(t, n%maxPlaces+1, count, "of %d places", n+1)
		}
	}
}
