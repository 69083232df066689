package browsertest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/console"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
)

var errDown = errors.New("dial tcp 10.1.2.3:443: connect: connection refused")

// call makes a call through a circuit that ends with err.
func call(c *breaker.Circuit, err error) {
	_, _ = breaker.Do(context.Background(), c, func(context.Context) (int, error) { return 0, err })
}

// pass lets time pass once the page's stream waits for it.
func pass(t *testing.T, clk *fake.Clock, d time.Duration) {
	t.Helper()
	require.NoError(t, clk.BlockUntil(t.Context(), 2))
	clk.Advance(d)
}

func TestAnOutageIsToldFromTheFirstFailureToTheRecovery(t *testing.T) {
	clk := fake.NewClock(fake.At(time.Now()))
	circuit := func(name string) *breaker.Circuit {
		return breaker.NewCircuit(breaker.Config{Name: name, FailureThreshold: 3, RecoveryTimeout: 30 * time.Second, Clock: clk})
	}
	stripe, search := circuit("stripe"), circuit("search")
	url := serve(t, console.New(console.Config{
		Circuits: []*breaker.Circuit{search, stripe}, Clock: clk, Title: "shop", Instance: "pod-7",
	}))
	p := visit(t, url, desktop, false)
	// The page counts down by itself between two snapshots: by this clock, however slow the test is.
	_ = eval[int](p, `window.time = performance.now(); performance.now = () => time; 0`)
	p.shows("#verdict", "All is well")
	p.shows("#title", "shop")
	p.shows("#instance", "pod-7")
	p.shows("#circuits > li:nth-child(1) .name", "search")
	assert.Equal(t, 0, eval[int](p, `document.querySelectorAll('button:not(#pause):not(dialog button)').length`), "read-only: no control is drawn")

	call(stripe, errDown)
	pass(t, clk, time.Second)
	p.shows("#circuits > li:nth-child(1) .name", "stripe") // what fails comes first
	p.shows("#circuits > li:nth-child(1) .meter", "1 of 3 failures in a row")
	p.shows("#verdict", "All is well")

	call(stripe, errDown)
	call(stripe, errDown)
	p.shows("#circuits > li:nth-child(1) .state", "open") // at once, by the event
	p.shows("#events > li:nth-child(1)", "stripe: closed → open")
	p.shows("#events > li:nth-child(1)", "connection refused")
	p.shows("#verdict", "1 circuit refuses calls")
	p.shows("#say", "stripe is open: dial tcp")
	pass(t, clk, 5*time.Second)
	p.shows("#trouble li .next", "Next probe in 25 s")
	_ = eval[int](p, `time += 3000; 0`)
	p.shows("#trouble li .next", "Next probe in 22 s")
	p.shows("#trouble li", "Refuses all calls: 3 failures in a row, the last: dial tcp 10.1.2.3:443: connect: connection refused.")
	assert.Equal(t, "(1) shop · pod-7", eval[string](p, `document.title`))
	for range 1234 {
		_, err := stripe.Acquire()
		require.ErrorIs(t, err, breaker.ErrOpen)
	}
	pass(t, clk, 15*time.Second)
	p.shows("#trouble li", "It has refused 1,234 calls.")
	p.shows("#trouble li .next", "Next probe in 10 s")

	clk.Advance(10 * time.Second)
	call(stripe, errors.New("still down")) // the first probe
	p.shows("#events > li:nth-child(1)", "stripe: half-open → open, a probe failed (still down)")
	pass(t, clk, time.Second)
	p.shows("#trouble li", "a probe failed, the last: still down.")

	clk.Advance(30 * time.Second)
	probe, err := stripe.Acquire()
	require.NoError(t, err)
	p.shows("#circuits > li:nth-child(1) .state", "half-open")
	p.shows("#verdict", "1 is being tried")
	pass(t, clk, time.Second)
	p.shows("#trouble li", "Lets a few probes through")
	probe.Record(policy.Success)
	p.shows("#events > li:nth-child(1)", "stripe: half-open → closed, its probes succeeded")
	pass(t, clk, time.Second)
	p.shows("#verdict", "All is well")
	assert.Equal(t, "shop · pod-7", eval[string](p, `document.title`))
	assert.Equal(t, 0, eval[int](p, `document.querySelectorAll('#trouble li').length`))
	p.quiet()
}
