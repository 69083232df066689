package main

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/fake"
)

func TestTheStoryMeetsItsExpectations(t *testing.T) {
	var out strings.Builder
	require.NoError(t, tell(t.Context(), &out), out.String())
}

func newTestFlow(t *testing.T) (f *flow, data, orchestrator *server, clock *fake.Clock) {
	t.Helper()
	data, orchestrator = newServer(`{"id": "7", "name": "Ada"}`), newServer(`{}`)
	t.Cleanup(data.Close)
	t.Cleanup(orchestrator.Close)
	clock = fake.NewClock(fake.AutoAdvance())
	return newFlow(data.URL, orchestrator.URL, clock), data, orchestrator, clock
}

func TestAnalysisWaitsOneSecondThenTwo(t *testing.T) {
	f, _, _, clock := newTestFlow(t)
	f.analyse = flaky(2)
	_, err := f.process(t.Context(), "7", "two words")
	require.NoError(t, err)
	sleeps := clock.Sleeps()
	require.Len(t, sleeps, 2)
	assert.InDelta(t, time.Second, sleeps[0], float64(100*time.Millisecond))
	assert.InDelta(t, 2*time.Second, sleeps[1], float64(200*time.Millisecond))
}

func TestAnEmptyDocumentIsAnalysedOnce(t *testing.T) {
	f, _, orchestrator, clock := newTestFlow(t)
	_, err := f.process(t.Context(), "7", "")
	assert.EqualError(t, err, "analysing: an empty document")
	assert.Empty(t, clock.Sleeps())
	assert.Zero(t, orchestrator.asked.Load())
}

func TestEachServiceHasItsOwnCircuit(t *testing.T) {
	f, data, orchestrator, _ := newTestFlow(t)
	orchestrator.broken.Store(forever)
	_, err := f.process(t.Context(), "7", "two words")
	var status statusError
	require.True(t, errors.As(err, &status))
	assert.Equal(t, breaker.Open, f.orchestrator.circuit.State())
	assert.Equal(t, breaker.Closed, f.data.circuit.State())
	before := data.asked.Load()
	_, err = f.process(t.Context(), "7", "two words")
	assert.ErrorIs(t, err, breaker.ErrOpen)
	assert.Equal(t, before+1, data.asked.Load())
}
