package main

import (
	"context"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// inPhase returns a server that stays in the first phase with the act a, and a client for
// it without policies.
func inPhase(t *testing.T, a act) (*server, *http.Client) {
	t.Helper()
	for i, p := range script {
		if p.act(1) == a {
			s := newServer(func() int { return i })
			t.Cleanup(s.Close)
			c := &http.Client{Transport: &http.Transport{}}
			t.Cleanup(c.CloseIdleConnections)
			return s, c
		}
	}
	t.Fatal("no phase has this act")
	return nil, nil
}

func ask(ctx context.Context, t *testing.T, s *server, c *http.Client) (outcome, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL, nil)
	require.NoError(t, err)
	return outcomeOf(c.Do(req))
}

func TestTheServerAnswers(t *testing.T) {
	s, c := inPhase(t, answers)
	for range 3 {
		o, err := ask(t.Context(), t, s, c)
		require.NoError(t, err)
		assert.Equal(t, ok, o)
	}
	assert.EqualValues(t, 3, s.requests[0].Load())
	assert.EqualValues(t, 1, s.made.Load(), "connections")
}

func TestTheServerRefuses(t *testing.T) {
	s, c := inPhase(t, refuses)
	o, err := ask(t.Context(), t, s, c)
	require.NoError(t, err)
	assert.Equal(t, status, o)
}

func TestTheServerHangsUntilTheClientDisconnects(t *testing.T) {
	s, c := inPhase(t, hangs)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		for s.n.Load() == 0 {
			runtime.Gosched()
		}
		cancel()
	}()
	_, err := ask(ctx, t, s, c)
	require.ErrorIs(t, err, context.Canceled)
}

func TestTheServerResetsConnections(t *testing.T) {
	s, c := inPhase(t, resets)
	o, err := ask(t.Context(), t, s, c)
	require.Error(t, err)
	assert.Equal(t, broken, o, "%v", err)
	for s.open.Load() != 0 {
		runtime.Gosched()
	}
	assert.Zero(t, s.kept.Load(), "it was the connection's first request")
}

func TestTheServerBreaksOffInTheMiddleOfTheBody(t *testing.T) {
	s, c := inPhase(t, resets)
	s.n.Store(2)
	o, err := ask(t.Context(), t, s, c)
	require.Error(t, err)
	assert.Equal(t, brokenBody, o, "%v", err)
}

func TestAKeptAliveConnectionThatIsResetIsCounted(t *testing.T) {
	phase := 0
	s := newServer(func() int { return phase })
	defer s.Close()
	c := &http.Client{Transport: &http.Transport{}}
	defer c.CloseIdleConnections()
	_, err := ask(t.Context(), t, s, c)
	require.NoError(t, err)
	for i, p := range script {
		if p.act(2) == resets {
			phase = i
		}
	}
	o, err := ask(t.Context(), t, s, c)
	require.Error(t, err)
	assert.Contains(t, []outcome{broken, brokenBody}, o)
	assert.EqualValues(t, 1, s.kept.Load())
	assert.EqualValues(t, 2, s.requests[phase].Load(), "net/http repeats by itself")
}

func TestAResponseWithAWrongBodyIsUnexpected(t *testing.T) {
	resp := &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader("else"))}
	o, err := outcomeOf(resp, nil)
	assert.Equal(t, unexpected, o)
	assert.Error(t, err)
}
