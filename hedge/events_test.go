package hedge_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/hedge"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
)

// observed makes a call and returns its events.
func observed(t *testing.T, h *hedge.Hedge[int], run attempts, kinds ...policy.EventKind) []policy.Event {
	t.Helper()
	rec := fake.NewRecorder()
	p := pipeline.New[int](h).WithName("p").WithObserver(rec.Observe, kinds...)
	_, _ = p.Do(t.Context(), run.run)
	time.Sleep(time.Minute)
	synctest.Wait()
	return rec.Events()
}

func TestAHedgeEmitsHedgedRecoveredAndFinishedLate(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		h := hedge.New[int](hedge.Config{Name: "users", Delay: 10 * ms, MaxExtra: 3, OnFailure: true, Budget: hedge.NoBudget})
		events := observed(t, h, attempts{
			after(15*ms, 0, errDown), after(20*ms, 2, nil), deaf(50*ms, 3, nil), deaf(time.Second, 0, errDown),
		})
		own := func(e policy.Event) policy.Event {
			e.Pipeline, e.Policy, e.Name = "p", "hedge", "users"
			return e
		}
		assert.Equal(t, []policy.Event{
			{Kind: policy.Started, Pipeline: "p"},
			own(policy.Event{Kind: policy.Hedged, Attempt: 2, Delay: 10 * ms, Elapsed: 10 * ms, Reason: "delay"}),
			own(policy.Event{Kind: policy.Hedged, Attempt: 3, Elapsed: 15 * ms, Reason: "failure"}),
			own(policy.Event{Kind: policy.Hedged, Attempt: 4, Delay: 10 * ms, Elapsed: 25 * ms, Reason: "delay"}),
			own(policy.Event{Kind: policy.Recovered, Attempt: 2, Elapsed: 30 * ms, Err: errDown}),
			{Kind: policy.Finished, Pipeline: "p", Attempt: 4, Elapsed: 30 * ms, Reason: "hedge"},
			own(policy.Event{Kind: policy.FinishedLate, Attempt: 3, Elapsed: 65 * ms}),
			own(policy.Event{Kind: policy.FinishedLate, Attempt: 4, Elapsed: 1025 * ms, Err: errDown}),
		}, events)
	})
}

func TestAnUnhedgedCallEmitsNoEvent(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		events := observed(t, hedge.New[int](hedge.Config{}), attempts{after(ms, 1, nil)})
		require.Len(t, events, 2)
		assert.Equal(t, policy.Event{Kind: policy.Finished, Pipeline: "p", Attempt: 1, Elapsed: ms}, events[1])
	})
}

func TestFinishedNamesTheWinningAttemptWithoutAnObserverOfRecovered(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		h := hedge.New[int](hedge.Config{Delay: ms})
		events := observed(t, h, attempts{after(time.Second, 1, nil), after(ms, 2, nil)}, policy.Finished)
		require.Len(t, events, 1)
		assert.Equal(t, "hedge", events[0].Reason)
		assert.Equal(t, 2, events[0].Attempt)
	})
}

func TestTheContextOfAnEventHasTheCallersValues(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		type key struct{}
		var seen notes[any]
		p := pipeline.New[int](hedge.New[int](hedge.Config{Delay: ms})).
			WithObserver(func(ctx context.Context, _ policy.Event) { seen.add(ctx.Value(key{})) })
		_, err := p.Do(context.WithValue(t.Context(), key{}, 7), attempts{after(time.Second, 1, nil), after(ms, 2, nil)}.run)
		require.NoError(t, err)
		synctest.Wait()
		assert.Equal(t, []any{7, 7, 7, 7, 7}, seen.get())
	})
}

func TestAnObserversPanicInAnExtraAttemptPanicsInTheCaller(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		p := pipeline.New[int](hedge.New[int](hedge.Config{Delay: ms})).
			WithObserver(func(context.Context, policy.Event) { panic(boom{0}) }, policy.Hedged)
		assert.PanicsWithValue(t, boom{0}, func() { _, _ = p.Do(t.Context(), attempts{after(time.Second, 1, nil)}.run) })
	})
}

func TestRecoveredNeedsAWinningExtraAttemptAndAnObserverOfItsOwn(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		h := hedge.New[int](hedge.Config{Delay: ms})
		first := observed(t, h, attempts{after(10*ms, 1, nil), after(time.Second, 2, nil)}, policy.Recovered)
		assert.Empty(t, first, "the first attempt won")
		extra := observed(t, h, attempts{after(time.Second, 1, nil), after(ms, 2, nil)}, policy.Recovered)
		require.Len(t, extra, 1)
		assert.Equal(t, 2, extra[0].Attempt)
	})
}
