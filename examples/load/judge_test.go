package main

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// goodFigures returns figures without faults: a thousand calls, a hundred retries.
func goodFigures() figures {
	return figures{
		settings: settings{clients: 2, budget: true}, took: time.Second,
		started: 1000, attempts: 1100, recovered: true,
		phases: []phaseFigures{
			{requests: 600, ended: [outcomes]int64{ok: 600}},
			{requests: 500, ended: [outcomes]int64{ok: 300, rejected: 100}},
		},
	}
}

func TestGoodFiguresHaveNoFaults(t *testing.T) {
	f := goodFigures()
	assert.Empty(t, f.faults())
}

func TestEachFaultIsFound(t *testing.T) {
	for want, spoil := range map[string]func(f *figures){
		"no call began":                    func(f *figures) { *f = figures{recovered: true} },
		"1001 calls began, and 1000 ended": func(f *figures) { f.started++ },
		"1 calls ended unexpectedly": func(f *figures) {
			f.phases[0].ended[ok]--
			f.phases[0].ended[unexpected]++
		},
		"no call succeeded after":             func(f *figures) { f.recovered = false },
		"1131 attempts for 1000 calls":        func(f *figures) { f.attempts = 1131 },
		"1101 requests at the server":         func(f *figures) { f.phases[1].requests++ },
		"5 goroutines are left, there were 4": func(f *figures) { f.goroutines = span{4, 9, 5} },
		"1 connections are left":              func(f *figures) { f.connections = span{0, 9, 1} },
		"bytes are left in use":               func(f *figures) { f.heap = span{0, 0, leftHeap + 1} },
		"bytes were in use":                   func(f *figures) { f.heap = span{0, peakHeap + 1, 0} },
	} {
		f := goodFigures()
		spoil(&f)
		faults := f.faults()
		if assert.Len(t, faults, 1, want) {
			assert.Contains(t, faults[0], want)
		}
	}
}

func TestTheBoundFollowsTheBudget(t *testing.T) {
	f := goodFigures()
	assert.EqualValues(t, 1000+100+30, f.bound(), "a tenth of the calls, and ten in each of three windows")
	f.budget = false
	assert.EqualValues(t, 3000, f.bound())
}

func TestRepeatsByNetHTTPAreNoFault(t *testing.T) {
	f := goodFigures()
	f.phases[1].requests++
	f.kept = 1
	assert.Empty(t, f.faults())
}

func TestTheWorstPhaseIsShown(t *testing.T) {
	f := goodFigures()
	f.phases = append(f.phases, phaseFigures{requests: 1}) // no call began in it
	assert.Equal(t, "1.250", f.worst())
	assert.Equal(t, "-", new(figures).worst())
}

func TestAShortRunHasNoFaults(t *testing.T) {
	var out strings.Builder
	s := settings{clients: 8, length: 200 * time.Millisecond, pause: 5 * time.Millisecond}
	require.NoError(t, tell(t.Context(), &out, s), out.String())
	assert.Contains(t, out.String(), "every expectation held")
	assert.Contains(t, out.String(), "amplification")
}

func TestInvalidSettingsAreRefused(t *testing.T) {
	for _, s := range []settings{{length: 1}, {clients: 1}, {clients: 1, length: 1, pause: -1}} {
		assert.Error(t, tell(t.Context(), new(strings.Builder), s))
	}
}
