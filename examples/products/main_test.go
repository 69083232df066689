package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestAnAnswerSaysWhereItComesFrom(t *testing.T) {
	var out strings.Builder
	tell(t.Context(), &out)
	assert.Equal(t, `all is well
  200 A fine teapot.                               catalog, 1 requests
  200 A fine teapot.                               fresh, 0s old, 0 requests
  404 no such product                              catalog, 1 requests
the catalog is down
  200 A fine teapot.                               stale, 2m1.5s old, 3 requests
  200 A fine teapot.                               stale, 2m1.5s old, 0 requests
  200 We cannot show this product at the moment.   fallback, 0 requests
still, and the circuit is open
  200 A fine teapot.                               stale, 2m11.5s old, 0 requests
  200 A fine teapot.                               stale, 2m11.5s old, 0 requests
  200 We cannot show this product at the moment.   fallback, 0 requests
two hours later
  200 We cannot show this product at the moment.   fallback, 1 requests
  200 We cannot show this product at the moment.   fallback, 0 requests
  200 We cannot show this product at the moment.   fallback, 0 requests
it is back
  200 A fine teapot.                               catalog, 1 requests
  200 A fine teapot.                               fresh, 0s old, 0 requests
  404 no such product                              catalog, 1 requests
`, out.String())
}
