package ductilehttp

import (
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What a slice has beyond its length is not collected: a host that is not called any more
// would keep the connection, and its buffers.
func TestNothingKeepsADeadConnection(t *testing.T) {
	var c connections
	one, other := net.Pipe()
	c.enter(one)
	c.diedUnder(c.enter(other), false, time.Time{})
	require.Len(t, c.shared, 1)
	assert.Same(t, one, c.shared[0].conn)
	assert.Nil(t, c.shared[:2][1])
}
