package breaker_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
)

func succeed(context.Context) (int, error) { return 1, nil }
func down(context.Context) (int, error)    { return 0, errDown }

// ways are the two ways to call through a breaker: Do, and Execute in a pipeline.
var ways = map[string]func(*breaker.Breaker[int], policy.Func[int]) (int, error){
	"Do": func(b *breaker.Breaker[int], fn policy.Func[int]) (int, error) { return b.Do(context.Background(), fn) },
	"Execute": func(b *breaker.Breaker[int], fn policy.Func[int]) (int, error) {
		return b.Execute(context.Background(), policy.CallOf(fn))
	},
}

func TestDoAndExecuteCount(t *testing.T) {
	for way, do := range ways {
		for name, c := range map[string]struct {
			cfg  breaker.Config
			want breaker.Counts
		}{
			"row":   {breaker.Config{FailureThreshold: 2}, breaker.Counts{Failures: 1}},
			"time":  {breaker.Config{Window: time.Minute, FailureThreshold: 3}, breaker.Counts{Successes: 2, Failures: 2}},
			"calls": {breaker.Config{WindowCalls: 4, FailureThreshold: 3}, breaker.Counts{Successes: 2, Failures: 2}},
		} {
			c.cfg.Clock = fake.NewClock()
			circuit := breaker.NewCircuit(c.cfg)
			b := breaker.New[int](circuit)
			for _, fn := range []policy.Func[int]{succeed, down, succeed, down} {
				_, _ = do(b, fn)
			}
			assert.Equal(t, c.want, circuit.Snapshot().Counts, "%s by %s", name, way)
			assert.Equal(t, breaker.Closed, circuit.State(), "%s by %s", name, way)
		}
	}
}

func TestDoAndExecuteAskTheTypedClassifierAndCountAPanic(t *testing.T) {
	for way, do := range ways {
		c := breaker.NewCircuit(breaker.Config{FailureThreshold: 1})
		_, err := do(breaker.New[int](c).WithClassifier(func(int, error) policy.Outcome { return policy.Failure }), succeed)
		require.NoError(t, err, way)
		assert.Equal(t, breaker.Open, c.State(), way)

		c = breaker.NewCircuit(breaker.Config{FailureThreshold: 1})
		assert.PanicsWithValue(t, "boom", func() {
			_, _ = do(breaker.New[int](c), func(context.Context) (int, error) { panic("boom") })
		}, way)
		assert.Equal(t, breaker.Open, c.State(), way)
	}
	assert.PanicsWithValue(t, "breaker: Breaker.Do: fn is nil, want a function", func() {
		_, _ = breaker.New[int](breaker.NewCircuit(breaker.Config{})).Do(t.Context(), nil)
	})
}

func TestHalfOpenCountsItsProbesAndRefusals(t *testing.T) {
	clk := fake.NewClock()
	var heard []breaker.Transition
	c := breaker.NewCircuit(breaker.Config{
		FailureThreshold: 1, RecoveryTimeout: time.Second, HalfOpenMaxCalls: 2, SuccessThreshold: 9, Clock: clk,
		OnStateChange: func(tr breaker.Transition) { heard = append(heard, tr) },
	})
	record(t, c, policy.Failure)
	_, err := c.Acquire()
	require.ErrorIs(t, err, breaker.ErrOpen)
	assert.EqualValues(t, 1, c.Snapshot().Counts.Rejected)
	clk.Advance(time.Second)
	record(t, c, policy.Success, policy.Ignored, policy.Success)
	var out [2]breaker.Permit
	for i := range out {
		out[i], err = c.Acquire()
		require.NoError(t, err)
	}
	_, err = c.Acquire()
	require.EqualError(t, err, "breaker: circuit is half-open and its permits are out")
	want := breaker.Counts{Successes: 2, Ignored: 1, Rejected: 1}
	assert.Equal(t, want, c.Snapshot().Counts)
	out[0].Record(policy.Failure)
	want.Failures = 1
	require.Len(t, heard, 3)
	assert.Equal(t, want, heard[2].Counts)
	assert.Equal(t, breaker.Counts{Rejected: 1}, heard[1].Counts)
}

func TestAnIsolatedCircuitCountsItsRefusals(t *testing.T) {
	c := breaker.NewCircuit(breaker.Config{})
	c.Isolate("")
	for range 3 {
		_, err := c.Acquire()
		require.ErrorIs(t, err, breaker.ErrOpen)
	}
	assert.Equal(t, breaker.Counts{Rejected: 3}, c.Snapshot().Counts)
}

func TestIgnoredCallsLeaveTheWindowWithTime(t *testing.T) {
	clk := fake.NewClock()
	c := breaker.NewCircuit(breaker.Config{Window: 10 * time.Second, Clock: clk})
	record(t, c, policy.Ignored, policy.Ignored)
	assert.Equal(t, breaker.Counts{Ignored: 2}, c.Snapshot().Counts)
	clk.Advance(10 * time.Second)
	assert.Equal(t, breaker.Counts{}, c.Snapshot().Counts)
}

func TestAnOldRefusalHasNoRetryAfter(t *testing.T) {
	clk := fake.NewClock()
	c := breaker.NewCircuit(breaker.Config{FailureThreshold: 1, RecoveryTimeout: time.Second, Clock: clk})
	record(t, c, policy.Failure)
	_, err := c.Acquire()
	var open *breaker.OpenError
	require.ErrorAs(t, err, &open)
	clk.Advance(time.Second - 1)
	assert.Equal(t, time.Duration(1), open.RetryAfter())
	clk.Advance(time.Hour)
	assert.Zero(t, open.RetryAfter())
}

func TestARefusalAsksForTheWaitOfTheCircuitAsItIsNow(t *testing.T) {
	clk := fake.NewClock()
	cfg := breaker.Config{FailureThreshold: 1, RecoveryTimeout: time.Minute, Clock: clk}
	c := breaker.NewCircuit(cfg)
	record(t, c, policy.Failure)
	_, err := c.Acquire()
	var open *breaker.OpenError
	require.ErrorAs(t, err, &open)
	cfg.RecoveryTimeout = time.Second
	require.NoError(t, c.Reconfigure(cfg))
	assert.Equal(t, time.Second, open.RetryAfter())
	c.Trip(time.Hour, "")
	assert.Equal(t, time.Hour, open.RetryAfter())
	c.Reset()
	assert.Zero(t, open.RetryAfter())
}

func TestDoAndExecuteAskClassifyAndRunNothingForAnEndedContext(t *testing.T) {
	for way, do := range ways {
		c := breaker.NewCircuit(breaker.Config{FailureThreshold: 1, Classify: func(error) policy.Outcome { return policy.Failure }})
		_, err := do(breaker.New[int](c), succeed)
		require.NoError(t, err, way)
		assert.Equal(t, breaker.Open, c.State(), way)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errDown)
	ran := func(context.Context) (int, error) { t.Error("ran"); return 1, nil }
	_, err := breaker.New[int](breaker.NewCircuit(breaker.Config{})).Execute(ctx, policy.CallOf(ran))
	assert.ErrorIs(t, err, errDown)
	assert.ErrorIs(t, err, context.Canceled)
}
