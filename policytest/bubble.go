package policytest

import (
	"regexp"
	"runtime"
	"runtime/pprof"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// bubble runs f in a bubble of t's, and returns what the bubble panicked with, or
// the goroutine that waits in it for a lock, if one waits for ever.
//
// A goroutine that waits for a lock counts as busy in a bubble: time stands still
// there, and so do those who hold the lock over a sleep. Only from outside is that
// seen. Such a bubble is left as it is, for nobody can end it.
func bubble(t *testing.T, f func()) (panicked any, locked string) {
	t.Helper()
	over := make(chan any, 1)
	started := make(chan string, 1)
	go func() {
		defer func() { over <- recover() }()
		synctest.Test(t, func(*testing.T) {
			started <- ownBubble()
			f()
		})
	}()
	watched := lockWatch{}
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case id := <-started:
			watched.bubble = id
		case panicked = <-over:
			return panicked, ""
		case <-tick.C:
			if locked = watched.look(goroutines()); locked != "" {
				return nil, locked
			}
		}
	}
}

const (
	lookEvery = 100 * time.Millisecond
	looks     = 10 // so many in a row that show the same tell a hang from a wait
)

// lockWatch looks for a bubble that stands still. It takes no long time for a
// sign of that, as a machine may be slow: of a bubble with anything left to do,
// a goroutine runs, or could.
type lockWatch struct {
	bubble string
	locked string // the goroutine that waited for a lock when last looked at
	times  int
}

// look returns the goroutine that waits for a lock, once that has been so for
// long enough.
func (w *lockWatch) look(all []goroutine) string {
	locked := waitsForALock(all, w.bubble)
	if locked == nil {
		w.times = 0
		return ""
	}
	if locked.id != w.locked {
		w.locked, w.times = locked.id, 0
	}
	if w.times++; w.times < looks {
		return ""
	}
	return locked.text
}

// waitsForALock returns the first goroutine of a bubble that waits for a lock, if
// all others wait too, for one another or for time.
func waitsForALock(all []goroutine, bubble string) (first *goroutine) {
	for _, g := range all {
		switch {
		case g.bubble != bubble || bubble == "" || g.state == "synctest.Run":
		case strings.HasPrefix(g.state, "sync.Mutex.") || strings.HasPrefix(g.state, "sync.RWMutex."):
			if first == nil {
				first = &g
			}
		case !strings.HasSuffix(g.state, "(durable)"):
			return nil
		}
	}
	return first
}

// goroutine is one of a dump.
type goroutine struct{ id, state, bubble, text string }

// header is what a dump has for a goroutine's first line.
var header = regexp.MustCompile(`^goroutine (\d+) [^\[]*\[([^,\]]*)(?:[^\]]*, synctest bubble (\d+))?[^\]]*\]:`)

// goroutines returns all there are.
func goroutines() []goroutine {
	var dump strings.Builder
	_ = pprof.Lookup("goroutine").WriteTo(&dump, 2)
	var all []goroutine
	for text := range strings.SplitSeq(dump.String(), "\n\n") {
		if h := header.FindStringSubmatch(text); h != nil {
			all = append(all, goroutine{id: h[1], state: h[2], bubble: h[3], text: text})
		}
	}
	return all
}

// ownBubble returns the bubble of the goroutine that asks. Where a runtime writes
// headers in another way it is none, and a hang is left to the test's own limit.
func ownBubble() string {
	line := make([]byte, 128)
	h := header.FindSubmatch(line[:runtime.Stack(line, false)])
	if h == nil {
		return ""
	}
	return string(h[3])
}
