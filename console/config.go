package console

import (
	"cmp"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/internal/fault"
	"github.com/ductile-go/ductile/internal/origin"
	"github.com/ductile-go/ductile/internal/redact"
	"github.com/ductile-go/ductile/observe"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/registry"
)

// Defaults of [Config].
const (
	DefaultInterval   = time.Second
	DefaultMaxStreams = 16
	DefaultEvents     = 500
	DefaultTitle      = "ductile"
)

// Config configures [New]. Stats, Registry or at least one circuit is required.
type Config struct {
	// Stats is where pipelines, limits and budgets come from: the pipelines that it
	// observes, and all that it watches. Circuits that it watches are shown and controlled
	// too, if each has a name of its own; those of a keyed map without names are only shown.
	Stats *observe.Stats
	// Registry is where the configuration comes from: each value with its origin, the
	// revision, and the error of the last reload. Its circuits are shown and controlled as
	// Circuits are, and its pipelines and families with what Stats counts of them. What a
	// reload adds or removes appears and disappears.
	Registry *registry.Registry
	// Circuits are shown with their transitions, and controlled by their names. No two may
	// have the same name. One that has the name of a circuit of Registry is shown instead of
	// it.
	Circuits []*breaker.Circuit

	// Allow decides whether r may carry out a. It is called for each action, with its
	// fields checked, and must be safe for concurrent use. An error refuses it with 403;
	// the text of the error is shown, redacted. If nil, the console is read-only: no
	// control is drawn or served.
	Allow func(r *http.Request, a Action) error
	// Actor names the person behind r, for the event and the log of an action. It must be
	// safe for concurrent use. If nil, actions have no name.
	Actor func(r *http.Request) string
	// Redact removes secrets from the texts of errors and from the values of the
	// configuration. It must be safe for concurrent use.
	// If nil, the queries, fragments and userinfo of URLs are removed.
	Redact func(string) string
	// Hosts are further values of the Host header to serve on a loopback listener, such as
	// the name that a proxy on the same machine is known by. Ports are ignored.
	Hosts []string

	// Interval is the time between two snapshots of a stream. 0 means 1 s.
	Interval time.Duration
	// MaxStreams bounds the streams that are open at a time. Further ones are refused with
	// 503, and their pages poll. 0 means 16.
	MaxStreams int
	// Events is how many events are kept. 0 means 500.
	Events int

	// Title is the headline of the page. Empty means "ductile".
	Title string
	// Instance tells this process from its replicas. Empty means the host's name.
	Instance string
	// Clock paces the streams. Nil means real time.
	Clock policy.Clock
}

// Validate returns nil if [New] accepts c. Otherwise it returns all faults, each with the
// field, its value and the allowed values.
func (c Config) Validate() error {
	faults := fault.Of("console: Config")
	if len(c.Circuits) == 0 && c.Stats == nil && c.Registry == nil {
		faults.Add("Circuits", "empty", "at least one circuit, or Stats or Registry")
	}
	if c.Stats != nil {
		faults.In("Stats", origin.Stats(c.Stats))
	}
	if c.Registry != nil {
		faults.In("Registry", origin.Registry(c.Registry))
	}
	c.checkCircuits(faults)
	for i, host := range c.Hosts {
		if hostname(host) == "" || strings.ContainsAny(host, "/*@ \t") {
			faults.Add("Hosts["+strconv.Itoa(i)+"]", strconv.Quote(host), `a host such as "debug.example", with or without a port`)
		}
	}
	faults.NotNegative("Interval", c.Interval)
	if c.MaxStreams < 0 {
		faults.Add("MaxStreams", c.MaxStreams, "0 or more")
	}
	if c.Events < 0 {
		faults.Add("Events", c.Events, "0 or more")
	}
	return faults.Err()
}

func (c Config) checkCircuits(faults *fault.List) {
	named := map[string]int{}
	for i, circuit := range c.Circuits {
		field := "Circuits[" + strconv.Itoa(i) + "]"
		if err := origin.Circuit(circuit); err != nil {
			faults.In(field, err)
			continue
		}
		name := shownName(circuit.Name())
		if first, ok := named[name]; ok {
			faults.Add(field, "named "+strconv.Quote(name)+" like Circuits["+strconv.Itoa(first)+"]", "a name of its own, since actions go by the name")
			continue
		}
		named[name] = i
	}
}

func (c Config) withDefaults() Config {
	c.Interval = cmp.Or(c.Interval, DefaultInterval)
	c.MaxStreams = cmp.Or(c.MaxStreams, DefaultMaxStreams)
	c.Events = cmp.Or(c.Events, DefaultEvents)
	c.Title = cmp.Or(c.Title, DefaultTitle)
	if c.Redact == nil {
		c.Redact = redact.Text
	}
	if c.Instance == "" {
		c.Instance, _ = os.Hostname() // without one the page shows none
	}
	return c
}

// shownName returns a name as JSON carries it, with U+FFFD for bytes that are not UTF-8,
// so that a page can send it back.
func shownName(name string) string { return string([]rune(name)) }
