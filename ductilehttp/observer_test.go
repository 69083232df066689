package ductilehttp_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/ductilehttp"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// seen returns the kinds of the events, and checks that each has the given name.
func seen(t *testing.T, rec *fake.Recorder, name string) (kinds []policy.EventKind) {
	t.Helper()
	for _, e := range rec.Events() {
		assert.Equal(t, name, e.Pipeline)
		kinds = append(kinds, e.Kind)
	}
	return kinds
}

func TestAnObserverGetsTheEventsOfEveryCall(t *testing.T) {
	down := tripper(func(r *http.Request) (*http.Response, error) { return answer(r, 503, ""), nil })
	own := []policy.EventKind{
		policy.Started, policy.Attempted, policy.Retried, policy.Attempted, policy.Retried, policy.Attempted, policy.GaveUp, policy.Finished,
	}
	want := []policy.EventKind{
		policy.Started, policy.Judged, policy.Attempted, policy.Retried, policy.Judged, policy.Attempted, policy.Retried,
		policy.Judged, policy.Attempted, policy.GaveUp, policy.Finished,
	}
	t.Run("of hosts", func(t *testing.T) {
		rec := fake.NewRecorder()
		cfg, _ := config(down)
		cfg.Observer = rec.Observe
		do(t, cfg, request(t, "GET", "https://a.example", nil))
		assert.Equal(t, want, seen(t, rec, "https://a.example"))
		var status *ductilehttp.StatusError
		require.ErrorAs(t, rec.Events()[2].Err, &status)
	})
	t.Run("of one circuit", func(t *testing.T) {
		rec := fake.NewRecorder()
		cfg, _ := config(down)
		cfg.Observer, cfg.Circuit = rec.Observe, breaker.NewCircuit(breaker.Config{Name: "api"})
		do(t, cfg, request(t, "GET", "https://a.example", nil))
		assert.Equal(t, want, seen(t, rec, "api"))
	})
	t.Run("in a pipeline", func(t *testing.T) {
		first, second := fake.NewRecorder(), fake.NewRecorder()
		cfg := ductilehttp.Config{
			Base: down, Observer: second.Observe,
			Pipeline: pipeline.New[*http.Response](plainRetry(fake.NewClock(fake.AutoAdvance()))).WithName("own").WithObserver(first.Observe),
		}
		do(t, cfg, request(t, "GET", "https://a.example", nil))
		assert.Equal(t, own, seen(t, first, "own"))
		assert.Equal(t, own, seen(t, second, "own"))
	})
	t.Run("of a client", func(t *testing.T) {
		rec := fake.NewRecorder()
		api := ductilehttp.NewClient(ductilehttp.ClientConfig{
			BaseURL: "https://a.example", Base: down, MaxAttempts: 1, Observer: rec.Observe,
		})
		require.ErrorIs(t, api.Get(t.Context(), "/", nil), retry.ErrExhausted)
		assert.Equal(t, []policy.EventKind{policy.Started, policy.Judged, policy.Attempted, policy.GaveUp, policy.Finished}, seen(t, rec, "https://a.example"))
	})
}
