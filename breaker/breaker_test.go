package breaker_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/internal/origin"
	"github.com/ductile-go/ductile/policy"
)

func TestTheTypedClassifierPrecedesClassifyWhichPrecedesTheDefault(t *testing.T) {
	fail := func(context.Context) (int, error) { return -1, errDown }
	c := breaker.NewCircuit(breaker.Config{FailureThreshold: 1, Classify: func(error) policy.Outcome { return policy.Ignored }})
	_, err := breaker.New[int](c).Do(context.Background(), fail)
	require.ErrorIs(t, err, errDown)
	assert.Equal(t, breaker.Counts{Ignored: 1}, c.Snapshot().Counts)
	b := breaker.New[int](c).WithClassifier(func(v int, _ error) policy.Outcome {
		if v < 0 {
			return policy.Failure
		}
		return policy.Success
	})
	_, err = b.Do(context.Background(), fail)
	require.ErrorIs(t, err, errDown)
	assert.Equal(t, breaker.Open, c.State())
	assert.Same(t, c, b.Circuit())
}

func TestARejectionByAnInnerPolicyIsIgnored(t *testing.T) {
	c := breaker.NewCircuit(breaker.Config{FailureThreshold: 1})
	_, err := breaker.Do(context.Background(), c, func(context.Context) (int, error) {
		return 0, fmt.Errorf("bulkhead: %w", policy.ErrRejected)
	})
	require.ErrorIs(t, err, policy.ErrRejected)
	assert.Equal(t, breaker.Closed, c.State())
}

func TestAnEndedContextTakesNoPermit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := breaker.NewCircuit(breaker.Config{FailureThreshold: 1, RecoveryTimeout: time.Second, HalfOpenMaxCalls: 1})
		record(t, c, policy.Failure)
		time.Sleep(time.Second)
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(errDown)
		_, err := breaker.Do(ctx, c, func(context.Context) (int, error) { t.Error("ran"); return 0, nil })
		assert.ErrorIs(t, err, errDown)
		assert.ErrorIs(t, err, context.Canceled)
		_, err = c.Acquire()
		assert.NoError(t, err)
	})
}

func TestStateIsHalfOpenOnceTheOpenPeriodHasElapsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var heard []breaker.State
		c := breaker.NewCircuit(breaker.Config{FailureThreshold: 1, OnStateChange: func(tr breaker.Transition) { heard = append(heard, tr.To) }})
		record(t, c, policy.Failure)
		time.Sleep(30 * time.Second)
		assert.Equal(t, breaker.HalfOpen, c.State())
		assert.Equal(t, []breaker.State{breaker.Open, breaker.HalfOpen}, heard)
	})
}

func TestHalfOpenDoesNotWaitForMinCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := breaker.NewCircuit(breaker.Config{Window: time.Minute, FailureRate: 0.5, MinCalls: 20})
		record(t, c, repeat(20, policy.Failure)...)
		time.Sleep(30 * time.Second)
		record(t, c, policy.Failure)
		assert.Equal(t, breaker.Open, c.State())
		time.Sleep(30 * time.Second)
		record(t, c, policy.Success)
		assert.Equal(t, breaker.Closed, c.State())
		assert.Equal(t, breaker.Counts{}, c.Snapshot().Counts)
	})
}

// wound is a clock that can be set back.
type wound struct {
	policy.Clock
	now time.Time
}

func (w *wound) Now() time.Time { return w.now }

func TestAClockSetBackDoesNotExtendTheOpenPeriod(t *testing.T) {
	clk := &wound{now: time.Unix(1e9, 0)}
	c := breaker.NewCircuit(breaker.Config{FailureThreshold: 1, Clock: clk})
	clk.now = clk.now.Add(time.Hour)
	record(t, c, policy.Failure)
	assert.Equal(t, breaker.Open, c.State())
	clk.now = clk.now.Add(-time.Minute)
	assert.Equal(t, breaker.HalfOpen, c.State())
}

func TestTheLongestDurationsDoNotOverflow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := breaker.NewCircuit(breaker.Config{
			FailureThreshold: 1, RecoveryTimeout: math.MaxInt64, RecoveryJitter: 1, Rand: func() float64 { return 0.999 },
		})
		time.Sleep(time.Hour)
		record(t, c, policy.Failure)
		assert.Equal(t, breaker.Open, c.State())
		c.Trip(math.MaxInt64, "")
		time.Sleep(24 * 365 * time.Hour)
		assert.Equal(t, breaker.Open, c.State())
	})
}

func TestMisusePanicsWithWhatIsWrong(t *testing.T) {
	assert.PanicsWithValue(t, "breaker: New: circuit is nil, want one made by NewCircuit", func() { breaker.New[int](nil) })
	assert.PanicsWithValue(t, "breaker: Do: circuit is nil, want one made by NewCircuit", func() {
		_, _ = breaker.Do(context.Background(), nil, func(context.Context) (int, error) { return 0, nil })
	})
	zero := &breaker.Circuit{}
	assert.PanicsWithValue(t, "breaker: New: zero Circuit, want one made by NewCircuit", func() { breaker.New[int](zero) })
	assert.PanicsWithValue(t, "breaker: Do: zero Circuit, want one made by NewCircuit", func() {
		_, _ = breaker.Do(context.Background(), zero, succeed)
	})
	assert.EqualError(t, origin.Circuit(zero), "breaker: zero Circuit, want one made by NewCircuit")
	assert.EqualError(t, origin.Circuit((*breaker.Circuit)(nil)), "breaker: circuit is nil, want one made by NewCircuit")
	c := breaker.NewCircuit(breaker.Config{Name: "stripe"})
	assert.NoError(t, origin.Circuit(c))
	assert.PanicsWithValue(t, "breaker: Breaker.WithClassifier: classify is nil, want a function", func() { breaker.New[int](c).WithClassifier(nil) })
	assert.Equal(t, "stripe", c.Name())
	assert.Equal(t, "breaker(stripe)", breaker.New[int](c).String())
	assert.Equal(t, "breaker", breaker.New[int](breaker.NewCircuit(breaker.Config{})).String())
	assert.Equal(t, "closed open half-open isolated state(9)", fmt.Sprint(breaker.Closed, breaker.Open, breaker.HalfOpen, breaker.Isolated, breaker.State(9)))
}

func TestANilOpenErrorDoesNotPanic(t *testing.T) {
	var e *breaker.OpenError
	assert.Equal(t, "<nil>", e.Error())
	assert.Zero(t, e.RetryAfter())
}

func ExampleDo() {
	c := breaker.NewCircuit(breaker.Config{Name: "stripe", FailureThreshold: 1})
	for range 2 {
		_, err := breaker.Do(context.Background(), c, func(context.Context) (string, error) { return "", errDown })
		fmt.Println(errors.Is(err, errDown), c.State())
	}
	// Output:
	// true open
	// false open
}

func ExampleCircuit_Acquire() {
	c := breaker.NewCircuit(breaker.Config{Name: "stripe"})
	permit, err := c.Acquire()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer permit.Record(policy.Failure) // in case of a panic; the first Record counts
	fmt.Println("charged")
	permit.Record(policy.Success)
	// Output: charged
}

// BenchmarkAlone compares a breaker with the bare call: closed, for each way to count, and
// open.
func BenchmarkAlone(b *testing.B) {
	succeed := func(context.Context) (int, error) { return 1, nil }
	open := breaker.NewCircuit(breaker.Config{})
	open.Trip(time.Hour, "")
	through := func(c *breaker.Circuit) policy.Func[int] {
		br := breaker.New[int](c)
		return func(ctx context.Context) (int, error) { return br.Do(ctx, succeed) }
	}
	for _, bench := range []struct {
		name string
		call policy.Func[int]
	}{
		{"bare", succeed},
		{"row", through(breaker.NewCircuit(breaker.Config{}))},
		{"time", through(breaker.NewCircuit(breaker.Config{Window: 10 * time.Second, FailureRate: 0.5}))},
		{"calls", through(breaker.NewCircuit(breaker.Config{WindowCalls: 100, FailureRate: 0.5}))},
		{"rejected", through(open)},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _ = bench.call(context.Background())
			}
		})
		b.Run(bench.name+"/parallel", func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					_, _ = bench.call(context.Background())
				}
			})
		})
	}
}
