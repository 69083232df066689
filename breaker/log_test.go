package breaker_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/fake"
)

// logged returns v as a JSON handler writes it.
func logged(v any) string {
	var out bytes.Buffer
	slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{
		ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
			if len(groups) == 0 && a.Key != "v" { // time, level and message
				return slog.Attr{}
			}
			return a
		},
	})).Info("", "v", v)
	return out.String()
}

func TestTransitionsAndSnapshotsAreLoggedWithTheirStatesAsText(t *testing.T) {
	clk := fake.NewClock()
	var moved breaker.Transition
	c := breaker.NewCircuit(breaker.Config{
		Name: "stripe", FailureThreshold: 1, Clock: clk, OnStateChange: func(m breaker.Transition) { moved = m },
	})
	assert.JSONEq(t, `{"v":{"name":"stripe","state":"closed","since":"2000-01-01T00:00:00Z"}}`, logged(c.Snapshot()))
	_, err := breaker.Do(t.Context(), c, down)
	require.ErrorIs(t, err, errDown)
	clk.Advance(time.Second)
	assert.JSONEq(t, `{"v":{"name":"stripe","from":"closed","to":"open","at":"2000-01-01T00:00:00Z",
		"counts":{"failures":1},"reason":"failures","cause":"`+errDown.Error()+`"}}`, logged(moved))
	assert.JSONEq(t, `{"v":{"name":"stripe","state":"open","retry_after":29000000000,"since":"2000-01-01T00:00:00Z",
		"counts":{"failures":1},"reason":"failures","cause":"`+errDown.Error()+`"}}`, logged(c.Snapshot()))
	assert.JSONEq(t, `{"v":{"successes":1,"failures":2,"slow":3,"ignored":4,"rejected":5}}`, logged(breaker.Counts{
		Successes: 1, Failures: 2, Slow: 3, Ignored: 4, Rejected: 5,
	}))
	assert.JSONEq(t, `{"v":{"state":"closed"}}`, logged(breaker.Snapshot{}))
}

func TestAStateMarshalsAsItsText(t *testing.T) {
	out, err := json.Marshal([]breaker.State{breaker.Closed, breaker.Open, breaker.HalfOpen, breaker.Isolated})
	require.NoError(t, err)
	assert.Equal(t, `["closed","open","half-open","isolated"]`, string(out))
}
