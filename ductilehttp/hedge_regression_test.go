package ductilehttp_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/ductilehttp"
	"github.com/ductile-go/ductile/hedge"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/retry"
)

func TestTheLastBadResponseOfAHedgeIsReadable(t *testing.T) {
	for name, h := range map[string]hedge.Config{
		"at once":    {Delay: hedge.AtOnce, Budget: hedge.NoBudget},
		"on failure": {Delay: time.Minute, OnFailure: true, Budget: hedge.NoBudget},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var n atomic.Int64
				cfg := hedged()
				cfg.Circuits.FailureThreshold = 10
				cfg.Hedge = &h
				cfg.Base = tripper(func(r *http.Request) (*http.Response, error) {
					time.Sleep(time.Duration(n.Add(1)) * time.Millisecond)
					return answer(r, 503, "down"), nil
				})
				resp, err := ductilehttp.NewTransport(cfg).RoundTrip(request(t, "GET", "http://h.example", nil))
				require.NoError(t, err)
				assert.Equal(t, "down", read(t, resp))
				assert.EqualValues(t, 2, n.Load())
			})
		})
	}
}

func TestAHedgeInAPipelineDoesNotSplitAStreamBetweenAttempts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n atomic.Int64
		base := tripper(func(r *http.Request) (*http.Response, error) {
			n.Add(1)
			time.Sleep(2 * time.Second)
			b, err := io.ReadAll(r.Body)
			if err != nil {
				return nil, err
			}
			return answer(r, 200, string(b)), nil
		})
		tr := ductilehttp.NewTransport(ductilehttp.Config{Base: base, Pipeline: pipeline.New[*http.Response](
			ductilehttp.Hedge(hedge.Config{Delay: time.Second, Budget: hedge.NoBudget}),
		)})
		resp, err := tr.RoundTrip(request(t, "PUT", "http://h.example", io.MultiReader(strings.NewReader("stream"))))
		require.NoError(t, err)
		assert.Equal(t, "stream", read(t, resp))
		assert.EqualValues(t, 1, n.Load(), "requests")
	})
}

// The refusal of the extra attempt must not decide the outcome of the first.
func TestARefusedExtraAttemptDoesNotChangeTheFirstFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n atomic.Int64
		base := tripper(func(r *http.Request) (*http.Response, error) {
			n.Add(1)
			time.Sleep(2 * time.Second)
			_, _ = io.Copy(io.Discard, r.Body)
			return answer(r, 503, "down"), nil
		})
		circuit := breaker.NewCircuit(breaker.Config{})
		tr := ductilehttp.NewTransport(ductilehttp.Config{Base: base, Pipeline: pipeline.New[*http.Response](
			ductilehttp.Retry(retry.Config{MaxAttempts: 3}), ductilehttp.Breaker(circuit),
			ductilehttp.Hedge(hedge.Config{Delay: time.Second, Budget: hedge.NoBudget}),
		)})
		resp, err := tr.RoundTrip(request(t, "PUT", "http://h.example", io.MultiReader(strings.NewReader("stream"))))
		require.NoError(t, err)
		assert.Equal(t, "down", read(t, resp))
		assert.EqualValues(t, 3, n.Load(), "requests")
		assert.EqualValues(t, 3, circuit.Snapshot().Counts.Failures)
	})
}

func TestATransportCopiesItsHedgeConfig(t *testing.T) {
	cfg := hedged()
	cfg.Base = tripper(func(r *http.Request) (*http.Response, error) { return answer(r, 200, "ok"), nil })
	tr := ductilehttp.NewTransport(cfg)
	cfg.Hedge.MaxExtra = -1
	require.NoError(t, send(t, tr, "GET", "http://h.example", nil))
	assert.Zero(t, tr.Config().Hedge.MaxExtra)
}

// slowly is a body that takes half a second.
type slowly struct{ text string }

func (s *slowly) Read(p []byte) (int, error) {
	if s.text == "" {
		return 0, io.EOF
	}
	time.Sleep(500 * time.Millisecond)
	n := copy(p, s.text)
	s.text = s.text[n:]
	return n, nil
}

// A policy inside of the hedge may be reading it.
func TestAnExtraAttemptLeavesABadResponseToItsReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n atomic.Int64
		cfg := hedged()
		cfg.Hedge.Delay = 100 * time.Millisecond
		cfg.Base = tripper(func(r *http.Request) (*http.Response, error) {
			if n.Add(1) > 1 {
				return nil, errors.New("no connection")
			}
			resp := answer(r, 503, "")
			resp.Body = io.NopCloser(&slowly{"maintenance"})
			return resp, nil
		})
		c := ductilehttp.NewClient(ductilehttp.ClientConfig{BaseURL: "http://h.example", Base: ductilehttp.NewTransport(cfg)})
		err := c.Get(t.Context(), "/", nil)
		status, ok := errors.AsType[*ductilehttp.StatusError](err)
		require.True(t, ok, "%v", err)
		assert.Equal(t, "maintenance", string(status.Body))
		assert.EqualValues(t, 2, n.Load())
	})
}

// The connection of the first is needed for the second.
func TestAnAttemptOnFailureLetsGoOfTheBadResponseBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n atomic.Int64
		first := &closeCounter{Reader: strings.NewReader("down")}
		cfg := hedged()
		cfg.Circuits.FailureThreshold = 10
		cfg.Hedge = &hedge.Config{Delay: time.Minute, OnFailure: true, Budget: hedge.NoBudget}
		cfg.Base = tripper(func(r *http.Request) (*http.Response, error) {
			if n.Add(1) > 1 {
				assert.EqualValues(t, 1, first.closed.Load())
				return answer(r, 200, "ok"), nil
			}
			resp := answer(r, 503, "")
			resp.Body = first
			return resp, nil
		})
		resp, err := ductilehttp.NewTransport(cfg).RoundTrip(request(t, "GET", "http://h.example", nil))
		require.NoError(t, err)
		assert.Equal(t, "ok", read(t, resp))
	})
}
