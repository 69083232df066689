package bench_test

import (
	"context"
	"maps"
	"testing"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/adaptivelimiter"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/adaptive"
	"github.com/ductile-go/ductile/policy"
)

func init() { maps.Copy(portingRows["failsafe-go"], failsafeAdaptiveRows) }

var failsafeAdaptiveRows = map[string]func(*testing.T){
	"`adaptivelimiter.NewBuilder[T]().WithLimits(low, high, initial)`": func(t *testing.T) {
		const low, high, initial = 1, 10, 3
		theirs := adaptivelimiter.NewBuilder[T]().WithLimits(low, high, initial).Build()
		ours := adaptive.NewLimiter(adaptive.Config{Min: low, Max: high, Initial: initial})
		assert.Equal(t, initial, theirs.Limit())
		assert.Equal(t, initial, ours.Limit())
		assert.Equal(t, initial, admitted(5, func() bool { _, ok := theirs.TryAcquirePermit(); return ok }))
		assert.Equal(t, initial, admitted(5, func() bool { _, err := ours.Acquire(t.Context()); return err == nil }))
	},
	"`adaptivelimiter.ErrExceeded`": func(t *testing.T) {
		full := adaptivelimiter.NewBuilder[T]().WithLimits(1, 1, 1).Build()
		full.TryAcquirePermit()
		_, theirs := failsafe.With[T](full).Get(fail.value)
		l := adaptive.NewLimiter(adaptive.Config{Initial: 1})
		_, err := l.Acquire(t.Context())
		require.NoError(t, err)
		_, ours := adaptive.Do(t.Context(), l, fail.fn)
		require.ErrorIs(t, theirs, adaptivelimiter.ErrExceeded)
		require.ErrorIs(t, ours, adaptive.ErrLimited)
		require.ErrorIs(t, ours, policy.ErrRejected)
	},
	"adaptive limiter: `Record()`, `Drop()`": func(t *testing.T) {
		theirs := adaptivelimiter.NewBuilder[T]().WithLimits(2, 2, 2).Build()
		ctx := context.Background()
		first, err := theirs.AcquirePermit(ctx)
		require.NoError(t, err)
		second, err := theirs.AcquirePermit(ctx)
		require.NoError(t, err)
		first.Record()
		first.Record()
		assert.Equal(t, 2, admitted(5, func() bool { _, ok := theirs.TryAcquirePermit(); return ok }), "a third call of two")
		second.Drop()

		limiter := adaptive.NewLimiter(adaptive.Config{Initial: 2, Max: 2})
		permit, err := limiter.Acquire(ctx)
		require.NoError(t, err)
		dropped, err := limiter.Acquire(ctx)
		require.NoError(t, err)
		assert.True(t, permit.Record(policy.Success))
		assert.False(t, permit.Record(policy.Success))
		assert.Equal(t, 1, admitted(5, func() bool { _, err := limiter.Acquire(ctx); return err == nil }))
		assert.True(t, dropped.Record(policy.Ignored))
	},
	"`OnLimitChanged`": func(t *testing.T) {
		var changes []adaptive.Change
		l := adaptive.NewLimiter(adaptive.Config{
			Target: time.Nanosecond, MinCalls: 1, Window: 1,
			OnChange: func(c adaptive.Change) { changes = append(changes, c) },
		})
		for len(changes) == 0 {
			_, err := adaptive.Do(t.Context(), l, func(context.Context) (T, error) { return 1, nil })
			require.NoError(t, err)
		}
		assert.Equal(t, 20, changes[0].From)
		assert.Equal(t, 18, changes[0].To)
		adaptivelimiter.NewBuilder[T]().OnLimitChanged(func(adaptivelimiter.LimitChangedEvent) {})
	},
}
