package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestOneTenantsOutageTouchesNoOther(t *testing.T) {
	var out strings.Builder
	tell(t.Context(), &out)
	assert.Equal(t, `acme     failed: no route to host
acme     failed: no route to host
  the circuit of acme: closed -> open
acme     failed: no route to host
acme     not called
globex   failed: no route to host
globex   delivered
globex   failed: no route to host
bogus-0  delivered
bogus-1  delivered
bogus-2  delivered
2 tenants have a circuit of their own
acme     not called
  the circuit of acme: open -> half-open
  the circuit of acme: half-open -> closed
acme     delivered
`, out.String())
}
