package main

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// direct hands requests to a backend, without a network, which has no place in a bubble.
type direct struct{ backend http.Handler }

func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	d.backend.ServeHTTP(w, r)
	return w.Result(), nil
}

// bubbled returns a world without a network.
func bubbled() world {
	b := new(backend)
	return world{backend: b, transport: direct{b}, url: "http://backend.example", seed: 1, clients: 8, storm: 300 * time.Millisecond, every: 20 * time.Millisecond}
}

func TestNothingIsLostWhileTheFileIsEdited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out strings.Builder
		require.NoError(t, bubbled().tell(t.Context(), &out))
		for _, line := range []string{
			"/ductile.yaml:3:36: circuits.payments.recovery_timout: unknown field, did you mean recovery_timeout?",
			"added    pipelines.refund",
			"removed  circuits.search, pipelines.search",
			"moved closed > open, open > half-open, half-open > closed",
			"every expectation held: 0 lost",
		} {
			assert.Contains(t, out.String(), line)
		}
		assert.NotContains(t, out.String(), "NOT")
	})
}

func TestWhatIsLostIsReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out strings.Builder
		s, end, err := bubbled().open(t.Context(), &out)
		require.NoError(t, err)
		for _, kind := range []string{charging, searching, trying, delivering} {
			s.service.call(t.Context(), kind, "acme")
		}
		s.service.ledger.rows[searching].begun.Add(1) // a call that never ended
		s.service.ledger.move(&s.service.ledger.observed, "closed", "open")
		require.NoError(t, end())
		s.prove()
		assert.Contains(t, s.faults, "5 calls have begun, have ended, and were observed")
		assert.Contains(t, s.faults, "the observer saw each of them that a call made: closed > open")
		assert.Contains(t, s.faults, "refund was called")
		assert.Regexp(t, `search +2 +1 +1 +1 +1 +0 +0 +1\n`, out.String())
	})
}

// output is what a program prints while it runs.
type output struct {
	mu   sync.Mutex
	text string
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text += string(b)
	return len(b), nil
}

func (o *output) url() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return regexp.MustCompile(`http://\S+`).FindString(o.text)
}

func TestThePageShowsTheFileUntilItIsInterrupted(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	var out output
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, &out, 1, true) }()
	require.Eventually(t, func() bool { return out.url() != "" }, time.Minute, time.Millisecond)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, out.url()+"snapshot", nil)
	require.NoError(t, err)
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	resp, err := client.Do(r)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	assert.Contains(t, string(text), `"circuits.payments.recovery_timeout"`)
	assert.Contains(t, string(text), `ductile.yaml:3:`)
	interrupt()
	assert.NoError(t, <-ended)
}

func TestANudgeLeavesWhatOthersHaveEdited(t *testing.T) {
	o, err := newOperator()
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, os.RemoveAll(o.dir)) })
	require.NoError(t, o.save(strings.Replace(o.text, "burst: 50", "burst: 60", 1)))
	require.NoError(t, o.nudge(5))
	_, err = o.load()
	require.ErrorContains(t, err, "ductile.yaml:8:19: bulkheads.search.limit")
	require.NoError(t, o.nudge(6))
	spec, err := o.load()
	require.NoError(t, err)
	assert.Equal(t, 2, spec.Bulkheads["search"].Limit)
	assert.Equal(t, 60, spec.RateLimits["trials"].Burst)
}
