package ratelimit_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/ratelimit"
)

// An errgroup cancels its context with the error of the call that failed first. If a limiter
// has refused that one, the others have left all the same.
func TestACallThatLeavesIsNotRefusedWhateverTheCauseOfItsContext(t *testing.T) {
	clk := fake.NewClock()
	l := ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Burst: 1, MaxWait: time.Second, Clock: clk})
	rec := fake.NewRecorder()
	p := pipeline.New[int](ratelimit.New[int](l)).WithObserver(rec.Observe, policy.Rejected)
	require.True(t, l.Allow(1))
	_, refusal := l.Reserve(1, 0)
	require.ErrorIs(t, refusal, ratelimit.ErrExceeded)
	for _, cause := range []error{refusal, ratelimit.ErrCost, context.DeadlineExceeded} {
		ctx, cancel := context.WithCancelCause(t.Context())
		ended := make(chan error)
		go func() {
			_, err := p.Do(ctx, succeed)
			ended <- err
		}()
		require.NoError(t, clk.BlockUntil(t.Context(), 1))
		cancel(cause)
		require.ErrorIs(t, <-ended, cause)
		assert.Equal(t, "canceled", rec.Events()[len(rec.Events())-1].Reason, "%v", cause)
		assert.EqualValues(t, 1, l.Snapshot().Rejected, "the first")
	}
}

// endless hides the deadline of a context, as one of another clock would be.
type endless struct{ context.Context }

func (endless) Deadline() (deadline time.Time, ok bool) { return time.Time{}, false }

func TestADeadlineIsTheReasonWhateverItsCause(t *testing.T) {
	clk := fake.NewClock()
	l := ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Burst: 1, MaxWait: time.Second, Clock: clk})
	rec := fake.NewRecorder()
	p := pipeline.New[int](ratelimit.New[int](l)).WithObserver(rec.Observe, policy.Rejected)
	require.True(t, l.Allow(1))
	ctx, cancel := clk.WithTimeoutCause(t.Context(), time.Millisecond, fmt.Errorf("shutdown: %w", context.Canceled))
	defer cancel()
	ended := make(chan error)
	go func() {
		_, err := p.Do(endless{ctx}, succeed)
		ended <- err
	}()
	require.NoError(t, clk.BlockUntil(t.Context(), 2))
	clk.Advance(time.Millisecond)
	require.ErrorIs(t, <-ended, context.DeadlineExceeded)
	assert.Equal(t, "deadline", rec.Events()[0].Reason)
}
