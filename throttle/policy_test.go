package throttle_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
	"github.com/ductile-go/ductile/throttle"
)

func TestDoRemovesMarksAndExecuteKeepsThem(t *testing.T) {
	th := throttle.NewThrottle(throttle.Config{Clock: fake.NewClock()})
	p := throttle.New[int](th)
	marked := func(context.Context) (int, error) { return 0, retry.Permanent(breaker.Judge(errDown, policy.Ignored)) }
	_, err := throttle.Do(t.Context(), th, marked)
	assert.Same(t, errDown, err)
	_, err = p.WithClassifier(func(int, error) policy.Outcome { return policy.Success }).Do(t.Context(), marked)
	assert.Same(t, errDown, err)
	_, err = p.Execute(t.Context(), policy.CallOf(marked))
	assert.NotSame(t, errDown, err)
	assert.ErrorIs(t, err, errDown)
}

func TestAThrottledDescribesItself(t *testing.T) {
	clk := fake.NewClock()
	th := throttle.NewThrottle(throttle.Config{Name: "db", Clock: clk})
	p := throttle.New[int](th)
	assert.Equal(t, "throttle(db)", p.String())
	assert.Equal(t, "throttle", throttle.New[string](throttle.NewThrottle(throttle.Config{})).String())
	assert.Equal(t, "db", p.Name())
	assert.Equal(t, "db", th.Name())
	assert.Equal(t, policy.Clock(clk), p.Clock())
	assert.Equal(t, policy.Clock(clk), th.Clock())
	assert.Nil(t, throttle.NewThrottle(throttle.Config{}).Clock())
	assert.Same(t, th, p.Throttle())
	assert.Equal(t, policy.Description{Kind: "throttle", Name: "db", Config: th.Config()}, p.Describe())
}

func TestMisusePanicsWithAReason(t *testing.T) {
	th := throttle.NewThrottle(throttle.Config{})
	for want, f := range map[string]func(){
		"throttle: New: throttle is nil, want one made by NewThrottle":         func() { throttle.New[int](nil) },
		"throttle: New: zero Throttle, want one made by NewThrottle":           func() { throttle.New[int](&throttle.Throttle{}) },
		"throttle: Do: throttle is nil, want one made by NewThrottle":          func() { _, _ = throttle.Do(t.Context(), nil, succeed) },
		"throttle: Throttled.Do: fn is nil, want a function":                   func() { _, _ = throttle.New[int](th).Do(t.Context(), nil) },
		"throttle: Throttled.WithClassifier: classify is nil, want a function": func() { throttle.New[int](th).WithClassifier(nil) },
	} {
		assert.PanicsWithValue(t, want, f)
	}
}

func TestAnOuterCircuitIgnoresRejections(t *testing.T) {
	c := breaker.NewCircuit(breaker.Config{FailureThreshold: 1})
	th := filled(throttle.Config{Clock: fake.NewClock(), Rand: always}, 10, 0)
	chain := policy.NewChain[int]("", nil, breaker.New[int](c), throttle.New[int](th))
	for range 10 {
		_, err := chain.Call(succeed).Do(t.Context())
		require.ErrorIs(t, err, throttle.ErrThrottled)
	}
	assert.Equal(t, breaker.Closed, c.State())
}

func TestRejectionsOfInnerPoliciesAreNoRequests(t *testing.T) {
	g := bulkhead.NewGate(bulkhead.Config{Limit: 1})
	_, ok := g.TryAcquire()
	require.True(t, ok)
	c := breaker.NewCircuit(breaker.Config{})
	c.Isolate("")
	th := throttle.NewThrottle(throttle.Config{Clock: fake.NewClock()})
	for _, inner := range []policy.Policy[int]{bulkhead.New[int](g), breaker.New[int](c)} {
		_, err := policy.NewChain[int]("", nil, throttle.New[int](th), inner).Call(succeed).Do(t.Context())
		require.ErrorIs(t, err, policy.ErrRejected)
	}
	assert.Zero(t, th.Snapshot().Requests)
}

// A retry asks the policies inside of it before it sleeps. A throttle may admit any call,
// so the next policy is asked.
func TestRefusalAsksThePoliciesInside(t *testing.T) {
	th := filled(throttle.Config{Clock: fake.NewClock(), Rand: always}, 10, 0)
	c := breaker.NewCircuit(breaker.Config{})
	chain := policy.NewChain[int]("", nil, throttle.New[int](th), breaker.New[int](c))
	require.NoError(t, chain.Refusal(t.Context(), time.Second))
	c.Isolate("")
	assert.ErrorIs(t, chain.Refusal(t.Context(), time.Second), breaker.ErrOpen)
}
