package row_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ductile-go/ductile/proof/row"
)

func TestOnlyCompleteRowsAreParsed(t *testing.T) {
	r, ok := row.Parse("PROOF\ta\tb\tc\td")
	assert.True(t, ok)
	assert.Equal(t, row.Row{Searched: "a", Amount: "b", Seeds: "c", Result: "d"}, r)
	for _, line := range []string{"", "ok", "PROOF\ta\tb\tc", "x PROOF\ta\tb\tc\td"} {
		_, ok := row.Parse(line)
		assert.False(t, ok, line)
	}
}
