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

// The function moves time to the limit and returns while its caller is leaving. Either
// may come first; the result must go to exactly one place.
func TestAResultAtTheLimitIsReturnedOrLateButNeverBothOrLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for range 500 {
			clk := fake.NewClock()
			var got []int
			limit := policy.NewTimeout[int](policy.TimeoutConfig{After: time.Second, Abandon: true, Clock: clk}).
				WithOnLate(func(v int, _ error) { got = append(got, v) })
			v, err := limit.Do(t.Context(), func(context.Context) (int, error) {
				synctest.Wait() // until the caller waits
				clk.Advance(time.Second)
				return 42, nil
			})
			synctest.Wait()
			if err == nil {
				got = append(got, v)
			}
			require.Equal(t, []int{42}, got)
		}
	})
}

func TestAbandonReportsAFailureAtTheLimitAsATimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for range 200 {
			limit := policy.NewTimeout[int](policy.TimeoutConfig{After: time.Second, Abandon: true})
			_, err := limit.Do(t.Context(), func(context.Context) (int, error) {
				time.Sleep(time.Second)
				return 0, errDown
			})
			synctest.Wait()
			require.ErrorIs(t, err, context.DeadlineExceeded)
		}
	})
}

func TestAbandonReturnsAFailureBeforeTheLimitUnchanged(t *testing.T) {
	limit := policy.NewTimeout[int](policy.TimeoutConfig{After: time.Hour, Abandon: true})
	_, err := limit.Do(t.Context(), fail(errDown))
	assert.Equal(t, errDown, err)
}
