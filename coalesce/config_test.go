package coalesce_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/coalesce"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
)

func TestNilFunctionsAreRefused(t *testing.T) {
	assert.PanicsWithValue(t, "coalesce: New: key is nil, want a function that returns the key of a call",
		func() { coalesce.New[string, int](nil) })
	assert.PanicsWithValue(t, "coalesce: Coalesce.WithClone: fn is nil, want a function", func() { oneKey().WithClone(nil) })
	assert.Panics(t, func() { _, _ = oneKey().Do(t.Context(), nil) })
	var none context.Context
	assert.Panics(t, func() { _, _ = oneKey().Do(none, after(0, 1, nil)) })
}

func TestACoalesceDescribesItself(t *testing.T) {
	c := oneKey()
	assert.Equal(t, policy.Description{Kind: "coalesce"}, c.Describe())
	assert.Equal(t, "coalesce", c.String())
	assert.Empty(t, c.Name())
	assert.Nil(t, c.Clock())

	clk := fake.NewClock()
	named := c.WithName("users").WithClock(clk)
	assert.Equal(t, policy.Description{Kind: "coalesce", Name: "users"}, named.Describe())
	assert.Equal(t, "coalesce(users) > timeout(1s)", pipeline.New[int](named, policy.Timeout[int](time.Second)).String())
	assert.Equal(t, "users", named.Name())
	assert.Same(t, clk, named.Clock())
	assert.Equal(t, "coalesce", c.String(), "the receiver is unchanged")
}

func TestCopiesShareFlightsAndTotals(t *testing.T) {
	c := oneKey()
	_, err := c.WithName("a").WithClone(func(v int) int { return v }).Do(t.Context(), after(0, 1, nil))
	require.NoError(t, err)
	assert.Equal(t, coalesce.Snapshot{Flights: 1}, c.Snapshot())
	assert.Equal(t, coalesce.Snapshot{Name: "b", Flights: 1}, c.WithName("b").Snapshot())
}

func TestASnapshotMarshalsAndLogs(t *testing.T) {
	s := coalesce.Snapshot{Name: "users", InFlight: 1, Flights: 2, Joined: 3}
	text, err := json.Marshal(s)
	require.NoError(t, err)
	assert.JSONEq(t, `{"name":"users","in_flight":1,"flights":2,"joined":3}`, string(text))
	assert.Equal(t, "[name=users in_flight=1 flights=2 joined=3]", s.LogValue().String())
	assert.Equal(t, "[]", coalesce.Snapshot{}.LogValue().String())
}

func TestARetryOutsideIsNotToldOfARefusalInside(t *testing.T) {
	p := pipeline.New[int](oneKey(), refusing{})
	assert.ErrorIs(t, p.Refusal(t.Context(), time.Second), policy.ErrUndetermined, "a flight may be there then")
}

// refusing is a policy that refuses.
type refusing struct{}

func (refusing) Execute(context.Context, policy.Call[int]) (int, error) { return 0, policy.ErrRejected }
func (refusing) Refusal(context.Context, time.Duration) error           { return policy.ErrRejected }
