package chaos

import (
	"log/slog"

	"github.com/ductile-go/ductile/internal/logvalue"
)

// Snapshot is what an [Injector] has done since it was made.
type Snapshot struct {
	Name    string `json:"name,omitempty"`
	Kind    string `json:"kind"` // "fault", "latency", "outcome", "behavior" or "detour"
	Enabled bool   `json:"enabled,omitempty"`
	// Calls counts the calls made while the injector was on. Injected counts those in which
	// it acted. A Fault that returned nil, and a Latency of 0 or less, did not act; a
	// function that panicked did.
	Calls    int64 `json:"calls,omitempty"`
	Injected int64 `json:"injected,omitempty"`
}

// Snapshot returns the position of the switch and the counters. While calls run, the
// counters are read one after the other.
func (p *Injector[T]) Snapshot() Snapshot {
	injected := p.injected.Load() // first, so that Injected is never more than Calls
	return Snapshot{Name: p.cfg.Name, Kind: p.kind, Enabled: p.Enabled(), Calls: p.calls.Load(), Injected: injected}
}

// LogValue returns the fields that are not zero.
func (s Snapshot) LogValue() slog.Value {
	return logvalue.Group(
		slog.String("name", s.Name),
		slog.String("kind", s.Kind),
		slog.Bool("enabled", s.Enabled),
		slog.Int64("calls", s.Calls),
		slog.Int64("injected", s.Injected),
	)
}
