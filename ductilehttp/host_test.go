package ductilehttp

import (
	"net/http"
	"net/url"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const manyHosts = 100_000

// among returns a Transport whose circuits were asked for n hosts, which are gone or in
// use, and the URL of one that it knows.
func among(tb testing.TB, n int, inUse bool) (*Transport, *url.URL) {
	t := NewTransport(Config{Base: http.DefaultTransport})
	for i := range n {
		h := t.circuits.hosts.Get(hostKey{"https", "h" + strconv.Itoa(i) + ".example", ""})
		if inUse && len(h.own) > 0 {
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

func TestAmongManyHostsAKnownOneCostsNothingAndANewOneNoList(t *testing.T) {
	next := 0
	added := func(t *Transport) float64 {
		return testing.AllocsPerRun(100, func() {
			next++
			t.circuits.hosts.Get(hostKey{"https", "new" + strconv.Itoa(next) + ".example", ""})
		})
	}
	few, _ := among(t, 1, false)
	most := added(few)
	for name, inUse := range map[string]bool{"gone": false, "in use": true} {
		t.Run(name, func(t *testing.T) {
			tr, known := among(t, manyHosts, inUse)
			assert.Zero(t, testing.AllocsPerRun(100, func() { tr.circuits.hosts.Get(hostOf(known)) }))
			assert.LessOrEqual(t, added(tr), most+1)
			assert.LessOrEqual(t, tr.Circuits().Len(), MaxCircuits)
		})
	}
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
	for _, n := range []int{1, 1000, manyHosts} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			t, _ := among(b, n, false)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				t.circuits.hosts.Get(hostKey{"https", "new" + strconv.Itoa(i) + ".example", ""})
			}
		})
	}
}
