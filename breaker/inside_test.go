package breaker

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// Who reports one admission twice, by a copy of its permit, takes nothing away.
func TestNoMoreComesBackThanIsOut(t *testing.T) {
	p := &probation{}
	p.release(0)
	assert.Zero(t, p.word.Load())
}

func TestTheNewestBucketIsAtHand(t *testing.T) {
	c := NewCircuit(Config{Window: 10 * time.Second})
	w := c.gen.Load().times
	for _, epoch := range []int64{0, 1, 5} {
		w.at(epoch * w.width)
		assert.Equal(t, epoch, w.newest.Load().epoch)
	}
}
