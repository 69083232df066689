package policy_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
)

func TestEventsRoundTripThroughJSON(t *testing.T) {
	e := policy.Event{
		Kind: policy.Judged, Pipeline: "rates", Policy: "breaker", Name: "stripe", Key: "eu", Attempt: 2, Delay: 1, Took: 2, Elapsed: 3,
		Outcome: policy.Failure, Reason: "slow", Err: errDown, From: "closed", To: "open",
	}
	text, err := json.Marshal(e)
	require.NoError(t, err)
	assert.JSONEq(t, `{"kind": "judged", "pipeline": "rates", "policy": "breaker", "name": "stripe", "key": "eu", "attempt": 2,
		"delay": 1, "took": 2, "elapsed": 3, "outcome": "failure", "reason": "slow", "err": "down", "from": "closed", "to": "open"}`, string(text))
	var back policy.Event
	require.NoError(t, json.Unmarshal(text, &back))
	assert.EqualError(t, back.Err, "down")
	back.Err = e.Err
	assert.Equal(t, e, back)

	text, err = json.Marshal(policy.Event{Kind: "of_my_own"})
	require.NoError(t, err)
	assert.JSONEq(t, `{"kind": "of_my_own"}`, string(text))
	require.NoError(t, json.Unmarshal(text, &back))
	assert.Equal(t, policy.Event{Kind: "of_my_own"}, back)
	assert.Error(t, json.Unmarshal([]byte(`{"outcome": "fine"}`), &back))
}

func TestOutcomesRoundTripThroughJSON(t *testing.T) {
	for _, o := range []policy.Outcome{policy.Undecided, policy.Success, policy.Failure, policy.Ignored} {
		text, err := json.Marshal(o)
		require.NoError(t, err)
		var back policy.Outcome
		require.NoError(t, json.Unmarshal(text, &back))
		assert.Equal(t, o, back)
	}
	var o policy.Outcome
	assert.EqualError(t, o.UnmarshalText([]byte("fine")), `policy: Outcome is "fine", want undecided, success, failure or ignored`)
}

func TestDescriptionsMarshalToJSON(t *testing.T) {
	limit := policy.NewTimeout[int](policy.TimeoutConfig{Name: "attempt", After: time.Second, Clock: fake.NewClock()})
	chain := policy.NewChain[int]("p", nil, policy.FallbackValue(7).WithName("stale"), policy.NewChain[int]("in", nil, limit), stranger{limit},
		policy.Check(func(_ int, err error) error { return err }), policy.Select(func(context.Context) policy.Policy[int] { return nil }),
		policy.WithKey("eu", policy.Policy[int](limit)))
	assert.Equal(t, "fallback(stale) > in(timeout(attempt, 1s)) > policy_test.stranger > check > select > timeout(attempt, 1s)", chain.String())
	text, err := json.Marshal(chain.Describe())
	require.NoError(t, err)
	timeout := `{"kind": "timeout", "name": "attempt", "detail": "1s", "config": {"Name": "attempt", "After": 1000000000, "Abandon": false}}`
	assert.JSONEq(t, `{"kind": "pipeline", "name": "p", "inner": [{"kind": "fallback", "name": "stale"},
		{"kind": "pipeline", "name": "in", "inner": [`+timeout+`]}, {"kind": "policy_test.stranger"}, {"kind": "check"}, {"kind": "select"}, `+timeout+`]}`, string(text))
	assert.Equal(t, "pass-through", policy.NewChain[int]("", nil).String())
	assert.Equal(t, "(pass-through)", policy.NewChain[int]("", nil, policy.NewChain[int]("", nil)).String())
}
