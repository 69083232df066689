package breaker_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
)

func TestSnapshotsAndTransitionsRoundTripThroughJSON(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	s := breaker.Snapshot{
		Name: "stripe", State: breaker.Open, Counts: breaker.Counts{Successes: 1, Failures: 2, Slow: 3, Ignored: 4, Rejected: 5},
		RetryAfter: time.Second, Since: at, Cause: errDown, Reason: breaker.ReasonFailures, Shadow: true,
	}
	text, err := json.Marshal(s)
	require.NoError(t, err)
	assert.JSONEq(t, `{"name":"stripe","state":"open","counts":{"successes":1,"failures":2,"slow":3,"ignored":4,"rejected":5},
		"retry_after":1000000000,"since":"2026-01-02T03:04:05.000000006Z","cause":"down","reason":"failures","shadow":true}`, string(text))
	var back breaker.Snapshot
	require.NoError(t, json.Unmarshal(text, &back))
	s.Cause = errors.New("down")
	assert.Equal(t, s, back)

	tr := breaker.Transition{
		Name: "stripe", From: breaker.HalfOpen, To: breaker.Open, At: at, Counts: breaker.Counts{Failures: 1},
		Cause: errDown, Reason: breaker.ReasonProbeFailed,
	}
	text, err = json.Marshal(tr)
	require.NoError(t, err)
	assert.JSONEq(t, `{"name":"stripe","from":"half-open","to":"open","at":"2026-01-02T03:04:05.000000006Z",
		"counts":{"failures":1},"cause":"down","reason":"probe_failed"}`, string(text))
	var moved breaker.Transition
	require.NoError(t, json.Unmarshal(text, &moved))
	tr.Cause = errors.New("down")
	assert.Equal(t, tr, moved)
}

// hostDown is an error whose Error panics if it is nil.
type hostDown struct{ host string }

func (d *hostDown) Error() string { return d.host + " is down" }

func TestACauseThatIsANilPointerHasAText(t *testing.T) {
	c := breaker.NewCircuit(breaker.Config{FailureThreshold: 1})
	_, err := breaker.Do(t.Context(), c, func(context.Context) (int, error) { return 0, (*hostDown)(nil) })
	require.Equal(t, (*hostDown)(nil), err)
	_, err = c.Acquire()
	assert.EqualError(t, err, "breaker: circuit is open: opened by: <nil>")
	text, err := json.Marshal(breaker.Transition{Cause: c.Snapshot().Cause})
	require.NoError(t, err)
	assert.JSONEq(t, `{"from":"closed","to":"closed","cause":"<nil>"}`, string(text))
}

func TestJSONOmitsZeroFieldsButNotStates(t *testing.T) {
	for want, v := range map[string]any{
		`{"state":"closed"}`:              breaker.Snapshot{},
		`{"from":"closed","to":"closed"}`: breaker.Transition{},
		`{}`:                              breaker.Counts{},
		`{"failure_threshold":3,"name":"x"}`: breaker.Config{
			Name: "x", FailureThreshold: 3, Clock: fake.NewClock(), Rand: fake.Rand(0), OnStateChange: func(breaker.Transition) {},
			Classify: func(error) policy.Outcome { return 0 }, RecoveryFor: func(breaker.Opening) time.Duration { return 0 },
		},
	} {
		text, err := json.Marshal(v)
		require.NoError(t, err)
		assert.JSONEq(t, want, string(text))
	}
}

func TestADescriptionMarshals(t *testing.T) {
	c := breaker.NewCircuit(breaker.Config{Name: "x", WindowCalls: 10, Clock: fake.NewClock(), OnStateChange: func(breaker.Transition) {}})
	text, err := json.Marshal(breaker.New[int](c).Describe())
	require.NoError(t, err)
	assert.JSONEq(t, `{"kind":"breaker","name":"x","config":{"name":"x","failure_threshold":5,"window_calls":10,
		"recovery_timeout":30000000000,"half_open_max_calls":3,"success_threshold":1}}`, string(text))
}

func TestAStateUnmarshalsFromItsText(t *testing.T) {
	for _, s := range []breaker.State{breaker.Closed, breaker.Open, breaker.HalfOpen, breaker.Isolated} {
		var back breaker.State
		require.NoError(t, back.UnmarshalText([]byte(s.String())))
		assert.Equal(t, s, back)
	}
	var s breaker.State
	assert.EqualError(t, s.UnmarshalText([]byte("ajar")), `breaker: State is "ajar", want closed, open, half-open or isolated`)
	assert.Error(t, json.Unmarshal([]byte(`{"state":"ajar"}`), &breaker.Snapshot{}))
	assert.Error(t, json.Unmarshal([]byte(`{"to":"ajar"}`), &breaker.Transition{}))
}
