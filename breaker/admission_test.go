package breaker_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/internal/readings"
	"github.com/ductile-go/ductile/policy"
)

// nested is a clock that runs a function inside of each of its next readings, one within
// the other: what other goroutines do while the reader waits.
type nested struct {
	policy.Clock
	inside []func()
}

func (n *nested) Now() time.Time {
	if len(n.inside) > 0 {
		f := n.inside[0]
		n.inside = n.inside[1:]
		f()
	}
	return n.Clock.Now()
}

// probed returns a half-open circuit with one permit, which is not out.
func probed(t *testing.T) (*breaker.Circuit, *nested) {
	t.Helper()
	fk := fake.NewClock()
	clk := &nested{Clock: fk}
	c := breaker.NewCircuit(breaker.Config{HalfOpenMaxCalls: 1, SuccessThreshold: 2, Clock: clk})
	c.Trip(1, "")
	fk.Advance(1)
	require.Equal(t, breaker.HalfOpen, c.State())
	return c, clk
}

func TestAProbeIsRefusedIfTheCircuitIsIsolatedWhileItIsAdmitted(t *testing.T) {
	c, clk := probed(t)
	clk.inside = []func(){func() { c.Isolate("works") }}
	_, err := c.Acquire()
	var refused *breaker.OpenError
	require.ErrorAs(t, err, &refused)
	assert.Equal(t, breaker.Isolated, refused.State)
	assert.EqualValues(t, 1, c.Snapshot().Counts.Rejected)
}

// Of two callers that find the last permit, the second takes it, and gives it back since the
// circuit has closed. The first must not be refused for want of it.
func TestACallIsAdmittedIfTheCircuitClosesWhileAnotherHasTheLastPermit(t *testing.T) {
	c, clk := probed(t)
	clk.inside = []func(){
		func() {
			_, err := c.Acquire()
			assert.NoError(t, err, "the second")
		},
		func() {
			clk.inside = nil
			c.Reset()
		},
	}
	_, err := c.Acquire()
	require.NoError(t, err, "the first")
	assert.Equal(t, breaker.Closed, c.State())
}

// On real time, where a circuit that is far from its end refuses without a look at the clock.
func TestACircuitInShadowRefusesNothingOnRealTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := breaker.NewCircuit(breaker.Config{FailureThreshold: 1, RecoveryTimeout: time.Minute, Shadow: true})
		b := breaker.New[int](c).WithClassifier(func(int, error) policy.Outcome { return policy.Undecided })
		_, err := b.Do(t.Context(), down)
		require.Equal(t, errDown, err)
		require.Equal(t, breaker.Open, c.State())
		_, err = b.Do(t.Context(), succeed)
		require.NoError(t, err)
		assert.EqualValues(t, 1, c.Snapshot().Counts.Rejected)
	})
}

// The timer that was armed at first is for the earlier end. Under a second, none is armed.
func TestAShorterRecoveryTimeoutIsExactOnRealTime(t *testing.T) {
	for _, recovery := range []time.Duration{time.Minute, time.Second, time.Second - 1, time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			c := breaker.NewCircuit(breaker.Config{RecoveryTimeout: 10 * time.Hour})
			time.Sleep(time.Hour) // so that the circuit's time is far from zero
			c.Trip(0, "")
			require.NoError(t, c.Reconfigure(breaker.Config{RecoveryTimeout: recovery}))
			time.Sleep(recovery - 1)
			_, err := c.Acquire()
			require.ErrorIs(t, err, breaker.ErrOpen, "%v", recovery)
			time.Sleep(time.Nanosecond)
			_, err = c.Acquire()
			assert.NoError(t, err, "%v", recovery)
		})
	}
}

func TestAGrownRecoveryTimeoutDoublesWhileTwiceIsWithinTheMaximum(t *testing.T) {
	for most, want := range map[time.Duration][]time.Duration{
		1: {1, 1, 1}, 2: {1, 2, 2, 2}, 3: {1, 2, 3, 3}, 4: {1, 2, 4, 4}, 5: {1, 2, 4, 5, 5}, 7: {1, 2, 4, 7, 7},
	} {
		clk := fake.NewClock()
		c := breaker.NewCircuit(breaker.Config{
			FailureThreshold: 1, RecoveryTimeout: 1, MaxRecoveryTimeout: most, Clock: clk,
		})
		for _, period := range want {
			record(t, c, policy.Failure)
			assert.Equal(t, period, c.Snapshot().RetryAfter, "at most %d", most)
			clk.Advance(period)
		}
	}
}

// Record has no error to show.
func TestAFailureWithoutAnErrorKeepsTheCauseOfTheLast(t *testing.T) {
	c := breaker.NewCircuit(breaker.Config{})
	_, _ = breaker.Do(t.Context(), c, down)
	record(t, c, policy.Failure)
	s := c.Snapshot()
	assert.Equal(t, errDown, s.Cause)
	assert.EqualValues(t, 2, s.Counts.Failures)
}

func TestRefusalsReadTheClockOnceEach(t *testing.T) {
	clk := readings.NewClock()
	c := breaker.NewCircuit(breaker.Config{Clock: clk})
	b := breaker.New[int](c)
	c.Trip(time.Minute, "")
	assert.Equal(t, 1200, clk.Of(func() {
		for range 600 {
			_, err := b.Do(t.Context(), succeed)
			require.ErrorIs(t, err, breaker.ErrOpen)
			_, err = c.Acquire()
			require.ErrorIs(t, err, breaker.ErrOpen)
		}
	}))
}

func TestTheLastOfDifferentFailuresIsTheCause(t *testing.T) {
	c := breaker.NewCircuit(breaker.Config{})
	for _, err := range []error{errors.New("a"), errors.New("b"), errDown, errDown} {
		_, _ = breaker.Do(t.Context(), c, fake.NewFunc[int]().Fail(err).Do)
		assert.Equal(t, err, c.Snapshot().Cause)
	}
}

// With SlowCall, the start of a probe is measured before it asks for a permit.
func TestACallIsAdmittedIfTheCircuitClosesBeforeItTakesItsPermit(t *testing.T) {
	fk := fake.NewClock()
	clk := &nested{Clock: fk}
	cfg := slowProbes(breaker.Config{HalfOpenMaxCalls: 1})
	cfg.Clock = clk
	c := breaker.NewCircuit(cfg)
	c.Trip(1, "")
	fk.Advance(1)
	require.Equal(t, breaker.HalfOpen, c.State())
	clk.inside = []func(){c.Reset}
	p, err := c.Acquire()
	require.NoError(t, err)
	p.Record(policy.Success)
	assert.Equal(t, breaker.Counts{Successes: 1}, c.Snapshot().Counts)
}

// A caller finds that the permits have been out for too long. Until it has read the clock,
// others begin a round and take all of its permits.
func TestNoRoundBeginsBesideOneThatHasJustBeenTaken(t *testing.T) {
	fk := fake.NewClock()
	clk := &nested{Clock: fk}
	c := breaker.NewCircuit(breaker.Config{HalfOpenMaxCalls: 2, Clock: clk})
	c.Trip(1, "")
	fk.Advance(1)
	require.Equal(t, breaker.HalfOpen, c.State())
	take := func() {
		for range 2 {
			_, err := c.Acquire()
			assert.NoError(t, err)
		}
	}
	take()
	fk.Advance(time.Hour)
	clk.inside = []func(){take}
	_, err := c.Acquire()
	require.ErrorIs(t, err, breaker.ErrOpen)
	assert.Empty(t, clk.inside)
}

// overtaken is a clock that runs a function after its next reading: what other goroutines do
// before the reader uses it.
type overtaken struct {
	jumping
	during func()
}

func (o *overtaken) Now() time.Time {
	now := o.jumping.Now()
	if f := o.during; f != nil {
		o.during = nil
		f()
	}
	return now
}

// Another caller takes the last permit after the clock was set back. The time of the first
// caller, from before that, must not make the permits look overdue.
func TestNoProbeIsAdmittedTooManyWhenTheClockIsSetBackMeanwhile(t *testing.T) {
	for _, later := range []time.Duration{0, 1} {
		fk := fake.NewClock()
		clk := &overtaken{jumping: jumping{Clock: fk}}
		c := breaker.NewCircuit(breaker.Config{HalfOpenMaxCalls: 2, Clock: clk})
		c.Trip(1, "")
		fk.Advance(1)
		_, err := c.Acquire()
		require.NoError(t, err)
		clk.off = later
		clk.during = func() {
			clk.off = -time.Minute
			_, err := c.Acquire()
			assert.NoError(t, err)
		}
		_, err = c.Acquire()
		require.ErrorIs(t, err, breaker.ErrOpen)
		assert.Equal(t, 2, c.Snapshot().Probes)
	}
}
