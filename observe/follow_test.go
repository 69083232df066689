package observe_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/observe"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
)

func TestFollowersGetEachMoveOnce(t *testing.T) {
	s := observe.New(observe.Config{})
	c := circuitNamed("stripe")
	s.Watch(c)
	var got []policy.Event
	stop := s.Follow(func(_ context.Context, e policy.Event) { got = append(got, e) }, policy.StateChanged, policy.Rejected)
	var kinds int
	stopAll := s.Follow(func(context.Context, policy.Event) { kinds++ })
	p := pipeline.New[int](breaker.New[int](c)).WithName("charge").WithObserver(s.Observe)
	fail := func(context.Context) (int, error) { return 0, errDown }
	_, _ = p.Do(t.Context(), fail)
	_, _ = p.Do(t.Context(), fail)
	c.Isolate("maintenance")
	stop()
	stop()
	c.Reset()
	stopAll()
	c.Isolate("again")

	assert.Len(t, got, 3)
	assert.Equal(t, policy.Event{Kind: policy.StateChanged, Policy: "breaker", Name: "stripe", From: "closed", To: "open", Reason: "failures", Err: errDown}, got[0])
	assert.Equal(t, policy.Rejected, got[1].Kind)
	assert.Equal(t, "maintenance", got[2].Reason)
	assert.Equal(t, 3+3+3, kinds, "Started, Judged, Finished; Started, Rejected, Finished; and three moves")
	assert.PanicsWithValue(t, "observe: Stats.Follow: fn is nil, want a function", func() { s.Follow(nil) })
}
