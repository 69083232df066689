package breaker_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
)

func TestOfConcurrentRecordsOneCountsAndReturnsTrue(t *testing.T) {
	for range 500 {
		c := halfOpen(t, breaker.Config{HalfOpenMaxCalls: 2, SuccessThreshold: 9}, fake.NewClock())
		p, err := c.Acquire()
		require.NoError(t, err)
		_, err = c.Acquire()
		require.NoError(t, err)
		var firsts atomic.Int64
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				if p.Record(policy.Success) {
					firsts.Add(1)
				}
			})
		}
		all.Wait()
		require.EqualValues(t, 1, firsts.Load())
		require.EqualValues(t, 1, c.Snapshot().Counts.Successes)
		_, err = c.Acquire()
		require.NoError(t, err, "one place came back")
		_, err = c.Acquire()
		require.ErrorIs(t, err, breaker.ErrOpen, "and only one")
	}
}

func TestAZeroPermitRecordsNothing(t *testing.T) {
	var p breaker.Permit
	assert.False(t, p.Record(policy.Success))
}

func TestRecordCountsUndecidedAsAFailure(t *testing.T) {
	for _, o := range []policy.Outcome{policy.Undecided, 77} {
		c := breaker.NewCircuit(breaker.Config{FailureThreshold: 1})
		record(t, c, o)
		assert.Equal(t, breaker.Open, c.State())
	}
}

func TestAnOpenCircuitCountsItsRefusalsExactly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, wait := range []time.Duration{0, 28 * time.Second, 29 * time.Second} { // before and after its timer
			c := breaker.NewCircuit(breaker.Config{RecoveryTimeout: 30 * time.Second})
			var rejected int64
			c.Watch(func(tr breaker.Transition) { rejected += tr.Counts.Rejected })
			c.Trip(0, "")
			time.Sleep(wait)
			refused := int64(0)
			for range 1000 {
				if _, err := c.Acquire(); err != nil {
					refused++
				}
			}
			assert.Equal(t, refused, c.Snapshot().Counts.Rejected)
			time.Sleep(30*time.Second - wait)
			_, err := c.Acquire()
			require.NoError(t, err)
			assert.Equal(t, refused, rejected)
		}
	})
}

func TestASnapshotOfAnOpenCircuitShowsTheCountsThatOpenedIt(t *testing.T) {
	for name, cfg := range map[string]breaker.Config{
		"row": {FailureThreshold: 3}, "time": {Window: time.Minute, FailureThreshold: 3}, "calls": {WindowCalls: 9, FailureThreshold: 3},
	} {
		clk := fake.NewClock()
		cfg.Clock, cfg.RecoveryTimeout = clk, time.Hour
		c := breaker.NewCircuit(cfg)
		record(t, c, policy.Ignored, policy.Failure, policy.Failure, policy.Failure)
		clk.Advance(10 * time.Minute)
		for range 2 {
			_, err := c.Acquire()
			require.Error(t, err)
		}
		assert.Equal(t, breaker.Counts{Failures: 3, Ignored: 1, Rejected: 2}, c.Snapshot().Counts, name)
		c.Trip(time.Minute, "")
		assert.Zero(t, c.Snapshot().Counts, "by hand")
		clk.Advance(time.Minute)
		record(t, c, policy.Failure)
		assert.Equal(t, breaker.Counts{Failures: 1}, c.Snapshot().Counts, "a probe")
	}
}

func TestTheTextOfARefusalDoesNotChangeWithTime(t *testing.T) {
	clk := fake.NewClock()
	c := breaker.NewCircuit(breaker.Config{Name: "stripe", FailureThreshold: 1, Clock: clk})
	_, _ = breaker.Do(t.Context(), c, down)
	_, err := c.Acquire()
	text := err.Error()
	clk.Advance(29 * time.Second)
	assert.EqualError(t, err, text)
	wait, ok := policy.RetryAfter(err)
	assert.True(t, ok)
	assert.Equal(t, time.Second, wait)
}

func TestTheReasonGivenToTripAndIsolateIsShownEverywhere(t *testing.T) {
	clk := fake.NewClock()
	c := breaker.NewCircuit(breaker.Config{Name: "mail", HalfOpenMaxCalls: 1, Clock: clk})
	var heard []string
	c.Watch(func(tr breaker.Transition) { heard = append(heard, tr.Reason) })
	c.Trip(time.Minute, "failover drill")
	assert.Equal(t, "failover drill", c.Snapshot().Reason)
	_, err := c.Acquire()
	assert.EqualError(t, err, `breaker: circuit "mail" is open: failover drill`)
	clk.Advance(time.Minute)
	_, err = c.Acquire()
	require.NoError(t, err)
	_, err = c.Acquire()
	assert.EqualError(t, err, `breaker: circuit "mail" is half-open and its permits are out: failover drill`)
	var open *breaker.OpenError
	require.ErrorAs(t, err, &open)
	assert.Equal(t, "failover drill", open.Reason)
	c.Isolate("works")
	_, err = c.Acquire()
	assert.EqualError(t, err, `breaker: circuit "mail" is isolated: works`)
	c.Reset()
	assert.Equal(t, []string{"failover drill", "recovery_elapsed", "works", "reset"}, heard)
	assert.Equal(t, "reset", c.Snapshot().Reason)
}

func TestAnObserverOfStateChangedAloneGetsEveryMoveOfACall(t *testing.T) {
	clk := fake.NewClock()
	c := breaker.NewCircuit(breaker.Config{FailureThreshold: 1, RecoveryTimeout: time.Second, Clock: clk})
	rec := fake.NewRecorder()
	chain := policy.NewChain[int]("", []policy.Listener{{
		Observe: rec.Observe, Kinds: []policy.EventKind{policy.StateChanged},
	}}, breaker.New[int](c))
	_, err := chain.Call(down).Do(t.Context())
	require.Equal(t, errDown, err)
	clk.Advance(time.Second)
	_, err = chain.Call(succeed).Do(t.Context())
	require.NoError(t, err)
	assert.PanicsWithValue(t, "boom", func() {
		_, _ = chain.Call(func(context.Context) (int, error) { panic("boom") }).Do(t.Context())
	})
	var moves []string
	for _, e := range rec.Events() {
		moves = append(moves, e.From+" > "+e.To+" "+e.Reason)
	}
	assert.Equal(t, []string{
		"closed > open failures", "open > half-open recovery_elapsed", "half-open > closed probes_succeeded", "closed > open failures",
	}, moves)
	assert.Equal(t, policy.ErrNoReturn, rec.Events()[3].Err)
}

func TestACallWhoseListenerPanicsCountsOnce(t *testing.T) {
	for _, kind := range []policy.EventKind{policy.StateChanged, policy.Judged} {
		clk := fake.NewClock()
		c := breaker.NewCircuit(breaker.Config{WindowCalls: 9, FailureThreshold: 1, Clock: clk})
		chain := policy.NewChain[int]("", []policy.Listener{{
			Observe: func(context.Context, policy.Event) { panic("observer") }, Kinds: []policy.EventKind{kind},
		}}, breaker.New[int](c))
		assert.PanicsWithValue(t, "observer", func() { _, _ = chain.Call(down).Do(t.Context()) })
		assert.Equal(t, breaker.Counts{Failures: 1}, c.Snapshot().Counts, kind)
	}
}

func TestJudgedHasTheDurationAndTheReasonSlow(t *testing.T) {
	for name, cfg := range map[string]breaker.Config{
		"time":  {Window: time.Minute, SlowCall: time.Second, SlowRate: 1},
		"calls": {WindowCalls: 20, SlowCall: time.Second, SlowRate: 1},
		"row":   {}, "time without slow": {Window: time.Minute},
	} {
		clk := fake.NewClock()
		cfg.Clock = clk
		rec := fake.NewRecorder()
		chain := policy.NewChain[int]("", []policy.Listener{{
			Observe: rec.Observe, Kinds: []policy.EventKind{policy.Judged},
		}}, breaker.New[int](breaker.NewCircuit(cfg)))
		for _, c := range []struct {
			took time.Duration
			err  error
		}{{time.Second - 1, nil}, {time.Second, errDown}, {2 * time.Second, policy.ErrRejected}} {
			_, _ = chain.Call(func(context.Context) (int, error) { clk.Advance(c.took); return 0, c.err }).Do(t.Context())
			e := rec.Events()[len(rec.Events())-1]
			assert.Equal(t, c.took, e.Took, name)
			assert.Equal(t, errors.Is(c.err, errDown) && cfg.SlowCall > 0, e.Reason == "slow", name)
			assert.Equal(t, c.err, e.Err, name)
		}
	}
}

func TestTheReasonOfRejectedIsTheState(t *testing.T) {
	clk := fake.NewClock()
	c := breaker.NewCircuit(breaker.Config{Name: "x", HalfOpenMaxCalls: 1, Clock: clk})
	rec := fake.NewRecorder()
	chain := policy.NewChain[int]("", []policy.Listener{{
		Observe: rec.Observe, Kinds: []policy.EventKind{policy.Rejected},
	}}, breaker.New[int](c))
	refuse := func() {
		_, err := chain.Call(succeed).Do(t.Context())
		require.ErrorIs(t, err, breaker.ErrOpen)
	}
	c.Trip(time.Minute, "")
	refuse()
	clk.Advance(time.Minute)
	_, err := c.Acquire()
	require.NoError(t, err)
	refuse()
	c.Isolate("")
	refuse()
	var reasons []string
	for _, e := range rec.Events() {
		assert.Equal(t, "breaker", e.Policy)
		assert.Equal(t, "x", e.Name)
		reasons = append(reasons, e.Reason)
	}
	assert.Equal(t, []string{"open", "half_open", "isolated"}, reasons)
}

func TestFaultsOfRecoveryAndProbeFieldsAreNamed(t *testing.T) {
	for want, cfg := range map[string]breaker.Config{
		"breaker: Config.RecoveryTimeout is -2ns, want 0 or more, or NoWait":                                         {RecoveryTimeout: -2},
		"breaker: Config.ProbeCalls is -1, want 0 to 2147483647":                                                     {ProbeCalls: -1},
		"breaker: Config.ProbeFailureRate is 1.5, want 0 to 1":                                                       {ProbeCalls: 2, ProbeFailureRate: 1.5},
		"breaker: Config.ProbeFailureRate is 0.5 but needs ProbeCalls":                                               {ProbeFailureRate: 0.5},
		"breaker: Config.SuccessThreshold is 1, want 0 with ProbeCalls: half-open is judged by the one or the other": {ProbeCalls: 2, SuccessThreshold: 1},
		"breaker: Config.ProbeCalls is 1048577, want at most 1048576":                                                {ProbeCalls: 1<<20 + 1},
		"breaker: Config.SuccessThreshold is 1048577, want at most 1048576":                                          {SuccessThreshold: 1<<20 + 1},
	} {
		assert.EqualError(t, cfg.Validate(), want)
	}
	assert.NoError(t, breaker.Config{RecoveryTimeout: breaker.NoWait, ProbeCalls: 1, ProbeFailureRate: 1, Shadow: true}.Validate())
	assert.NoError(t, breaker.Config{ProbeCalls: 1 << 20}.Validate())
	assert.NoError(t, breaker.Config{SuccessThreshold: 1 << 20}.Validate())
}
