package throttle_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/throttle"
)

func TestAdmittedAndRejectedCallsAllocateNothing(t *testing.T) {
	ctx := t.Context()
	low := policy.WithPriority(ctx, policy.Low)
	classify := func(error) policy.Outcome { return policy.Undecided }
	for name, c := range map[string]struct {
		th *throttle.Throttle
		fn policy.Func[int]
	}{
		"a success":                   {throttle.NewThrottle(throttle.Config{}), succeed},
		"a failure":                   {throttle.NewThrottle(throttle.Config{Rand: never}), fail},
		"a rejection":                 {filled(throttle.Config{Rand: always}, 20, 0), succeed},
		"a look that rejects nothing": {filled(throttle.Config{Rand: never}, 20, 0), succeed},
		"a classifier":                {throttle.NewThrottle(throttle.Config{Classify: classify}), succeed},
	} {
		t.Run(name, func(t *testing.T) {
			_, _ = throttle.Do(low, c.th, c.fn) // makes the ring of classes
			p := pipeline.New[int](throttle.New[int](c.th))
			alone := throttle.New[int](c.th)
			for _, ctx := range []context.Context{ctx, low} {
				assert.Zero(t, testing.AllocsPerRun(100, func() { _, _ = p.Do(ctx, c.fn) }))
				assert.Zero(t, testing.AllocsPerRun(100, func() { _, _ = alone.Do(ctx, c.fn) }))
				assert.Zero(t, testing.AllocsPerRun(100, func() { _, _ = throttle.Do(ctx, c.th, c.fn) }))
			}
			assert.Zero(t, testing.AllocsPerRun(100, func() {
				permit, _ := c.th.Acquire(ctx)
				permit.Record(policy.Success)
			}))
			assert.Zero(t, testing.AllocsPerRun(100, func() { c.th.Snapshot() }))
		})
	}
}
