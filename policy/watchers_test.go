package policy_test

import (
	"context"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// watchers returns how many goroutines of package context wait for the end of a parent
// that it cannot attach a child to. Other goroutines, which may begin or end at any time,
// do not count.
func watchers() int {
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	return strings.Count(string(stacks), "created by context.(*cancelCtx).propagateCancel ")
}

// foreign is a context to which package context attaches children with a goroutine.
type foreign struct{ context.Context }

func (foreign) Value(any) any { return nil }

func TestWatchersCountsTheGoroutinesOfPackageContext(t *testing.T) {
	parent, end := context.WithCancel(t.Context())
	defer end()
	before := watchers()
	for range 10 { // more than may end meanwhile of those that tests before left
		_, cancel := context.WithCancel(foreign{parent})
		defer cancel()
	}
	assert.Greater(t, watchers(), before)
}
