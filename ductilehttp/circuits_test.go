package ductilehttp_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/ductilehttp"
	"github.com/ductile-go/ductile/fake"
)

// crawler is a Transport with a base that needs no server, and its clock.
type crawler struct {
	*ductilehttp.Transport
	clk *fake.Clock
}

func okTransport(configure func(*ductilehttp.Config)) crawler {
	cfg, clk := config(tripper(func(r *http.Request) (*http.Response, error) { return answer(r, 200, ""), nil }))
	configure(&cfg)
	return crawler{ductilehttp.NewTransport(cfg), clk}
}

func visit(t *testing.T, tr crawler, url string) {
	t.Helper()
	resp, err := tr.RoundTrip(request(t, "GET", url, nil))
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
}

func hosts(tr crawler) []string {
	return slices.Collect(maps.Keys(maps.Collect(tr.Circuits().All())))
}

func TestAHostIsItsSchemeNameAndPort(t *testing.T) {
	for url, host := range map[string]string{
		"https://API.Example.com/a?b": "https://api.example.com", "https://api.example.com:443": "https://api.example.com",
		"HTTP://u:p@h.example:80/": "http://h.example", "http://h.example:443": "http://h.example:443",
		"https://h.example:80": "https://h.example:80", "http://[::1]:80/": "http://[::1]", "http://[::1]:8080/": "http://[::1]:8080",
	} {
		tr := okTransport(func(*ductilehttp.Config) {})
		visit(t, tr, url)
		assert.Equal(t, []string{host}, hosts(tr))
		c, ok := tr.Circuits().Get(url)
		require.True(t, ok)
		assert.Equal(t, host, c.Name())
	}
}

func TestCircuitsCanBeInspectedAndControlled(t *testing.T) {
	tr := okTransport(func(*ductilehttp.Config) {})
	for _, bad := range []string{"http://a.example", "http://[", ""} {
		_, ok := tr.Circuits().Get(bad)
		assert.False(t, ok)
	}
	visit(t, tr, "http://a.example")
	visit(t, tr, "http://b.example")
	assert.Equal(t, 2, tr.Circuits().Len())
	assert.ElementsMatch(t, []string{"http://a.example", "http://b.example"}, hosts(tr))
	for range tr.Circuits().All() {
		break
	}
	c, _ := tr.Circuits().Get("http://a.example")
	c.Isolate("test")
	_, err := tr.RoundTrip(request(t, "GET", "http://a.example", nil))
	require.ErrorIs(t, err, breaker.ErrOpen)
	visit(t, tr, "http://b.example")
	c.Reset()
	visit(t, tr, "http://a.example")
}

func TestOneCircuitServesEveryHost(t *testing.T) {
	one := breaker.NewCircuit(breaker.Config{Name: "one"})
	tr := okTransport(func(c *ductilehttp.Config) { c.Circuit = one })
	visit(t, tr, "http://a.example")
	visit(t, tr, "http://b.example")
	assert.Equal(t, []string{"*"}, hosts(tr))
	assert.Equal(t, 1, tr.Circuits().Len())
	got, ok := tr.Circuits().Get("http://c.example")
	assert.True(t, ok && got == one)
	one.Isolate("test")
	_, err := tr.RoundTrip(request(t, "GET", "http://b.example", nil))
	require.ErrorIs(t, err, breaker.ErrOpen)
}

func TestTheNumberOfCircuitsIsBounded(t *testing.T) {
	tr := okTransport(func(*ductilehttp.Config) {})
	visit(t, tr, "http://isolated.example")
	visit(t, tr, "http://open.example")
	visit(t, tr, "http://closed.example")
	isolated, _ := tr.Circuits().Get("http://isolated.example")
	isolated.Isolate("test")
	open, _ := tr.Circuits().Get("http://open.example")
	open.Trip(time.Hour, "test")
	for i := range 2 * ductilehttp.MaxCircuits {
		visit(t, tr, fmt.Sprintf("http://%d.example", i))
	}
	assert.Equal(t, ductilehttp.MaxCircuits, tr.Circuits().Len())
	for host, kept := range map[string]bool{"isolated": true, "open": true, "closed": false} {
		_, ok := tr.Circuits().Get("http://" + host + ".example")
		assert.Equal(t, kept, ok, host)
	}
}

func TestHostsBeyondTheLimitShareACircuitThatRefusesNoCall(t *testing.T) {
	down := false
	cfg, clk := config(tripper(func(r *http.Request) (*http.Response, error) {
		if down {
			return answer(r, 503, ""), nil
		}
		return answer(r, 200, ""), nil
	}))
	cfg.Retry.MaxAttempts = 1
	tr := crawler{ductilehttp.NewTransport(cfg), clk}
	for i := range ductilehttp.MaxCircuits {
		url := fmt.Sprintf("http://%d.example", i)
		visit(t, tr, url)
		c, _ := tr.Circuits().Get(url)
		c.Trip(time.Hour, "test")
	}
	down = true
	for i := range 10 {
		url := fmt.Sprintf("http://new%d.example", i)
		visit(t, tr, url)
		_, ok := tr.Circuits().Get(url)
		assert.False(t, ok)
	}
	assert.Equal(t, ductilehttp.MaxCircuits, tr.Circuits().Len())
	for i := range ductilehttp.MaxCircuits {
		_, ok := tr.Circuits().Get(fmt.Sprintf("http://%d.example", i))
		assert.True(t, ok, "an open circuit is not evicted for a new host")
	}
}

func TestIdleCircuitsAreEvicted(t *testing.T) {
	var told []string
	tr := okTransport(func(c *ductilehttp.Config) {
		c.Circuits.Clock = c.Retry.Clock
		c.Circuits.OnStateChange = func(s breaker.Transition) { told = append(told, s.Name) }
	})
	visit(t, tr, "http://a.example")
	visit(t, tr, "http://tripped.example")
	c, _ := tr.Circuits().Get("http://tripped.example")
	c.Trip(time.Hour, "test")
	tr.clk.Advance(ductilehttp.CircuitIdle - 1)
	visit(t, tr, "http://b.example")
	assert.ElementsMatch(t, []string{"http://a.example", "http://tripped.example", "http://b.example"}, hosts(tr))
	tr.clk.Advance(1)
	visit(t, tr, "http://c.example")
	assert.ElementsMatch(t, []string{"http://tripped.example", "http://b.example", "http://c.example"}, hosts(tr))
	assert.NotEmpty(t, told)
}

func TestAListenerMayIterateOverTheCircuits(t *testing.T) {
	var tr crawler
	looked := 0
	tr = okTransport(func(c *ductilehttp.Config) {
		c.Circuits.Clock = c.Retry.Clock
		c.Circuits.OnStateChange = func(breaker.Transition) { looked += tr.Circuits().Len() }
	})
	visit(t, tr, "http://a.example")
	c, _ := tr.Circuits().Get("http://a.example")
	c.Trip(time.Second, "test")
	assert.Equal(t, 1, looked)
	tr.clk.Advance(time.Hour) // the next call makes it half-open, which calls the listener
	visit(t, tr, "http://a.example")
	assert.Equal(t, 1+1+1, looked, "half-open, and closed")
}
