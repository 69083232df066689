package adaptive_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/adaptive"
	"github.com/ductile-go/ductile/policy"
)

// failsafe-go's permit, recorded twice, admits a third call of two.
func TestOnlyTheFirstRecordCounts(t *testing.T) {
	r := newRig(t, adaptive.Config{Initial: 2})
	permits := r.take(2)
	assert.True(t, permits[0].Record(policy.Ignored))
	for _, o := range []policy.Outcome{policy.Success, policy.Failure, policy.Ignored, policy.Undecided} {
		assert.False(t, permits[0].Record(o))
	}
	r.take(1)
	_, err := r.Acquire(t.Context())
	require.ErrorIs(t, err, adaptive.ErrLimited)
}

func TestOfConcurrentRecordsOneCounts(t *testing.T) {
	l, permit := taken(t, adaptive.Config{})
	var counted atomic.Int32
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if permit.Record(policy.Success) {
				counted.Add(1)
			}
		})
	}
	all.Wait()
	assert.EqualValues(t, 1, counted.Load())
	assert.True(t, l.Idle())
}

func TestTheZeroPermitReportsToNoLimiter(t *testing.T) {
	assert.False(t, new(adaptive.Permit).Record(policy.Success))
}

func TestAFailureAfterThePermitsDeadlineLowersTheLimit(t *testing.T) {
	bubble(t, func(t *testing.T) {
		for _, o := range []policy.Outcome{policy.Failure, policy.Undecided, policy.Ignored} {
			l := adaptive.NewLimiter(adaptive.Config{Initial: 10, Target: time.Minute, MinCalls: 1, Window: ms})
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			p, err := l.Acquire(ctx)
			require.NoError(t, err)
			time.Sleep(time.Second + 1)
			p.Record(o)
			want := 9
			if o == policy.Ignored {
				want = 10
			}
			assert.Equal(t, want, l.Limit(), "%v", o)
			cancel()
		}
	})
}

func TestAcquireLooksAtItsContextFirst(t *testing.T) {
	l := adaptive.NewLimiter(adaptive.Config{})
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errDown)
	_, err := l.Acquire(ctx)
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, err, errDown)
	require.NotErrorIs(t, err, policy.ErrRejected)
	assert.Equal(t, adaptive.Snapshot{Limit: 20}, l.Snapshot())
}
