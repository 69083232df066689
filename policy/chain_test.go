package policy_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
)

func TestPoliciesAfterANestedChainRunInsideIt(t *testing.T) {
	nested := policy.NewChain[int]("in", nil, policy.Fallback(func(context.Context, error) (int, error) { return 1, nil }))
	after := policy.Fallback(func(context.Context, error) (int, error) { return 2, nil })
	v, err := policy.NewChain[int]("out", nil, nested, after).Call(fail(errDown)).Do(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 2, v, "the innermost fallback runs first")
}

func TestAChainUsesTheClockOfItsOutermostPolicyWithOne(t *testing.T) {
	outer, inner := fake.NewClock(), fake.NewClock()
	on := func(clk policy.Clock) policy.Policy[int] {
		return policy.NewTimeout[int](policy.TimeoutConfig{After: time.Hour, Clock: clk})
	}
	clockless := policy.NewChain[int]("", nil, policy.FallbackValue(7), policy.Timeout[int](time.Hour))
	for name, c := range map[string]struct {
		policies []policy.Policy[int]
		want     time.Duration
	}{
		"direct": {[]policy.Policy[int]{policy.FallbackValue(7), on(outer), on(inner)}, time.Second},
		"nested": {[]policy.Policy[int]{clockless, policy.NewChain[int]("", nil, on(outer)), on(inner)}, time.Second},
		"behind": {[]policy.Policy[int]{policy.Timeout[int](time.Hour), clockless, on(inner)}, time.Minute},
	} {
		rec := fake.NewRecorder()
		_, err := policy.NewChain("p", hears(rec.Observe), c.policies...).Call(func(context.Context) (int, error) {
			outer.Advance(time.Second)
			inner.Advance(time.Minute)
			return 1, nil
		}).Do(t.Context())
		require.NoError(t, err)
		last := rec.Events()[len(rec.Events())-1]
		assert.Equal(t, policy.Event{Kind: policy.Finished, Pipeline: "p", Attempt: 1, Elapsed: c.want}, last, name)
	}
}
