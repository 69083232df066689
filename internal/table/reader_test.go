package table

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// A reader that has reached a node goes on from there after the node was unlinked.
func TestAnUnlinkedNodeLeadsToTheRestOfItsBucket(t *testing.T) {
	at, values := New[int, int](Smallest), []int{0, 1, 2, 3}
	for k := range values {
		at.Link(0, k, &values[k])
	}
	reached := at.bucket(0).Load() // the newest, which is first
	at.Unlink(0, &values[3])
	at.Unlink(0, &values[1])
	at.Link(0, 4, new(int))
	var found []int
	for n := reached.next.Load(); n != nil; n = n.next.Load() {
		found = append(found, n.key)
	}
	assert.Equal(t, []int{2, 0}, found)
}
