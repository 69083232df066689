package throttle

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A second look begins after the request that the first look has missed, and has not read
// the window yet. The first must not end as if nothing had happened.
func TestALookThatMissedARequestDoesNotCalmDown(t *testing.T) {
	var m mood
	assert.True(t, m.calm(), "a new throttle")
	m.worsen()
	require.False(t, m.calm())
	first, ok := m.look()
	require.True(t, ok)
	_, ok = m.look()
	require.False(t, ok, "one look at a time")
	m.worsen()
	second, ok := m.look()
	require.True(t, ok)
	m.calmDown(first)
	assert.False(t, m.calm())
	m.stayTense(first)
	m.calmDown(second)
	assert.True(t, m.calm())
	m.worsen()
	assert.False(t, m.calm())
}

func TestALookThatFoundARequestLeavesRoomForAnother(t *testing.T) {
	var m mood
	m.worsen()
	ticket, _ := m.look()
	m.stayTense(ticket)
	assert.False(t, m.calm())
	ticket, ok := m.look()
	require.True(t, ok)
	m.calmDown(ticket)
	assert.True(t, m.calm())
	_, ok = m.look()
	assert.False(t, ok, "nothing to look for")
}
