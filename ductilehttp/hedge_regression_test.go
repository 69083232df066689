package ductilehttp_test

import (
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

func TestAHedgeInAPipelineLeavesAStreamWithItsFirstAttempt(t *testing.T) {
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

// What the exchange refuses to the extra attempt must not decide for the first.
func TestARefusedExtraAttemptLeavesTheFirstsFailureWhatItIs(t *testing.T) {
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

func TestATransportKeepsItsHedgesConfig(t *testing.T) {
	cfg := hedged()
	cfg.Base = tripper(func(r *http.Request) (*http.Response, error) { return answer(r, 200, "ok"), nil })
	tr := ductilehttp.NewTransport(cfg)
	cfg.Hedge.MaxExtra = -1
	require.NoError(t, send(t, tr, "GET", "http://h.example", nil))
	assert.Zero(t, tr.Config().Hedge.MaxExtra)
}
