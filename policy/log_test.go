package policy_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/policy"
)

// nothing is an error whose only value is zero.
type nothing struct{}

func (nothing) Error() string { return "nothing" }

func TestEventsAreLoggedWithTheirNonzeroFields(t *testing.T) {
	all := policy.Event{
		Kind: policy.Retried, Pipeline: "rates", Policy: "retry", Name: "fetch", Key: "eu", Attempt: 1, Delay: time.Second, Took: 1, Elapsed: 2, Outcome: policy.Failure, Reason: "backoff", Err: errDown,
		From: "closed", To: "open",
	}
	for want, e := range map[string]policy.Event{
		`kind=gave_up err=nothing`: {Kind: policy.GaveUp, Err: nothing{}},
		`kind=retried pipeline=rates policy=retry name=fetch key=eu attempt=1 delay=1s took=1ns elapsed=2ns outcome=failure reason=backoff err=down from=closed to=open`: all,
	} {
		var out bytes.Buffer
		slog.New(slog.NewTextHandler(&out, nil)).LogAttrs(t.Context(), slog.LevelInfo, "", slog.Any("", e))
		assert.Contains(t, out.String(), "msg=\"\" "+want+"\n")
	}
}

func TestKindsAndOutcomesAreTextInJSON(t *testing.T) {
	out, err := json.Marshal([]any{policy.Attempted, policy.FinishedLate, policy.Success, policy.Failure, policy.Ignored})
	require.NoError(t, err)
	assert.Equal(t, `["attempted","finished_late","success","failure","ignored"]`, string(out))
}
