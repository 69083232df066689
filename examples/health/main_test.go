package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestOnlyARequiredCircuitMakesTheServiceUnready(t *testing.T) {
	var out strings.Builder
	require.NoError(t, tell(t.Context(), &out))
	assert.Equal(t, `all is well: 200 OK
  ledger is closed
  tips is closed
an optional dependency is down: 200 OK
  ledger is closed
  tips is open
a required one is down: 503 Service Unavailable, Retry-After: 30
  ledger is open
  tips is open
12.5 s later: 503 Service Unavailable, Retry-After: 18
  ledger is open
  tips is open
30 s later the circuits are half-open: 200 OK
  ledger is half-open
  tips is half-open
an operator isolates the ledger: 503 Service Unavailable
  ledger is isolated
  tips is half-open
`, out.String())
}
