package console

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/policy"
)

// snapshotVersion is raised when a field of the snapshot changes its meaning. New fields do
// not raise it.
const snapshotVersion = 1

// snapshot is everything that the page draws. Its counters are cumulative: rates are drawn
// from the difference of two snapshots. Durations are in nanoseconds.
type snapshot struct {
	Version  int           `json:"version"`
	Title    string        `json:"title"`
	Instance string        `json:"instance,omitempty"`
	Boot     string        `json:"boot"` // another one after a restart
	At       time.Time     `json:"at"`
	Interval time.Duration `json:"interval"`
	Control  bool          `json:"control"` // actions may be allowed
	Streams  int           `json:"streams"`
	Event    int64         `json:"event"` // the id of the newest event
	Circuits []circuit     `json:"circuits"`
	// Pipelines and Limits are those that Config.Stats counts and watches.
	Pipelines []pipeline `json:"pipelines,omitempty"`
	Limits    []limit    `json:"limits,omitempty"`
	Dropped   int64      `json:"dropped,omitempty"` // measurements beyond the limits of the Stats, in no pipeline
	// Registry is the configuration of Config.Registry.
	Registry *configuration `json:"registry,omitempty"`
}

// circuit is one circuit of a snapshot.
type circuit struct {
	Name       string         `json:"name"`
	State      breaker.State  `json:"state"`
	Since      time.Time      `json:"since,omitzero"`
	RetryAfter time.Duration  `json:"retry_after,omitempty"` // until an open circuit admits a probe
	Reason     string         `json:"reason,omitempty"`
	Cause      string         `json:"cause,omitempty"` // of the opening, or the last failure while closed
	Counts     breaker.Counts `json:"counts"`
	Probes     int            `json:"probes,omitempty"` // in flight
	Shadow     bool           `json:"shadow,omitempty"`
	Window     string         `json:"window,omitempty"` // what the meters count in: "10s", "100 calls", or a row
	Meters     []meter        `json:"meters,omitempty"`
	Ribbon     string         `json:"ribbon,omitempty"`
	ReadOnly   bool           `json:"read_only,omitempty"` // it has no name of its own in Config.Stats
}

// meter is how close a circuit is to a threshold.
type meter struct {
	Of    string  `json:"of"` // failures, failure rate, slow rate, probes
	Value float64 `json:"value"`
	Limit float64 `json:"limit"`
	Calls int64   `json:"calls,omitempty"` // of a rate
	Need  int64   `json:"need,omitempty"`  // calls before a rate is checked
}

// take returns the current state of everything.
func (c *Console) take() snapshot {
	streams, _ := c.open()
	s := snapshot{
		Version: snapshotVersion, Title: c.cfg.Title, Instance: c.cfg.Instance, Boot: c.boot,
		At: policy.Now(c.cfg.Clock), Interval: c.cfg.Interval, Control: c.cfg.Allow != nil,
		Streams: streams, Circuits: make([]circuit, 0, len(c.circuits)),
	}
	for _, w := range c.enlisted.with(c.circuits) {
		s.Circuits = append(s.Circuits, c.circuit(w, s.At))
	}
	if c.cfg.Stats != nil {
		seen := c.cfg.Stats.Snapshot()
		s.Circuits = append(s.Circuits, c.others(seen.Circuits, s.At)...)
		n := c.count(seen, s.At)
		s.Pipelines, s.Limits, s.Dropped = n.pipelines, n.limits, n.dropped
	}
	if c.cfg.Registry != nil {
		c.declare(&s)
	}
	s.Event = c.journal.newest()
	return s
}

func (c *Console) circuit(w *watched, now time.Time) circuit {
	s, cfg := w.Snapshot(), w.Config()
	shown := circuit{
		Name: s.Name, State: s.State, Since: s.Since, RetryAfter: s.RetryAfter, Reason: s.Reason,
		Cause: textOf(s.Cause, c.cfg.Redact), Counts: s.Counts, Probes: s.Probes, Shadow: s.Shadow,
		Window: windowOf(cfg), Meters: metersOf(s, cfg),
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	shown.Ribbon = w.ribbon.text(now)
	return shown
}

func windowOf(cfg breaker.Config) string {
	switch {
	case cfg.Window > 0:
		return cfg.Window.String()
	case cfg.WindowCalls > 0:
		return strconv.Itoa(cfg.WindowCalls) + " calls"
	}
	return ""
}

// metersOf returns how far the state is from each of its ends. An open state shows the
// counts that opened it.
func metersOf(s breaker.Snapshot, cfg breaker.Config) (meters []meter) {
	if s.State == breaker.Isolated {
		return nil
	}
	if s.State == breaker.HalfOpen {
		if cfg.ProbeCalls > 0 {
			return []meter{{Of: "probes", Value: float64(s.Counts.Successes + s.Counts.Failures), Limit: float64(cfg.ProbeCalls)}}
		}
		return []meter{{Of: "probes", Value: float64(s.Counts.Successes), Limit: float64(cfg.SuccessThreshold)}}
	}
	if cfg.FailureThreshold > 0 {
		meters = append(meters, meter{Of: "failures", Value: float64(s.Counts.Failures), Limit: float64(cfg.FailureThreshold)})
	}
	calls := s.Counts.Successes + s.Counts.Failures
	rate := func(of string, n int64, limit float64) {
		if limit > 0 {
			meters = append(meters, meter{of, float64(n) / float64(max(1, calls)), limit, calls, int64(cfg.MinCalls)})
		}
	}
	rate("failure rate", s.Counts.Failures, cfg.FailureRate)
	rate("slow rate", s.Counts.Slow, cfg.SlowRate)
	return meters
}

// render returns a snapshot as JSON. Without the values of the configuration, which seldom
// change, it is for a stream.
func (c *Console) render(values bool) []byte {
	s := c.take()
	if s.Registry != nil && !values {
		s.Registry.Values = nil
	}
	text, err := json.Marshal(s)
	if err != nil { // a year beyond 9999
		text, _ = json.Marshal(snapshot{Version: snapshotVersion, Title: c.cfg.Title, Circuits: []circuit{}})
	}
	return text
}

func (c *Console) serveSnapshot(w http.ResponseWriter, _ *http.Request) { writeJSON(w, c.render(true)) }

// serveEvents returns the events with an id above that of the query.
func (c *Console) serveEvents(w http.ResponseWriter, r *http.Request) {
	after, err := idOf(r.URL.Query().Get("after"))
	if err != nil {
		http.Error(w, "console: events?after="+quoted(r.URL.Query().Get("after"))+", want the id of an event", http.StatusBadRequest)
		return
	}
	events, _ := c.journal.after(after)
	texts := make([][]byte, len(events))
	for i, e := range events {
		texts[i] = e.json(c.cfg.Redact)
	}
	writeJSON(w, []byte(`{"events":[`), bytes.Join(texts, []byte(",")), []byte("]}"))
}

// idOf returns the id of an event, 0 for an empty text.
func idOf(s string) (int64, error) {
	if s == "" {
		return 0, nil
	}
	id, err := strconv.ParseUint(s, 10, 63)
	return int64(id), err
}

// writeJSON writes parts of one JSON text. A client that has gone gets none.
func writeJSON(w http.ResponseWriter, parts ...[]byte) {
	w.Header().Set("Content-Type", "application/json")
	for _, part := range parts {
		_, _ = w.Write(part)
	}
	_, _ = w.Write([]byte("\n"))
}
