package breaker_test

import (
	"errors"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
)

func reconfigure(t *testing.T, c *breaker.Circuit, change func(*breaker.Config)) {
	t.Helper()
	cfg := c.Config()
	change(&cfg)
	require.NoError(t, c.Reconfigure(cfg))
}

func TestConfigHasTheDefaultsAndIsValid(t *testing.T) {
	clk := fake.NewClock()
	classify := func(error) policy.Outcome { return policy.Undecided }
	for _, c := range []struct{ given, want breaker.Config }{
		{breaker.Config{}, breaker.Config{
			FailureThreshold: 5, RecoveryTimeout: 30 * time.Second, HalfOpenMaxCalls: 3, SuccessThreshold: 1,
		}},
		{breaker.Config{Name: "x", RecoveryTimeout: breaker.NoWait, Shadow: true}, breaker.Config{
			Name: "x", FailureThreshold: 5, RecoveryTimeout: breaker.NoWait, HalfOpenMaxCalls: 3, SuccessThreshold: 1, Shadow: true,
		}},
		{breaker.Config{WindowCalls: 10, FailureRate: 0.5, ProbeCalls: 4, Clock: clk}, breaker.Config{
			WindowCalls: 10, FailureRate: 0.5, MinCalls: 10, ProbeCalls: 4, ProbeFailureRate: 0.5, Clock: clk,
			RecoveryTimeout: 30 * time.Second, HalfOpenMaxCalls: 3,
		}},
	} {
		circuit := breaker.NewCircuit(c.given)
		assert.Equal(t, c.want, circuit.Config())
		assert.NoError(t, circuit.Config().Validate())
		assert.NoError(t, circuit.Reconfigure(circuit.Config()))
		assert.Equal(t, c.want, breaker.NewCircuit(circuit.Config()).Config())
	}
	with := breaker.NewCircuit(breaker.Config{Classify: classify, Rand: fake.Rand(0)}).Config()
	assert.NotNil(t, with.Classify)
	assert.NotNil(t, with.Rand)
}

func TestReconfigureKeepsTheRowAndTakesEffectAtOnce(t *testing.T) {
	c := breaker.NewCircuit(breaker.Config{FailureThreshold: 5})
	record(t, c, repeat(3, policy.Failure)...)
	inFlight, err := c.Acquire()
	require.NoError(t, err)
	reconfigure(t, c, func(cfg *breaker.Config) { cfg.FailureThreshold = 4 })
	assert.Equal(t, breaker.Counts{Failures: 3}, c.Snapshot().Counts)
	assert.True(t, inFlight.Record(policy.Failure))
	assert.Equal(t, breaker.Open, c.State(), "a call in flight is judged by the rules of now")
}

func TestReconfigureWithALowerThresholdJudgesAtTheNextFailure(t *testing.T) {
	c := breaker.NewCircuit(breaker.Config{FailureThreshold: 5})
	record(t, c, repeat(3, policy.Failure)...)
	reconfigure(t, c, func(cfg *breaker.Config) { cfg.FailureThreshold = 2 })
	assert.Equal(t, breaker.Closed, c.State())
	record(t, c, policy.Failure)
	assert.Equal(t, breaker.Open, c.State())
}

func TestASuccessResetsTheRowAfterReconfigure(t *testing.T) {
	for way, do := range ways {
		c := breaker.NewCircuit(breaker.Config{FailureThreshold: 3})
		b := breaker.New[int](c)
		_, _ = do(b, down)
		reconfigure(t, c, func(cfg *breaker.Config) { cfg.FailureThreshold = 2 })
		_, _ = do(b, succeed)
		_, _ = do(b, down)
		assert.Equal(t, breaker.Closed, c.State(), way)
		_, _ = do(b, down)
		assert.Equal(t, breaker.Open, c.State(), way)
	}
}

func TestReconfigureKeepsAWindowOfTheSameShape(t *testing.T) {
	for name, cfg := range map[string]breaker.Config{
		"time":  {Window: time.Minute, FailureThreshold: 5, Clock: fake.NewClock()},
		"calls": {WindowCalls: 10, FailureThreshold: 5},
	} {
		c := breaker.NewCircuit(cfg)
		record(t, c, policy.Success, policy.Failure, policy.Failure)
		inFlight, err := c.Acquire()
		require.NoError(t, err)
		reconfigure(t, c, func(cfg *breaker.Config) { cfg.FailureThreshold = 3 })
		assert.Equal(t, breaker.Counts{Successes: 1, Failures: 2}, c.Snapshot().Counts, name)
		inFlight.Record(policy.Failure)
		assert.Equal(t, breaker.Open, c.State(), name)
	}
}

func TestAChangedShapeOfWindowBeginsAnew(t *testing.T) {
	shapes := []breaker.Config{
		{FailureThreshold: 3}, {FailureThreshold: 3, WindowCalls: 10}, {FailureThreshold: 3, WindowCalls: 11},
		{FailureThreshold: 3, Window: time.Minute}, {FailureThreshold: 3, Window: time.Hour}, {FailureThreshold: 3},
	}
	c := breaker.NewCircuit(shapes[0])
	for _, cfg := range shapes[1:] {
		record(t, c, policy.Failure, policy.Failure)
		inFlight, err := c.Acquire()
		require.NoError(t, err)
		require.NoError(t, c.Reconfigure(cfg))
		assert.Equal(t, breaker.Counts{}, c.Snapshot().Counts, "%+v", cfg)
		inFlight.Record(policy.Failure)
		assert.Equal(t, breaker.Counts{}, c.Snapshot().Counts, "%+v: of the window before", cfg)
		assert.Equal(t, breaker.Closed, c.State())
	}
}

func TestReconfigureKeepsThePermitsAndProbesOfHalfOpen(t *testing.T) {
	clk := fake.NewClock()
	c := breaker.NewCircuit(breaker.Config{RecoveryTimeout: time.Second, HalfOpenMaxCalls: 1, SuccessThreshold: 3, Clock: clk})
	c.Trip(0, "")
	clk.Advance(time.Second)
	record(t, c, policy.Success)
	out, err := c.Acquire()
	require.NoError(t, err)
	reconfigure(t, c, func(cfg *breaker.Config) { cfg.SuccessThreshold = 2 })
	_, err = c.Acquire()
	require.ErrorIs(t, err, breaker.ErrOpen, "the place is taken")
	assert.Equal(t, breaker.Counts{Successes: 1, Rejected: 1}, c.Snapshot().Counts)
	reconfigure(t, c, func(cfg *breaker.Config) { cfg.HalfOpenMaxCalls = 2 })
	second, err := c.Acquire()
	require.NoError(t, err)
	second.Record(policy.Ignored)
	out.Record(policy.Success)
	assert.Equal(t, breaker.Closed, c.State())
}

func TestReconfigureCountsTheOpenPeriodFromItsBeginning(t *testing.T) {
	clk := fake.NewClock()
	c := breaker.NewCircuit(breaker.Config{FailureThreshold: 1, RecoveryTimeout: time.Minute, Clock: clk})
	record(t, c, policy.Failure)
	clk.Advance(10 * time.Second)
	_, err := c.Acquire()
	require.ErrorIs(t, err, breaker.ErrOpen)
	reconfigure(t, c, func(cfg *breaker.Config) { cfg.RecoveryTimeout = 30 * time.Second })
	s := c.Snapshot()
	assert.Equal(t, 20*time.Second, s.RetryAfter)
	assert.Equal(t, breaker.Counts{Failures: 1, Rejected: 1}, s.Counts)
	assert.Equal(t, breaker.ReasonFailures, s.Reason)
	assert.Equal(t, clk.Now().Add(-10*time.Second), s.Since)
	reconfigure(t, c, func(cfg *breaker.Config) { cfg.RecoveryTimeout = 5 * time.Second })
	assert.Equal(t, breaker.HalfOpen, c.State())
}

func TestReconfigureLeavesATripAndAnIsolationAsTheyAre(t *testing.T) {
	clk := fake.NewClock()
	c := breaker.NewCircuit(breaker.Config{Clock: clk})
	c.Trip(time.Minute, "drill")
	reconfigure(t, c, func(cfg *breaker.Config) { cfg.RecoveryTimeout = time.Second })
	assert.Equal(t, time.Minute, c.Snapshot().RetryAfter)
	c.Isolate("works")
	reconfigure(t, c, func(cfg *breaker.Config) { cfg.RecoveryTimeout = time.Hour })
	assert.Equal(t, breaker.Isolated, c.State())
	_, err := c.Acquire()
	assert.EqualError(t, err, "breaker: circuit is isolated: works")
}

func TestReconfigureCallsWatchersAndNotOnStateChange(t *testing.T) {
	var on, watched []breaker.Transition
	clk := fake.NewClock()
	c := breaker.NewCircuit(breaker.Config{
		Name: "x", FailureThreshold: 5, Clock: clk, OnStateChange: func(tr breaker.Transition) { on = append(on, tr) },
	})
	c.Watch(func(tr breaker.Transition) { watched = append(watched, tr) })
	record(t, c, policy.Failure)
	clk.Advance(time.Second)
	require.NoError(t, c.Reconfigure(c.Config()), "the same")
	assert.Empty(t, watched)
	reconfigure(t, c, func(cfg *breaker.Config) { cfg.FailureThreshold = 6 })
	assert.Empty(t, on)
	assert.Equal(t, []breaker.Transition{{
		Name: "x", From: breaker.Closed, To: breaker.Closed, At: clk.Now(),
		Counts: breaker.Counts{Failures: 1}, Reason: breaker.ReasonReconfigured,
	}}, watched)
	c.Isolate("")
	assert.Len(t, on, 1)
}

func TestReconfigureReplacesTheFunctions(t *testing.T) {
	var heard []string
	say := func(who string) func(breaker.Transition) {
		return func(breaker.Transition) { heard = append(heard, who) }
	}
	c := breaker.NewCircuit(breaker.Config{FailureThreshold: 1})
	for _, who := range []string{"one", "two"} { // two closures of one piece of code
		reconfigure(t, c, func(cfg *breaker.Config) { cfg.OnStateChange = say(who) })
		c.Isolate("")
		c.Reset()
	}
	assert.Equal(t, []string{"one", "one", "two", "two"}, heard)
	reconfigure(t, c, func(cfg *breaker.Config) {
		cfg.Classify = func(error) policy.Outcome { return policy.Failure }
	})
	_, err := breaker.Do(t.Context(), c, succeed)
	require.NoError(t, err)
	assert.Equal(t, breaker.Open, c.State())
}

// uncomparable is a clock whose type == cannot compare.
type uncomparable struct {
	policy.Clock
	_ func()
}

func TestReconfigureRefusesFaultsAndAnotherNameOrClock(t *testing.T) {
	clk := fake.NewClock()
	c := breaker.NewCircuit(breaker.Config{Name: "a", Clock: clk})
	before := c.Config()
	for want, change := range map[string]func(*breaker.Config){
		`breaker: Config.Name is "b", want "a": a circuit keeps its name`: func(cfg *breaker.Config) { cfg.Name = "b" },
		`breaker: Config.Clock is *fake.Clock, want the *fake.Clock that circuit "a" was made with: a circuit keeps its clock`: func(cfg *breaker.Config) {
			cfg.Clock = fake.NewClock()
		},
		`breaker: Config.Clock is <nil>, want the *fake.Clock that circuit "a" was made with: a circuit keeps its clock`: func(cfg *breaker.Config) {
			cfg.Clock = nil
		},
		`breaker: Config.FailureThreshold is -1, want 0 to 2147483647`: func(cfg *breaker.Config) { cfg.FailureThreshold = -1 },
	} {
		cfg := c.Config()
		change(&cfg)
		assert.EqualError(t, c.Reconfigure(cfg), want)
	}
	assert.Equal(t, before, c.Config())
	odd := breaker.NewCircuit(breaker.Config{Clock: uncomparable{Clock: clk}})
	assert.NoError(t, odd.Reconfigure(odd.Config()))
}

func TestNoTripIsLostWhileACircuitIsReconfigured(t *testing.T) {
	for range 300 {
		c := breaker.NewCircuit(breaker.Config{FailureThreshold: 8})
		var all sync.WaitGroup
		for range 8 {
			p, err := c.Acquire()
			require.NoError(t, err)
			all.Go(func() { p.Record(policy.Failure) })
		}
		all.Go(func() {
			for i := range 20 {
				_ = c.Reconfigure(breaker.Config{FailureThreshold: 8, RecoveryTimeout: time.Duration(1+i%2) * time.Minute})
				runtime.Gosched()
			}
		})
		all.Wait()
		require.Equal(t, breaker.Open, c.State())
	}
}

func TestSnapshotShowsTheLastFailureWhileClosed(t *testing.T) {
	c := breaker.NewCircuit(breaker.Config{})
	other := errors.New("other")
	for _, err := range []error{errDown, other, other} {
		_, _ = breaker.Do(t.Context(), c, fake.NewFunc[int]().Fail(err).Do)
		assert.Equal(t, err, c.Snapshot().Cause)
	}
	_, _ = breaker.Do(t.Context(), c, succeed)
	assert.Equal(t, other, c.Snapshot().Cause)
	c.Reset()
	assert.NoError(t, c.Snapshot().Cause)
}

func TestACallInFlightIsSlowByTheNewSlowCall(t *testing.T) {
	clk := fake.NewClock()
	c := breaker.NewCircuit(breaker.Config{WindowCalls: 9, SlowCall: time.Minute, SlowRate: 1, Clock: clk})
	p, err := c.Acquire()
	require.NoError(t, err)
	clk.Advance(time.Second)
	reconfigure(t, c, func(cfg *breaker.Config) { cfg.SlowCall = time.Second })
	p.Record(policy.Success)
	assert.Equal(t, breaker.Counts{Successes: 1, Slow: 1}, c.Snapshot().Counts)
}
