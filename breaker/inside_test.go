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
	for _, c := range []struct {
		at   []int64 // in widths
		want int64
	}{
		{[]int64{0}, 0},
		{[]int64{0, 1, 5}, 5},
		{[]int64{16, 8}, 16}, // somebody was held up
		{[]int64{26, 5}, 5},  // the clock was set back by more than two windows
	} {
		w := NewCircuit(Config{Window: 10 * time.Second}).gen.Load().times
		for _, epoch := range c.at {
			w.at(epoch * w.width)
		}
		assert.Equal(t, c.want, w.newest.Load().epoch, c.at)
	}
}
