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

// down is an error whose methods panic if it is nil. A function that returns a nil *down
// as an error has failed.
type down struct{ host string }

func (d *down) Error() string { return d.host + " is down" }
func (d *down) Unwrap() error { _ = d.host; return nil }

func TestACauseThatIsANilPointerIsNone(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel((*down)(nil))
	assert.Equal(t, context.Canceled, policy.Ended(ctx))
}

func TestAnErrorThatIsANilPointerHasAText(t *testing.T) {
	text, err := json.Marshal(policy.Event{Kind: policy.Judged, Err: (*down)(nil)})
	require.NoError(t, err)
	assert.JSONEq(t, `{"kind": "judged", "err": "<nil>"}`, string(text))

	clk := fake.NewClock()
	limit := policy.NewTimeout[int](policy.TimeoutConfig{After: time.Second, Clock: clk})
	_, err = limit.Do(t.Context(), func(context.Context) (int, error) {
		clk.Advance(time.Second)
		return 0, (*down)(nil)
	})
	assert.EqualError(t, err, "policy: timeout: no result within 1s: <nil>")
}
