package ductilehttp

import (
	"iter"
	"net/url"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/keyed"
)

// Bounds of what a [Transport] keeps.
const (
	// MaxCircuits is how many hosts have a circuit of their own. For another host, one
	// that is idle loses its circuit, the least recently used first: a circuit that is
	// closed without failures, or open past its recovery time. If none is idle,
	// other hosts share a circuit that counts and refuses no call.
	MaxCircuits = keyed.DefaultMax
	// CircuitIdle is how long an idle circuit is kept that is not used.
	CircuitIdle = keyed.DefaultIdle
)

// Circuits is the circuits of a [Transport], by host, to look at and to control. A host
// is a scheme, a name and, unless it is the scheme's own, a port:
// "https://api.example.com", "http://10.0.0.1:8080". All spellings of a host have one
// circuit: case, a dot at the end, international names and their ASCII form, IPv6
// addresses. It is safe for concurrent use.
type Circuits struct {
	one   *breaker.Circuit // for all hosts, if set
	hosts *keyed.Map[hostKey, *host]
	none  bool // a Pipeline's, or none at all
}

// Get returns the circuit of the host that u, a URL, is of. ok is false if no call has
// used the host, or its circuit was dropped, or the Transport has no circuits of its own.
func (c *Circuits) Get(u string) (circuit *breaker.Circuit, ok bool) {
	if c.one != nil || c.none {
		return c.one, c.one != nil
	}
	parsed, err := url.Parse(u)
	if err != nil {
		return nil, false
	}
	h, ok := c.hosts.Lookup(hostOf(parsed))
	if !ok {
		return nil, false
	}
	return h.circuit, true
}

// All returns the circuits by host, in no order. A circuit shared by all hosts is called
// "*". Circuits that are added or dropped meanwhile may be missing.
func (c *Circuits) All() iter.Seq2[string, *breaker.Circuit] {
	return func(yield func(string, *breaker.Circuit) bool) {
		if c.one != nil {
			yield("*", c.one)
		}
		if c.one != nil || c.none {
			return
		}
		for _, h := range c.hosts.All() {
			if !yield(h.name, h.circuit) {
				return
			}
		}
	}
}

// Len returns how many circuits there are.
func (c *Circuits) Len() int {
	switch {
	case c.one != nil:
		return 1
	case c.none:
		return 0
	}
	return c.hosts.Len()
}
