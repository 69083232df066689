package breaker_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
)

func TestACircuitInShadowMovesAndReportsButRefusesNoCall(t *testing.T) {
	clk := fake.NewClock()
	var heard []breaker.Transition
	c := breaker.NewCircuit(breaker.Config{
		FailureThreshold: 2, RecoveryTimeout: time.Second, Shadow: true, Clock: clk,
		OnStateChange: func(tr breaker.Transition) { heard = append(heard, tr) },
	})
	rec := fake.NewRecorder()
	chain := policy.NewChain[int]("", []policy.Listener{{
		Observe: rec.Observe, Kinds: []policy.EventKind{policy.Judged, policy.StateChanged, policy.Rejected},
	}}, breaker.New[int](c))
	call := func(fn policy.Func[int]) {
		v, err := chain.Call(fn).Do(t.Context())
		require.NotErrorIs(t, err, policy.ErrRejected)
		require.True(t, v == 1 || errors.Is(err, errDown))
	}
	for range 4 {
		call(down)
	}
	s := c.Snapshot()
	assert.Equal(t, breaker.Open, s.State)
	assert.True(t, s.Shadow)
	assert.Equal(t, breaker.Counts{Failures: 2, Rejected: 2}, s.Counts, "two would have been refused")
	clk.Advance(time.Second)
	call(succeed)
	assert.Equal(t, breaker.Closed, c.State())
	require.Len(t, heard, 3)
	for _, tr := range heard {
		assert.True(t, tr.Shadow)
	}
	assert.Equal(t, breaker.ReasonFailures, heard[0].Reason)
	var kinds []policy.EventKind
	for _, e := range rec.Events() {
		kinds = append(kinds, e.Kind)
		assert.Equal(t, "shadow", e.Reason)
	}
	assert.Equal(t, []policy.EventKind{
		policy.Judged, policy.Judged, policy.StateChanged, policy.StateChanged, policy.Judged, policy.StateChanged,
	}, kinds)
}

func TestHalfOpenInShadowCountsOnlyTheCallsWithAPermit(t *testing.T) {
	c := halfOpen(t, breaker.Config{Shadow: true, HalfOpenMaxCalls: 1, SuccessThreshold: 2}, fake.NewClock())
	probe, err := c.Acquire()
	require.NoError(t, err)
	other, err := c.Acquire()
	require.NoError(t, err)
	assert.True(t, other.Record(policy.Failure))
	assert.False(t, other.Record(policy.Failure))
	assert.Equal(t, breaker.Counts{Rejected: 1}, c.Snapshot().Counts)
	probe.Record(policy.Success)
	record(t, c, policy.Success)
	assert.Equal(t, breaker.Closed, c.State())
}

func TestIsolateAndTripRefuseInShadowToo(t *testing.T) {
	clk := fake.NewClock()
	c := breaker.NewCircuit(breaker.Config{Shadow: true, Clock: clk})
	b := breaker.New[int](c)
	for _, act := range []func(){func() { c.Isolate("works") }, func() { c.Trip(time.Minute, "works") }} {
		act()
		_, err := b.Do(t.Context(), succeed)
		require.ErrorIs(t, err, breaker.ErrOpen)
		require.ErrorIs(t, b.Refusal(t.Context(), time.Second), breaker.ErrOpen)
		c.Reset()
	}
	c.Trip(time.Minute, "works")
	clk.Advance(time.Minute)
	_, err := b.Do(t.Context(), succeed)
	assert.NoError(t, err)
}

func TestReconfigureSwitchesShadow(t *testing.T) {
	clk := fake.NewClock()
	c := breaker.NewCircuit(breaker.Config{FailureThreshold: 1, Shadow: true, Clock: clk})
	b := breaker.New[int](c)
	record(t, c, policy.Failure)
	require.NoError(t, b.Refusal(t.Context(), 0))
	_, err := b.Do(t.Context(), succeed)
	require.NoError(t, err)
	reconfigure(t, c, func(cfg *breaker.Config) { cfg.Shadow = false })
	_, err = b.Do(t.Context(), succeed)
	require.ErrorIs(t, err, breaker.ErrOpen)
	require.ErrorIs(t, b.Refusal(t.Context(), 0), breaker.ErrOpen)
}
