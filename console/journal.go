package console

import (
	"encoding/json"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ductile-go/ductile/policy"
)

// event is an entry of the journal. Its fields do not change once it was added.
type event struct {
	ID     int64     `json:"id"`
	At     time.Time `json:"at"`
	Kind   string    `json:"kind"`
	Name   string    `json:"name"`
	From   string    `json:"from,omitempty"`
	To     string    `json:"to,omitempty"`
	Reason string    `json:"reason,omitempty"`
	Err    string    `json:"err,omitempty"`
	Actor  string    `json:"actor,omitempty"`

	cause error
	// text is the event as JSON, made by the first that reads it and not by the call that
	// moved a circuit. Several may make it at once; the last one stays, and all are equal.
	text atomic.Pointer[[]byte]
}

// json returns the event as JSON, its error redacted.
func (e *event) json(redact func(string) string) []byte {
	if text := e.text.Load(); text != nil {
		return *text
	}
	shown := struct {
		*event
		Err string `json:"err,omitempty"`
	}{e, textOf(e.cause, redact)}
	text, err := json.Marshal(shown)
	if err != nil { // a year beyond 9999
		text = []byte("{}")
	}
	e.text.Store(&text)
	return text
}

// journal is the ring of the latest events. Their ids are one after another, from 1.
type journal struct {
	clock policy.Clock

	// mu guards the fields below. It is held for a few assignments, so that a reader, however
	// slow, delays no transition.
	mu   sync.Mutex
	ring []*event
	size int
	last int64         // the id of the newest event
	bell policy.Waiter // woken by the next event; nil if no stream waits
}

func newJournal(size int, clock policy.Clock) *journal { return &journal{size: size, clock: clock} }

// add appends an event and wakes the streams.
func (j *journal) add(e *event) {
	j.mu.Lock()
	j.last++
	e.ID = j.last
	if len(j.ring) < j.size {
		j.ring = append(j.ring, e)
	} else {
		j.ring[j.place(e.ID)] = e
	}
	j.mu.Unlock()
	j.wake()
}

func (j *journal) place(id int64) int64 { return (id - 1) % int64(j.size) }

// wake wakes every stream that waits. The bell is taken out first: a woken waiter stays
// awake, and a stream that found it there again would never sleep.
func (j *journal) wake() {
	j.mu.Lock()
	bell := j.bell
	j.bell = nil
	j.mu.Unlock()
	if bell != nil {
		bell.Wake()
	}
}

// waiter returns a waiter that the next event wakes. A caller that looks for events after
// this, and finds none, misses none by waiting.
func (j *journal) waiter() policy.Waiter {
	fresh := policy.NewWaiter(j.clock)
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.bell == nil {
		j.bell = fresh
	}
	return j.bell
}

// after returns the events with an id above the given one, the oldest first, and how many of
// them are no longer kept. An id that is not reached yet is of an earlier process.
func (j *journal) after(id int64) (events []*event, dropped int64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if id > j.last {
		id = 0
	}
	first := j.last - int64(len(j.ring)) + 1
	if id < first-1 {
		dropped, id = first-1-id, first-1
	}
	for id++; id <= j.last; id++ {
		events = append(events, j.ring[j.place(id)])
	}
	return events, dropped
}

// newest returns the id of the newest event, 0 if there is none.
func (j *journal) newest() int64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.last
}
