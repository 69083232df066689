package ductilehttp

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/internal/allocs"
	"github.com/ductile-go/ductile/internal/raced"
	"github.com/ductile-go/ductile/pipeline"
)

var manyHosts = raced.Or(20_000, 100_000)

// among returns a Transport that was used for n hosts, and the URL of a host that it knows.
// The circuits of the hosts are in use, or are evicted one after the other.
func among(tb testing.TB, n int, inUse bool) (*Transport, *url.URL) {
	cfg := Config{Base: http.DefaultTransport}
	if !inUse {
		cfg.Pipeline = pipeline.New[*http.Response]() // cheap to create for many hosts
	}
	t := NewTransport(cfg)
	for i := range n {
		h := t.circuits.hosts.Get(hostKey{"https", "h" + strconv.Itoa(i) + ".example", ""})
		if inUse && i < MaxCircuits {
			h.circuit.Isolate("in use")
		}
	}
	name := "known"
	if inUse {
		name = "h0"
	}
	known, err := url.Parse("https://" + name + ".example/path")
	require.NoError(tb, err)
	require.NotNil(tb, t.circuits.hosts.Get(hostOf(known)))
	return t, known
}

func TestTheCostOfAHostDoesNotGrowWithTheirNumber(t *testing.T) {
	next := 0
	added := func(t *Transport) float64 {
		return allocs.Fewest(100, func() {
			next++
			t.circuits.hosts.Get(hostKey{"https", "new" + strconv.Itoa(next) + ".example", ""})
		})
	}
	for name, inUse := range map[string]bool{"forgotten": false, "in use": true} {
		n := manyHosts
		if inUse {
			n = 10 * MaxCircuits // all but MaxCircuits of them share one circuit
		}
		t.Run(name, func(t *testing.T) {
			few, _ := among(t, 1, inUse)
			most := added(few)
			tr, known := among(t, n, inUse)
			assert.Zero(t, allocs.Fewest(100, func() { tr.circuits.hosts.Get(hostOf(known)) }))
			assert.LessOrEqual(t, added(tr), most+1)
			assert.LessOrEqual(t, tr.circuits.hosts.Len(), MaxCircuits)
		})
	}
}

func TestAHostWithoutACircuitIsKeptForTheTimeOfTheClock(t *testing.T) {
	clk := fake.NewClock()
	tr := NewTransport(Config{NoCircuit: true, Clock: clk, Gates: bulkhead.Config{Limit: 1}})
	tr.circuits.hosts.Get(hostKey{"https", "old.example", ""})
	clk.Advance(CircuitIdle)
	tr.circuits.hosts.Get(hostKey{"https", "new.example", ""})
	assert.Equal(t, 1, tr.circuits.hosts.Len())
}

func BenchmarkKnownHost(b *testing.B) {
	for _, n := range []int{1, 1000, manyHosts} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			t, known := among(b, n, true)
			b.ReportAllocs()
			for b.Loop() {
				t.circuits.hosts.Get(hostOf(known))
			}
		})
	}
}

func BenchmarkNewHost(b *testing.B) {
	for _, inUse := range []bool{false, true} {
		for _, n := range []int{1, 1000, manyHosts} {
			b.Run(fmt.Sprintf("n=%d/inUse=%t", n, inUse), func(b *testing.B) {
				t, _ := among(b, n, inUse)
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					t.circuits.hosts.Get(hostKey{"https", "new" + strconv.Itoa(i) + ".example", ""})
				}
			})
		}
	}
}
