package breaker

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// As when one admission is reported twice, by a copy of its permit.
func TestNoPermitIsGivenBackThatIsNotOut(t *testing.T) {
	p := &probation{}
	p.giveBack(0)
	assert.Zero(t, p.permits.Load())
}
