package policy_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
)

// rows is a result that needs its context after the call.
type rows struct {
	ctx   context.Context
	close func()
}

func query(ctx context.Context) (rows, error) { return rows{ctx: ctx}, nil }

func hold(_ context.Context, r rows, release func()) rows {
	r.close = release
	return r
}

// keepers runs test on each kind of Timeout, in a bubble if it uses real time.
func keepers(t *testing.T, test func(t *testing.T, limit *policy.TimeoutPolicy[rows], advance func(time.Duration))) {
	t.Helper()
	sleep := func(d time.Duration) { time.Sleep(d); synctest.Wait() }
	for name, abandon := range map[string]bool{"cooperative": false, "abandoning": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				test(t, policy.NewTimeout[rows](policy.TimeoutConfig{After: time.Second, Abandon: abandon}), sleep)
			})
		})
		t.Run(name+" on a clock", func(t *testing.T) {
			clk := fake.NewClock()
			test(t, policy.NewTimeout[rows](policy.TimeoutConfig{After: time.Second, Abandon: abandon, Clock: clk}), clk.Advance)
			assert.Zero(t, clk.Waiters())
		})
	}
}

func TestKeepsTheContextUntilTheResultIsReleased(t *testing.T) {
	keepers(t, func(t *testing.T, limit *policy.TimeoutPolicy[rows], advance func(time.Duration)) {
		r, err := limit.WithKeep(hold).Do(t.Context(), query)
		require.NoError(t, err)
		advance(time.Second - 1)
		require.NoError(t, r.ctx.Err())
		r.close()
		assert.ErrorIs(t, r.ctx.Err(), context.Canceled)
		r.close()
		advance(time.Second)
		assert.ErrorIs(t, r.ctx.Err(), context.Canceled, "a released result does not expire")
	})
}

func TestTheLimitCoversTheUseOfAKeptResult(t *testing.T) {
	keepers(t, func(t *testing.T, limit *policy.TimeoutPolicy[rows], advance func(time.Duration)) {
		r, err := limit.WithKeep(hold).Do(t.Context(), query)
		require.NoError(t, err)
		done := r.ctx.Done()
		advance(time.Second)
		<-done
		assert.ErrorIs(t, r.ctx.Err(), context.DeadlineExceeded)
		var timeout *policy.TimeoutError
		assert.ErrorAs(t, context.Cause(r.ctx), &timeout)
		r.close()
	})
}

func TestTheCallersCancelReachesAKeptResult(t *testing.T) {
	keepers(t, func(t *testing.T, limit *policy.TimeoutPolicy[rows], _ func(time.Duration)) {
		ctx, cancel := context.WithCancelCause(t.Context())
		r, err := limit.WithKeep(hold).Do(ctx, query)
		require.NoError(t, err)
		cancel(errDown)
		<-r.ctx.Done()
		assert.ErrorIs(t, context.Cause(r.ctx), errDown)
		r.close()
	})
}

func TestOnlyASuccessIsKept(t *testing.T) {
	keepers(t, func(t *testing.T, limit *policy.TimeoutPolicy[rows], _ func(time.Duration)) {
		var seen context.Context
		_, err := limit.WithKeep(func(context.Context, rows, func()) rows {
			t.Error("hold was called for a failure")
			return rows{}
		}).Do(t.Context(), func(ctx context.Context) (rows, error) {
			seen = ctx
			return rows{}, errDown
		})
		require.ErrorIs(t, err, errDown)
		assert.ErrorIs(t, seen.Err(), context.Canceled)
	})
}

func TestAPanicInHoldEndsTheContext(t *testing.T) {
	keepers(t, func(t *testing.T, limit *policy.TimeoutPolicy[rows], _ func(time.Duration)) {
		var seen context.Context
		assert.PanicsWithValue(t, "hold", func() {
			_, _ = limit.WithKeep(func(ctx context.Context, _ rows, _ func()) rows {
				seen = ctx
				panic("hold")
			}).Do(t.Context(), query)
		})
		assert.ErrorIs(t, seen.Err(), context.Canceled)
	})
}
