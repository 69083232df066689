package keyed

import (
	"runtime/pprof"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ductile-go/ductile/internal/table"
	"github.com/ductile-go/ductile/internal/yield"
)

type still struct{}

func (*still) Idle() bool { return true }

func ofOne(t *testing.T) (*Map[string, *still], *entry[string, *still]) {
	t.Helper()
	m := New(Config[string, *still]{Make: func(string) *still { return new(still) }})
	return m, m.get("a")
}

// A reader may find an entry after its state has become gone and before it is removed.
func TestAnEntryThatIsGoneServesNoCall(t *testing.T) {
	m, e := ofOne(t)
	e.state.Store(gone)
	assert.False(t, m.use(e))
	assert.False(t, m.isMember(e))
	assert.Nil(t, m.peek("a"))
	e.state.Store(member)
	assert.True(t, m.use(e))
}

// A drop restores the state under the lock if it meets a use. A reader that has read gone
// waits for that.
func TestAReaderChecksGoneUnderTheLock(t *testing.T) {
	m, e := ofOne(t)
	m.mu.Lock()
	e.state.Store(gone)
	found := make(chan bool, 1)
	go func() {
		ok := false
		for range m.All() {
			ok = true
		}
		found <- ok
	}()
	// Without the look under the lock, the reader would end before it has got the lock.
	waits := yield.Until(func() bool { return len(found) > 0 || locking("isMember") })
	e.state.Store(member)
	m.mu.Unlock()
	assert.True(t, <-found)
	assert.True(t, waits, "the reader has not come to the lock")
}

// locking reports whether a goroutine waits for a lock in a function of this name.
func locking(function string) bool {
	var text strings.Builder
	_ = pprof.Lookup("goroutine").WriteTo(&text, 2) // to a strings.Builder, which cannot fail
	for stack := range strings.SplitSeq(text.String(), "\n\n") {
		if strings.Contains(stack, function) && strings.Contains(stack, "Mutex).Lock(") {
			return true
		}
	}
	return false
}

func TestTheTableGrowsAndShrinksWithItsMembers(t *testing.T) {
	m := New(Config[int, *still]{Make: func(int) *still { return new(still) }, Max: 1 << 20})
	buckets := func() int { return m.table.Load().Buckets() }
	for k := range 1025 {
		m.Get(k)
	}
	assert.Equal(t, 2048, buckets())
	for k := range 1025 {
		m.Forget(k)
	}
	assert.Equal(t, table.Smallest, buckets())
	assert.Zero(t, m.table.Load().Len())
	assert.Zero(t, m.count)
	assert.Zero(t, m.queue.len)
}

// A key that was used last has the current tick.
func TestAUseOfAHotKeyWritesNothing(t *testing.T) {
	m, e := ofOne(t)
	m.Reconfigure(looks, 0)
	m.Get("a")
	before, used := m.tick.Load(), e.used.Load()
	for range 100 {
		m.Get("a")
	}
	assert.Equal(t, before, m.tick.Load())
	assert.Equal(t, used, e.used.Load())
}
