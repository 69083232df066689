package bulkhead_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
)

// heard returns a pipeline of a bulkhead on g, and its events without Started and
// Finished.
func heard(g *bulkhead.Gate) (*pipeline.Pipeline[int], *fake.Recorder) {
	rec := fake.NewRecorder()
	p := pipeline.New[int](bulkhead.New[int](g)).WithName("p").WithObserver(rec.Observe, policy.Queued, policy.Waited, policy.Rejected)
	return p, rec
}

func event(e policy.Event) policy.Event {
	e.Pipeline, e.Policy, e.Name = "p", "bulkhead", "db"
	return e
}

func TestACallServedAtOnceEmitsNoEvent(t *testing.T) {
	p, rec := heard(bulkhead.NewGate(bulkhead.Config{Name: "db", Limit: 1, MaxQueue: 1}))
	_, err := p.Do(t.Context(), one)
	require.NoError(t, err)
	assert.Empty(t, rec.Events())
}

func TestACallThatWaitsEmitsQueuedAndWaited(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g, place := taken(t, bulkhead.Config{Name: "db", MaxQueue: 1})
		p, rec := heard(g)
		go func() {
			time.Sleep(time.Second)
			place.Release()
		}()
		_, err := p.Do(t.Context(), one)
		require.NoError(t, err)
		assert.Equal(t, []policy.Event{
			event(policy.Event{Kind: policy.Queued}), event(policy.Event{Kind: policy.Waited, Delay: time.Second}),
		}, rec.Events())
		assert.True(t, g.Idle())
	})
}

func TestASlowObserverDoesNotMakeAWaitLonger(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g, place := taken(t, bulkhead.Config{MaxQueue: 1, MaxWait: time.Second})
		defer place.Release()
		p := pipeline.New[int](bulkhead.New[int](g)).WithObserver(func(context.Context, policy.Event) {
			time.Sleep(time.Second)
		}, policy.Queued)
		start := time.Now()
		_, err := p.Do(t.Context(), one)
		require.ErrorIs(t, err, bulkhead.ErrFull)
		assert.Equal(t, time.Second, time.Since(start))
	})
}

func TestARejectedEventHasTheReason(t *testing.T) {
	type ctx = context.Context
	plain := func(c ctx) (ctx, context.CancelFunc) { return c, func() {} }
	cases := map[string]struct {
		cfg     bulkhead.Config
		caller  func(ctx) (ctx, context.CancelFunc)
		during  func(g *bulkhead.Gate) // runs while the call waits
		queued  bool
		elapsed time.Duration
	}{
		"queue_full":  {cfg: bulkhead.Config{}, caller: plain},
		"max_wait":    {cfg: bulkhead.Config{MaxQueue: 1, MaxWait: time.Second}, caller: plain, queued: true, elapsed: time.Second},
		"speculative": {cfg: bulkhead.Config{MaxQueue: 1}, caller: func(c ctx) (ctx, context.CancelFunc) { return policy.WithSpeculative(c), func() {} }},
		"displaced": {cfg: bulkhead.Config{MaxQueue: 1}, caller: plain, queued: true, elapsed: time.Millisecond, during: func(g *bulkhead.Gate) {
			time.Sleep(time.Millisecond)
			v := arrive(g, policy.High)
			v.leaves()
		}},
		"deadline": {cfg: bulkhead.Config{MaxQueue: 1}, queued: true, elapsed: time.Minute, caller: func(c ctx) (ctx, context.CancelFunc) {
			return context.WithTimeout(c, time.Minute)
		}},
		"canceled": {cfg: bulkhead.Config{MaxQueue: 1}, queued: true, elapsed: time.Hour, caller: func(c ctx) (ctx, context.CancelFunc) {
			c, cancel := context.WithCancel(c)
			time.AfterFunc(time.Hour, cancel)
			return c, cancel
		}},
	}
	for reason, c := range cases {
		t.Run(reason, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				c.cfg.Name = "db"
				g, _ := taken(t, c.cfg)
				p, rec := heard(g)
				caller, cancel := c.caller(t.Context())
				defer cancel()
				if c.during != nil {
					go func() {
						synctest.Wait()
						c.during(g)
					}()
				}
				_, err := p.Do(caller, one)
				require.ErrorIs(t, err, policy.ErrRejected)
				var want []policy.Event
				if c.queued {
					want = append(want, event(policy.Event{Kind: policy.Queued}))
				}
				want = append(want, event(policy.Event{Kind: policy.Rejected, Reason: reason, Elapsed: c.elapsed, Err: err}))
				assert.Equal(t, want, rec.Events())
			})
		})
	}
	full, _ := taken(t, bulkhead.Config{MaxQueue: 1})
	bubble(t, func(t *testing.T) {
		v := arrive(full, policy.Normal)
		p, rec := heard(full)
		_, err := p.Do(t.Context(), one)
		require.ErrorIs(t, err, bulkhead.ErrFull)
		assert.Equal(t, bulkhead.ReasonQueueFull, rec.Events()[0].Reason)
		v.leaves()
	})
}

func TestEventDurationsUseTheGatesClock(t *testing.T) {
	clk := fake.NewClock()
	g, place := taken(t, bulkhead.Config{Name: "db", MaxQueue: 1, Clock: clk})
	p, rec := heard(g)
	clk.AfterFunc(time.Second, place.Release)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, err := p.Do(context.Background(), one)
		assert.NoError(t, err)
	}()
	require.NoError(t, clk.BlockUntil(t.Context(), 2))
	clk.Advance(time.Second)
	<-ended
	assert.Equal(t, time.Second, rec.Events()[1].Delay)
}

func TestAPanickingObserverHoldsNoPlace(t *testing.T) {
	for _, kind := range []policy.EventKind{policy.Queued, policy.Waited, policy.Rejected} {
		bubble(t, func(t *testing.T) {
			g, place := taken(t, bulkhead.Config{Name: "db", MaxQueue: 2})
			p := pipeline.New[int](bulkhead.New[int](g)).WithObserver(func(context.Context, policy.Event) { panic("boom") }, kind)
			ctx := t.Context()
			if kind == policy.Rejected {
				ctx = policy.WithSpeculative(ctx)
			}
			other := arrive(g, policy.Low)
			go func() {
				time.Sleep(time.Second)
				place.Release()
			}()
			assert.PanicsWithValue(t, "boom", func() { _, _ = p.Do(ctx, one) })
			time.Sleep(time.Minute)
			require.True(t, other.isIn(), kind)
			other.leaves()
			assert.True(t, g.Idle(), kind)
		})
	}
}
