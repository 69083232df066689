package console_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/console"
	"github.com/ductile-go/ductile/internal/allocs"
	"github.com/ductile-go/ductile/policy"
)

var storm = flag.Duration("storm", 0, "how long TestAStorm... sends 10,000 transitions a second; 0 sends a fixed number as fast as it can")

// stalled is a client that reads when it is let.
type stalled struct {
	header  http.Header
	mu      sync.Mutex
	text    bytes.Buffer
	let     chan struct{} // closed: it reads
	blocked chan struct{} // a write has begun
}

func (s *stalled) Header() http.Header { return s.header }
func (s *stalled) WriteHeader(int)     {}
func (s *stalled) Flush()              {}
func (s *stalled) Write(b []byte) (int, error) {
	select {
	case s.blocked <- struct{}{}:
	default:
	}
	<-s.let
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(b)
}

func (s *stalled) read() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

func TestAStalledStreamDelaysNoTransitionAndIsSentTheNumberOfEventsThatItMissed(t *testing.T) {
	c := quick("stripe", nil)
	h := console.New(console.Config{Circuits: []*breaker.Circuit{c}, Events: 50})
	w := &stalled{header: http.Header{}, let: make(chan struct{}), blocked: make(chan struct{}, 1)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/stream", nil))
	}()
	<-w.blocked
	for range 1000 { // would hang if one of them waited for the stream
		c.Isolate("")
		c.Reset()
	}
	r := httptest.NewRecorder()
	h.ServeHTTP(r, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/snapshot", nil))
	assert.Contains(t, r.Body.String(), `"event":2000,`)
	close(w.let)
	require.Eventually(t, func() bool { return strings.Contains(w.read(), `"id":2000,`) }, time.Minute, time.Millisecond)
	h.Close()
	<-done
	assert.Contains(t, w.read(), "event: dropped\ndata: {\"events\":1950}\n\n")
	assert.Equal(t, 50, strings.Count(w.read(), "event: event\n"))
}

// A transition allocates its entry and does nothing else that takes time or memory, however
// many streams there are.
func TestATransitionCostsTheConsoleAnEntry(t *testing.T) {
	moves := func(c *breaker.Circuit) float64 {
		return allocs.Fewest(1000, func() { c.Isolate("drill"); c.Reset() })
	}
	bare := quick("bare", nil)
	defer bare.Watch(func(breaker.Transition) {})()
	without := moves(bare)
	c := quick("stripe", nil)
	h := console.New(console.Config{Circuits: []*breaker.Circuit{c}})
	defer h.Close()
	assert.LessOrEqual(t, moves(c), without+2, "one event for each of two moves")
}

// counter counts the events of a stream.
type counter struct {
	events, dropped, snapshots, last int64
	disorder                         atomic.Bool
	seen                             atomic.Int64 // last, for others
}

func (n *counter) read(r *reader) {
	for {
		m, err := r.next()
		if err != nil {
			return
		}
		switch m.kind {
		case "snapshot":
			n.snapshots++
		case "dropped":
			var d struct{ Events int64 }
			if json.Unmarshal([]byte(m.data), &d) != nil {
				n.disorder.Store(true)
			}
			n.dropped += d.Events
			n.last += d.Events
		case "event":
			n.events++
			id, _ := strconv.ParseInt(m.id, 10, 64)
			if id != n.last+1 {
				n.disorder.Store(true)
			}
			n.last = id
			n.seen.Store(id)
		}
	}
}

func TestAStormOfTransitionsOnSixteenStreamsLosesNothingAndKeepsNoMemory(t *testing.T) {
	const streams, circuits = 16, 20
	total := int64(8_000)
	if *storm > 0 {
		total = int64(*storm / time.Second * 10_000)
	}
	var all []*breaker.Circuit
	for i := range circuits {
		all = append(all, breaker.NewCircuit(breaker.Config{
			// The timer of an opening lasts for as long, and is memory that is not the console's.
			Name: "circuit-" + strconv.Itoa(i), FailureThreshold: 1, RecoveryTimeout: 100 * time.Millisecond,
		}))
	}
	// A snapshot that comes between a failure and its reset may find a circuit half-open.
	var moved atomic.Int64
	for _, c := range all {
		defer c.Watch(func(breaker.Transition) { moved.Add(1) })()
	}
	h := console.New(console.Config{Circuits: all})
	base := serve(t, h)
	idle := heap()
	counters := make([]counter, streams)
	var readers sync.WaitGroup
	for i := range counters {
		r := open(t, base+"stream")
		readers.Go(func() { counters[i].read(r) })
	}
	require.Eventually(t, func() bool { return snapshot(t, base).Streams == streams }, time.Minute, time.Millisecond)

	moves := func(from, to int64) {
		begin := time.Now()
		for i := from; i < to; i += 2 {
			c := all[i/2%circuits]
			fail(c, errDown)
			c.Reset()
			if *storm > 0 && i%100 == 0 {
				_ = policy.Sleep(t.Context(), nil, time.Until(begin.Add(time.Duration(i-from)*100*time.Microsecond)))
			}
		}
	}
	settle := func(id int64) {
		require.Eventually(t, func() bool {
			for i := range counters {
				if counters[i].seen.Load() < id {
					return false
				}
			}
			return true
		}, time.Minute, time.Millisecond)
	}
	moves(0, total/10)
	settle(total / 10)
	before := heap()
	moves(total/10, total)
	settle(total)
	after := heap()

	total = moved.Load()
	settle(total)
	assert.Equal(t, total, snapshot(t, base).Event, "every transition was counted")
	h.Close()
	readers.Wait()
	assert.Less(t, heap(), idle+4<<20, "memory is kept when the streams have ended")
	for i := range counters {
		n := &counters[i]
		assert.False(t, n.disorder.Load(), "events out of order, or missing without a word")
		assert.Equal(t, total, n.events+n.dropped, "stream %d", i)
		assert.Positive(t, n.snapshots)
	}
	// Each stream keeps a buffer for the events of a whole ring, some 500 kB, which it may fill
	// late. The check above is without these buffers.
	assert.Less(t, after, before+16<<20, "memory grows with the number of events")
	t.Logf("%d transitions, of which a stream got %d and was told that it missed %d; heap %d kB before, %d kB after",
		total, counters[0].events, counters[0].dropped, before>>10, after>>10)
}

// heap returns the bytes in use after a collection.
func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
