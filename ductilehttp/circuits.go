package ductilehttp

import (
	"iter"
	"net/url"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/keyed"
)

// Limits on what a [Transport] keeps.
const (
	// MaxCircuits is how many hosts have their own circuit. To make room for another host,
	// the least recently used idle circuit is evicted. A circuit is idle if it is closed
	// without failures, or open past its recovery time. If none is idle, further hosts
	// share one circuit that counts calls and refuses none.
	MaxCircuits = keyed.DefaultMax
	// CircuitIdle is how long an unused idle circuit is kept.
	CircuitIdle = keyed.DefaultIdle
)

// Circuits gives access to the circuits of a [Transport], by host, to inspect and control
// them. A host is a scheme, a name and, unless it is the scheme's default, a port:
// "https://api.example.com", "http://10.0.0.1:8080". All spellings of a host share one
// circuit: upper and lower case, a trailing dot, international names and their ASCII form,
// IPv6 addresses. It is safe for concurrent use.
type Circuits struct {
	one   *breaker.Circuit // for all hosts, if set
	hosts *keyed.Map[hostKey, *host]
	none  bool // with a Pipeline, or with NoCircuit
}

// Get returns the circuit of the host in the URL u. ok is false if no call has used the
// host, if its circuit was evicted, or if the Transport has no circuits of its own.
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

// All returns the circuits by host, in no particular order. A circuit shared by all hosts
// is named "*". Circuits added or evicted during the iteration may be missing.
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

// Len returns the number of circuits.
func (c *Circuits) Len() int {
	switch {
	case c.one != nil:
		return 1
	case c.none:
		return 0
	}
	return c.hosts.Len()
}
