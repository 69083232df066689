package breaker

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// Who reports one admission twice, by a copy of its permit, takes nothing away.
func TestNoMoreComesBackThanIsOut(t *testing.T) {
	p := &probation{}
	p.giveBack(0)
	assert.Zero(t, p.permits.Load())
}
