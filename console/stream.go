package console

import (
	"bytes"
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/ductile-go/ductile/policy"
)

const (
	// stall is how long a stream may block on its reader. Then it is closed, so that readers
	// that are gone or stuck do not hold all streams.
	stall = 30 * time.Second
	// breath is the time between two batches of events. Without it, a stream would send
	// every event of a storm in a packet of its own.
	breath = 10 * time.Millisecond
	// present is how old a snapshot may be that a stream begins with: streams that begin
	// together share one.
	present = time.Second
	// retryLine tells browsers to come back after 2 s. Behind a handler that cannot stream,
	// such as http.TimeoutHandler, they poll at that pace.
	retryLine = "retry: 2000\n\n"
)

// serveStream sends a snapshot at once and at each interval, and events as they happen.
func (c *Console) serveStream(w http.ResponseWriter, r *http.Request) {
	if fromElsewhere(r) { // it could hold all streams
		http.Error(w, "console: a page of another site or host cannot read the stream", http.StatusForbidden)
		return
	}
	last, err := cursorOf(r)
	if err != nil {
		http.Error(w, "console: the stream wants the id of an event after which it begins", http.StatusBadRequest)
		return
	}
	if !c.openStream() {
		w.Header().Set("Retry-After", "10")
		http.Error(w, "console: all "+strconv.Itoa(c.cfg.MaxStreams)+" streams are in use, or the console is closed; GET snapshot works", http.StatusServiceUnavailable)
		return
	}
	defer c.closeStream()
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // nginx would hold events back
	s := &stream{c: c, w: w, rc: http.NewResponseController(w), resumed: last > 0, last: last}
	// The server's ReadTimeout and WriteTimeout would end the stream. They are in force
	// again for the connection's next request.
	_ = s.rc.SetReadDeadline(time.Time{})
	defer func() { _ = s.rc.SetWriteDeadline(time.Time{}) }()
	s.run(r.Context())
}

// cursorOf returns the id of the last event that the client has, 0 if it has none.
func cursorOf(r *http.Request) (int64, error) {
	if id := r.Header.Get("Last-Event-ID"); id != "" { // a browser that reconnects
		return idOf(id)
	}
	return idOf(r.URL.Query().Get("after"))
}

// stream is one client that reads the stream.
type stream struct {
	c       *Console
	w       http.ResponseWriter
	rc      *http.ResponseController
	resumed bool  // last is of an earlier stream
	begun   bool  // it has sent a snapshot
	last    int64 // the id of the last event that was sent
	buf     bytes.Buffer
}

func (s *stream) run(ctx context.Context) {
	s.buf.WriteString(retryLine)
	due := policy.Now(s.c.cfg.Clock)
	for {
		bell := s.c.journal.waiter() // before the look at the events: see there
		if _, closed := s.c.open(); closed {
			return
		}
		now := policy.Now(s.c.cfg.Clock)
		if !now.Before(due) || due.Sub(now) > s.c.cfg.Interval { // due, or the clock was set back
			if s.snapshot(ctx, now) != nil {
				return
			}
			due = s.c.nextTick(now)
		}
		events := s.events()
		if s.buf.Len() > 0 && s.flush() != nil {
			return
		}
		if !s.rest(ctx, bell, due.Sub(now), events) {
			return
		}
	}
}

// rest waits for an event or the next tick, and reports whether the stream goes on.
func (s *stream) rest(ctx context.Context, bell policy.Waiter, d time.Duration, events int) bool {
	if events > 0 { // there may be more by now
		return policy.Sleep(ctx, nil, breath) == nil
	}
	stop := policy.AfterFunc(s.c.cfg.Clock, d, s.c.journal.wake)
	defer stop()
	return bell.Wait(ctx) == nil
}

func (s *stream) snapshot(ctx context.Context, now time.Time) error {
	event, oldest := s.last, time.Time{}
	if !s.begun { // the first one shows the present, and not the last tick
		event, oldest = s.c.journal.newest(), now.Add(-present)
		s.begun = true
	}
	text, err := s.c.frame(ctx, now, oldest, event)
	if err == nil {
		s.write("snapshot", 0, text)
	}
	return err
}

// events writes those since the last one and returns how many. A new client gets what is
// kept; one that had earlier events is sent the number that it missed.
func (s *stream) events() int {
	events, dropped := s.c.journal.after(s.last)
	if dropped > 0 && s.resumed {
		s.write("dropped", 0, []byte(`{"events":`+strconv.FormatInt(dropped, 10)+`}`))
	}
	for _, e := range events {
		s.write("event", e.ID, e.json(s.c.cfg.Redact))
		s.last = e.ID
	}
	s.resumed = true
	return len(events)
}

// write adds a message. Its data is JSON, which has no newline.
func (s *stream) write(kind string, id int64, data []byte) {
	if id > 0 {
		s.buf.WriteString("id: ")
		s.buf.Write(strconv.AppendInt(s.buf.AvailableBuffer(), id, 10))
		s.buf.WriteByte('\n')
	}
	s.buf.WriteString("event: ")
	s.buf.WriteString(kind)
	s.buf.WriteString("\ndata: ")
	s.buf.Write(data)
	s.buf.WriteString("\n\n")
}

// flush sends what was written. The time limit is one of the network, and so on real time.
// An error means that the client has gone, or that the response cannot be streamed. In both
// cases the stream ends, and the client comes back.
func (s *stream) flush() error {
	_ = s.rc.SetWriteDeadline(time.Now().Add(stall))
	if _, err := s.w.Write(s.buf.Bytes()); err != nil {
		return err
	}
	s.buf.Reset()
	return s.rc.Flush()
}

// tick numbers the intervals since the console was made. All streams send their snapshots at
// the same ticks, so they can share them.
func (c *Console) tick(now time.Time) int64 { return int64(now.Sub(c.began) / c.cfg.Interval) }

func (c *Console) nextTick(now time.Time) time.Time {
	if now.Before(c.began) { // the clock was set back
		return now.Add(c.cfg.Interval)
	}
	return c.began.Add(time.Duration(c.tick(now)+1) * c.cfg.Interval)
}
