package retry_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// refusing is a policy that foresees a refusal with the given hint.
type refusing time.Duration

func (r refusing) Refusal(context.Context, time.Duration) error { return &refusal{time.Duration(r)} }

func (r refusing) Execute(ctx context.Context, next policy.Call[int]) (int, error) {
	return next.Do(ctx)
}

// open is a policy that passes every call on.
var open = each(func(ctx context.Context, next policy.Call[int]) (int, error) { return next.Do(ctx) })

// retried returns the Retried events of a retry of fn.
func retried(t *testing.T, cfg retry.Config, inner policy.Policy[int], fn policy.Func[int]) []policy.Event {
	t.Helper()
	rec := fake.NewRecorder()
	only := []policy.Listener{{Observe: rec.Observe, Kinds: []policy.EventKind{policy.Retried}}}
	_, err := policy.NewChain("", only, policy.Policy[int](retry.New[int](cfg)), inner).Call(fn).Do(t.Context())
	require.NoError(t, err)
	return rec.Events()
}

func TestAHintAsLongAsMaxRetryAfterIsFollowed(t *testing.T) {
	for name, c := range map[string]struct {
		inner policy.Policy[int]
		err   error
	}{
		"After":   {open, retry.After(errDown, 30*time.Second)},
		"Exactly": {open, retry.Exactly(errDown, 30*time.Second)},
		"refusal": {refusing(30 * time.Second), errDown},
	} {
		clk := fake.NewClock(fake.AutoAdvance())
		cfg := retry.Config{Clock: clk, JitterFactor: retry.NoJitter, RetryRejected: true}
		events := retried(t, cfg, c.inner, fake.NewFunc[int]().Fail(c.err).Return(1).Do)
		require.Len(t, events, 1, name)
		assert.Equal(t, 30*time.Second, events[0].Delay, name)
		assert.Equal(t, "server", events[0].Reason, name)
	}
}

func TestAHintNoLongerThanTheDelayChangesNothing(t *testing.T) {
	for name, c := range map[string]struct {
		inner policy.Policy[int]
		err   error
	}{
		"hint":    {open, retry.After(errDown, time.Second)},
		"refusal": {refusing(time.Second), errDown},
	} {
		clk := fake.NewClock(fake.AutoAdvance())
		cfg := retry.Config{Clock: clk, Backoff: retry.Constant(time.Second), Rand: fake.Rand(0.9), RetryRejected: true}
		events := retried(t, cfg, c.inner, fake.NewFunc[int]().Fail(c.err).Return(1).Do)
		require.Len(t, events, 1, name)
		assert.Equal(t, time.Second, events[0].Delay, name)
		assert.Equal(t, "backoff", events[0].Reason, name)
	}
}

func TestTheReasonOfADelayIsThatOfItsOwnAttempt(t *testing.T) {
	clk := fake.NewClock(fake.AutoAdvance())
	hints := fake.NewFunc[int]().Fail(retry.After(errDown, 5*time.Second), errDown, retry.Exactly(errDown, 0), errDown).Return(1)
	var reasons []string
	for _, e := range retried(t, retry.Config{Clock: clk, MaxAttempts: 5}, open, hints.Do) {
		reasons = append(reasons, e.Reason)
	}
	assert.Equal(t, []string{"server", "backoff", "server", "backoff"}, reasons)
}

func TestAnInnerRejectionDoesNotDelayARetryWithoutDelays(t *testing.T) {
	clk := fake.NewClock(fake.AutoAdvance())
	var reasons []string
	outer := retry.New[int](retry.Config{Clock: clk, BaseDelay: retry.NoDelay, OnRetry: func(_ context.Context, e policy.Event) {
		reasons = append(reasons, e.Reason)
	}})
	inner := retry.New[int](retry.Config{Clock: clk, BaseDelay: retry.NoDelay})
	f := fake.NewFunc[int]().Fail(errDown)
	_, err := policy.NewChain[int]("", nil, outer, inner, stranger{&door{clk: clk, shuts: 1}}).Call(f.Do).Do(t.Context())
	require.ErrorIs(t, err, errDown)
	assert.Equal(t, []string{"backoff"}, reasons)
	assert.Equal(t, []time.Duration{0, 0}, clk.Sleeps(), "one of the inner retry, then one of the outer")
}

func TestABackoffGetsTheElapsedTimeWithoutAClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var elapsed []time.Duration
		b := func(s retry.Step) time.Duration { elapsed = append(elapsed, s.Elapsed); return time.Second }
		_, err := retry.Do(t.Context(), retry.Config{Backoff: b, MaxAttempts: 4}, fail(errDown))
		require.ErrorIs(t, err, retry.ErrExhausted)
		assert.Equal(t, []time.Duration{0, time.Second, 2 * time.Second}, elapsed)
	})
}

func TestADelayThatJustFitsInMaxElapsedIsSlept(t *testing.T) {
	for limit, calls := range map[time.Duration]int{2*time.Second - 1: 1, 2 * time.Second: 2} {
		clk := fake.NewClock(fake.AutoAdvance())
		f := fake.NewFunc[int]().Delay(clk, time.Second).Fail(errDown)
		_, err := retry.Do(t.Context(), retry.Config{Clock: clk, Backoff: retry.Constant(time.Second), MaxElapsed: limit}, f.Do)
		require.ErrorIs(t, err, retry.ErrElapsed)
		assert.Equal(t, calls, f.Calls(), limit)
	}
}
