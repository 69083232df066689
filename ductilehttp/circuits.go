package ductilehttp

import (
	"container/list"
	"iter"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
)

// Bounds of what a [Transport] keeps.
const (
	// MaxCircuits is how many hosts have a circuit. Of more, those that were not
	// called for longest lose theirs, closed ones first.
	MaxCircuits = 1024
	// CircuitIdle is how long a closed circuit is kept that is not used.
	CircuitIdle = 15 * time.Minute
)

// Circuits is the circuits of a [Transport], by host, to look at and to control.
// A host is a scheme, a name and, unless it is the scheme's own, a port:
// "https://api.example.com", "http://10.0.0.1:8080". It is safe for concurrent use.
type Circuits struct {
	one     *breaker.Circuit                   // for every host, if set
	calls   *pipeline.Pipeline[*http.Response] // for every host, if set
	config  breaker.Config                     // of a host's circuit
	compose func(*breaker.Circuit) *pipeline.Pipeline[*http.Response]

	mu     sync.Mutex
	hosts  map[string]*list.Element // of *entry
	recent list.List                // the last used first
}

// entry is a host's circuit and the pipeline that consults it.
type entry struct {
	host    string
	circuit *breaker.Circuit
	calls   *pipeline.Pipeline[*http.Response]
	used    time.Time
}

// Get returns the circuit of the host that u, a URL, is of. It returns false for
// a host that was not called yet, or not for long, unless there is one circuit
// for all.
func (c *Circuits) Get(u string) (*breaker.Circuit, bool) {
	if c.one != nil {
		return c.one, true
	}
	parsed, err := url.Parse(u)
	if err != nil {
		return nil, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.hosts[hostOf(parsed)]; ok {
		return e.Value.(*entry).circuit, true
	}
	return nil, false
}

// All returns the circuits by host, as they are now, the last used first. A
// circuit for every host is called "*".
func (c *Circuits) All() iter.Seq2[string, *breaker.Circuit] {
	return func(yield func(string, *breaker.Circuit) bool) {
		if c.one != nil {
			yield("*", c.one)
			return
		}
		for _, e := range c.list() {
			if !yield(e.host, e.circuit) {
				return
			}
		}
	}
}

// Len returns how many circuits there are.
func (c *Circuits) Len() int {
	if c.one != nil {
		return 1
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.hosts)
}

// list returns copies of the entries, the last used first.
func (c *Circuits) list() []entry {
	c.mu.Lock()
	defer c.mu.Unlock()
	entries := make([]entry, 0, len(c.hosts))
	for e := c.recent.Front(); e != nil; e = e.Next() {
		entries = append(entries, *e.Value.(*entry))
	}
	return entries
}

// pipeline returns the pipeline for calls to u's host.
func (c *Circuits) pipeline(u *url.URL) *pipeline.Pipeline[*http.Response] {
	if c.calls != nil {
		return c.calls
	}
	host := hostOf(u)
	calls, crowded := c.use(host)
	if crowded {
		c.evict(host)
	}
	return calls
}

// use returns the pipeline of a host, and whether it is new and there may be others
// to drop for it.
func (c *Circuits) use(host string) (calls *pipeline.Pipeline[*http.Response], crowded bool) {
	now := policy.Now(c.config.Clock)
	c.mu.Lock()
	defer c.mu.Unlock()
	if at, ok := c.hosts[host]; ok {
		c.recent.MoveToFront(at)
		e := at.Value.(*entry)
		e.used = now
		return e.calls, false
	}
	cfg := c.config
	cfg.Name = host
	circuit := breaker.NewCircuit(cfg)
	e := &entry{host: host, circuit: circuit, calls: c.compose(circuit), used: now}
	if c.hosts == nil {
		c.hosts = map[string]*list.Element{}
	}
	c.hosts[host] = c.recent.PushFront(e)
	return e.calls, c.mayEvict(now)
}

// mayEvict reports whether there are too many circuits, or the longest unused is
// idle. Without it each new host would copy the list of all.
func (c *Circuits) mayEvict(now time.Time) bool {
	last := c.recent.Back().Value.(*entry)
	return len(c.hosts) > MaxCircuits || now.Sub(last.used) >= CircuitIdle
}

// evict drops closed circuits that are idle, from the back, and where there are
// too many circuits then, some that are not idle either, but never newest's. To ask
// a circuit for its state may run its OnStateChange, which may look at these
// circuits: so nothing is locked meanwhile.
func (c *Circuits) evict(newest string) {
	now := policy.Now(c.config.Clock)
	var busy, isolated []entry // passed over, the longest unused first
	for _, e := range slices.Backward(c.list()) {
		if e.host == newest || now.Sub(e.used) < CircuitIdle && c.Len() <= MaxCircuits {
			break
		}
		switch e.circuit.State() {
		case breaker.Closed:
			c.drop(e)
		case breaker.Isolated:
			isolated = append(isolated, e)
		default:
			busy = append(busy, e)
		}
	}
	for _, e := range append(busy, isolated...) { // an operator's word is kept longest
		if c.Len() > MaxCircuits {
			c.drop(e)
		}
	}
}

// drop forgets a host's circuit. Calls that are on their way still report to it.
func (c *Circuits) drop(e entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if at, ok := c.hosts[e.host]; ok && at.Value.(*entry).circuit == e.circuit {
		c.recent.Remove(at)
		delete(c.hosts, e.host)
	}
}

// hostOf returns the host that u is of. What else is in u, a password or a
// query, is no part of it.
func hostOf(u *url.URL) string {
	scheme, host, port := strings.ToLower(u.Scheme), strings.ToLower(u.Hostname()), u.Port()
	if scheme == "http" && port == "80" || scheme == "https" && port == "443" {
		port = ""
	}
	switch {
	case port != "":
		host = net.JoinHostPort(host, port)
	case strings.Contains(host, ":"):
		host = "[" + host + "]"
	}
	return scheme + "://" + host
}
