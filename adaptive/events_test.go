package adaptive_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/adaptive"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
)

// observed returns a pipeline of a limiter, and what its observer has heard of the
// limiter's events.
func observed(l *adaptive.Limiter) (*pipeline.Pipeline[int], *fake.Recorder) {
	rec := fake.NewRecorder()
	return pipeline.New[int](adaptive.New[int](l)).WithName("p").WithObserver(rec.Observe,
		policy.Queued, policy.Waited, policy.Rejected, policy.LimitChanged), rec
}

func TestTheCallThatMovesTheLimitEmitsLimitChanged(t *testing.T) {
	r := newRig(t, adaptive.Config{Name: "db", Initial: 10, Target: 50 * ms})
	p, rec := observed(r.Limiter)
	slow := func(context.Context) (int, error) { r.clk.Advance(60 * ms); return 1, nil }
	for range 10 {
		_, err := p.Do(t.Context(), slow)
		require.NoError(t, err)
	}
	assert.Equal(t, []policy.Event{
		{Kind: policy.LimitChanged, Pipeline: "p", Policy: "adaptive", Name: "db", From: "10", To: "9"},
	}, rec.Events())
}

func TestAKeptCallEmitsLimitChanged(t *testing.T) {
	r := newRig(t, adaptive.Config{Initial: 10, Target: 50 * ms})
	a, release := kept(r.Limiter)
	rec := fake.NewRecorder()
	p := pipeline.New[int](a).WithObserver(rec.Observe, policy.LimitChanged)
	for range 10 {
		_, err := p.Do(t.Context(), func(context.Context) (int, error) { r.clk.Advance(60 * ms); return 1, nil })
		require.NoError(t, err)
		release()
	}
	require.Len(t, rec.Events(), 1)
	assert.Equal(t, "9", rec.Events()[0].To)
	for range 10 {
		_, _ = p.Do(t.Context(), func(context.Context) (int, error) { r.clk.Advance(60 * ms); return 0, context.DeadlineExceeded })
	}
	require.Len(t, rec.Events(), 2)
	assert.Equal(t, "8", rec.Events()[1].To)
}

func TestWaitsAndRefusalsAreEmitted(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l, permit := taken(t, adaptive.Config{Name: "db", MaxQueue: 1, MaxWait: time.Second})
		p, rec := observed(l)
		go func() { _, _ = p.Do(context.Background(), one) }()
		synctest.Wait()
		_, full := p.Do(t.Context(), one)
		require.ErrorIs(t, full, adaptive.ErrLimited)
		time.Sleep(ms)
		permit.Record(policy.Ignored)
		synctest.Wait()
		assert.Equal(t, []policy.Event{
			{Kind: policy.Queued, Pipeline: "p", Policy: "adaptive", Name: "db"},
			{Kind: policy.Rejected, Pipeline: "p", Policy: "adaptive", Name: "db", Reason: "queue_full", Err: full},
			{Kind: policy.Waited, Pipeline: "p", Policy: "adaptive", Name: "db", Delay: ms},
		}, rec.Events())
	})
}

// The time in the queue is our own, and says nothing about the dependency.
func TestTheTimeInTheQueueIsNoPartOfASample(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l, permit := taken(t, adaptive.Config{MaxQueue: 1, Target: time.Second, MinCalls: 1, Window: 1})
		go func() {
			_, _ = adaptive.Do(context.Background(), l, func(context.Context) (int, error) { time.Sleep(ms); return 1, nil })
		}()
		synctest.Wait()
		time.Sleep(time.Minute)
		permit.Record(policy.Ignored)
		time.Sleep(ms)
		synctest.Wait()
		assert.Equal(t, 2, l.Limit(), "a call that was queued shows that the limit was reached")
	})
}

func TestHedgesNeverWait(t *testing.T) {
	l, permit := taken(t, adaptive.Config{MaxQueue: 1})
	p, rec := observed(l)
	_, err := p.Do(policy.WithSpeculative(t.Context()), one)
	require.ErrorIs(t, err, adaptive.ErrLimited)
	require.Len(t, rec.Events(), 1)
	assert.Equal(t, "speculative", rec.Events()[0].Reason)
	permit.Record(policy.Ignored)
}

func TestHigherPrioritiesAreServedFirst(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l, permit := taken(t, adaptive.Config{Max: 1, MaxQueue: 2})
		var order []policy.Priority
		for _, p := range []policy.Priority{policy.Low, policy.Normal, policy.High} { // the queue is full: High displaces Low
			go func() {
				_, err := adaptive.Do(policy.WithPriority(context.Background(), p), l, func(context.Context) (int, error) {
					order = append(order, p)
					return 1, nil
				})
				assert.Equal(t, p == policy.Low, err != nil)
			}()
			synctest.Wait()
		}
		permit.Record(policy.Ignored)
		synctest.Wait()
		assert.Equal(t, []policy.Priority{policy.High, policy.Normal}, order)
	})
}
