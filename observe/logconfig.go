package observe

import (
	"log/slog"
	"time"

	"github.com/ductile-go/ductile/internal/fault"
	"github.com/ductile-go/ductile/policy"
)

// DefaultSummary is the default of [LogConfig].Summary.
const DefaultSummary = 10 * time.Second

// NoSummary as LogConfig.Summary writes no summaries of rejections.
const NoSummary = -1

// LogConfig configures [Log]. The zero LogConfig is the documented default.
type LogConfig struct {
	// Level returns the level of an event. Nil means [DefaultLevel]. It runs for each
	// event and must be safe for concurrent use. A summary has the level Info, or a higher
	// one if Level returns that for a rejection with the same Policy and Name.
	Level func(policy.Event) slog.Level
	// Summary is the longest time that a rejection waits for its summary: one record for
	// each policy that has rejected calls, with their number. 0 means 10 s, NoSummary none.
	Summary time.Duration
	// Redact is applied to the texts of errors, to reasons and to keys. Nil removes user
	// information, queries and fragments of URLs, and the logins of data source names, and
	// cuts texts after 64 KiB.
	Redact func(string) string
	// Watch lists circuits whose moves by hand are logged too, directly or in keyed maps.
	// It accepts what [Stats.Watch] does.
	Watch []any
	// Clock sets the time of records and measures Summary; nil means real time.
	Clock policy.Clock
}

// Validate returns nil if [Log] accepts c. Otherwise it returns all faults, joined; each
// names the field, its value and what is allowed.
func (c LogConfig) Validate() error {
	faults := fault.Of("observe: LogConfig")
	if c.Summary < 0 && c.Summary != NoSummary {
		faults.Add("Summary", c.Summary, "NoSummary (-1), 0 for the default, 10s, or more")
	}
	for _, v := range c.Watch {
		if _, err := sourceOf(v); err != nil {
			faults.In("Watch", err)
		}
	}
	return faults.Err()
}

// DefaultLevel returns the level that [Log] gives an event: Warn if a circuit has opened or
// was isolated and if a retry gave up, Info for other moves of a circuit, and Debug for
// all else.
func DefaultLevel(e policy.Event) slog.Level {
	switch {
	case e.Kind == policy.GaveUp, e.Kind == policy.StateChanged && (e.To == "open" || e.To == "isolated"):
		return slog.LevelWarn
	case e.Kind == policy.StateChanged:
		return slog.LevelInfo
	}
	return slog.LevelDebug
}
