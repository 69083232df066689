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
  200 A fine teapot.                               catalog, requests: 1
  200 A fine teapot.                               fresh, 0s old, requests: 0
  404 no such product                              catalog, requests: 1
the catalog is down
  200 A fine teapot.                               stale, 2m1.5s old, requests: 3
  200 A fine teapot.                               stale, 2m1.5s old, requests: 0
  200 We cannot show this product at the moment.   fallback, requests: 0
still, and the circuit is open
  200 A fine teapot.                               stale, 2m11.5s old, requests: 0
  200 A fine teapot.                               stale, 2m11.5s old, requests: 0
  200 We cannot show this product at the moment.   fallback, requests: 0
two hours later
  200 We cannot show this product at the moment.   fallback, requests: 1
  200 We cannot show this product at the moment.   fallback, requests: 0
  200 We cannot show this product at the moment.   fallback, requests: 0
it is back
  200 A fine teapot.                               catalog, requests: 1
  200 A fine teapot.                               fresh, 0s old, requests: 0
  404 no such product                              catalog, requests: 1
`, out.String())
}
