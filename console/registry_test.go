package console_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/console"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/observe"
	"github.com/ductile-go/ductile/registry"
	"github.com/ductile-go/ductile/retry"
)

// declared is the part of a snapshot that comes from a Registry.
type declared struct {
	Circuits []struct {
		Name, State, Ribbon string
		ReadOnly            bool `json:"read_only"`
	}
	Pipelines []struct {
		Name, Composition string
		Calls             int64
		Members           int
		Uncounted, Family bool
	}
	Limits []struct {
		Name, Type  string
		Used, Limit float64
		Left        *float64
	}
	Registry struct {
		Revision int64
		At       time.Time
		Changes  registry.Changes
		Failed   string
		Digest   string
		Values   []registry.Value
	}
}

func declaration(t *testing.T, base string) (d declared) {
	t.Helper()
	status, _, body := request(t, http.MethodGet, base+"snapshot", "")
	require.Equal(t, http.StatusOK, status, body)
	require.NoError(t, json.Unmarshal([]byte(body), &d), body)
	return d
}

func (d declared) circuits() (names []string) {
	for _, c := range d.Circuits {
		names = append(names, c.Name)
	}
	return names
}

func spec() registry.Spec {
	return registry.Spec{
		Circuits: map[string]registry.CircuitSpec{
			"stripe": {Config: breaker.Config{FailureThreshold: 1, RecoveryTimeout: 30 * time.Second}},
		},
		Budgets:   map[string]registry.BudgetSpec{"outbound": {BudgetConfig: retry.BudgetConfig{Ratio: 0.2}}},
		Bulkheads: map[string]registry.BulkheadSpec{"uploads": {Config: bulkhead.Config{Limit: 8}}},
		Pipelines: map[string]registry.PipelineSpec{
			"charge": {Retry: &registry.RetrySpec{BudgetName: "outbound"}, Circuit: "stripe"},
			"upload": {Bulkhead: "uploads"},
		},
		Families: map[string]registry.FamilySpec{"hosts": {Pipeline: "upload"}},
		Origins:  map[string]string{"circuits.stripe.recovery_timeout": "ductile.yaml:9:5"},
	}
}

// with adds a circuit to a spec.
func with(s registry.Spec, name string) registry.Spec {
	s.Circuits[name] = registry.CircuitSpec{Config: breaker.Config{FailureThreshold: 1}}
	return s
}

func keeper(t *testing.T, s registry.Spec, opts ...registry.Option) *registry.Registry {
	t.Helper()
	r, err := registry.New(s, opts...)
	require.NoError(t, err)
	return r
}

func TestARegistryAloneIsEnough(t *testing.T) {
	clk := fake.NewClock()
	base := serve(t, console.New(console.Config{Registry: keeper(t, spec(), registry.WithClock(clk)), Clock: clk}))
	d := declaration(t, base)
	assert.Equal(t, []string{"stripe"}, d.circuits())
	require.Len(t, d.Pipelines, 3)
	assert.Equal(t, "charge", d.Pipelines[0].Name)
	assert.Equal(t, "retry(3) > breaker(stripe)", d.Pipelines[0].Composition)
	assert.True(t, d.Pipelines[0].Uncounted)
	assert.Equal(t, "hosts", d.Pipelines[1].Name)
	assert.True(t, d.Pipelines[1].Family)
	require.Len(t, d.Limits, 2)
	assert.Equal(t, "outbound", d.Limits[0].Name)
	assert.EqualValues(t, 1, *d.Limits[0].Left)
	assert.EqualValues(t, 8, d.Limits[1].Limit)
	assert.EqualValues(t, 1, d.Registry.Revision)
	assert.True(t, clk.Now().Equal(d.Registry.At))
	assert.Contains(t, d.Registry.Values, registry.Value{Path: "circuits.stripe.recovery_timeout", Value: "30s", Origin: "ductile.yaml:9:5"})
	assert.Contains(t, d.Registry.Values, registry.Value{Path: "bulkheads.uploads.limit", Value: "8", Origin: "code"})
	assert.Contains(t, d.Registry.Values, registry.Value{Path: "families.hosts.max", Value: "1024", Origin: "default"})
}

func TestWhatAStatsCountsIsShownWithTheRegistrysPipelines(t *testing.T) {
	stats := observe.New(observe.Config{})
	r := keeper(t, spec(), registry.WithObserver(stats.Observe))
	stripe, err := r.Circuit("stripe")
	require.NoError(t, err)
	gate, err := r.Bulkhead("uploads")
	require.NoError(t, err)
	stats.Watch(stripe, gate)
	live, err := registry.Pipeline[int](r, "charge")
	require.NoError(t, err)
	_, err = live.Do(t.Context(), func(context.Context) (int, error) { return 1, nil })
	require.NoError(t, err)
	d := declaration(t, serve(t, console.New(console.Config{Registry: r, Stats: stats})))
	assert.Equal(t, []string{"stripe"}, d.circuits(), "not once for each")
	assert.EqualValues(t, 1, d.Pipelines[0].Calls)
	assert.False(t, d.Pipelines[0].Uncounted)
	assert.Equal(t, "retry(3) > breaker(stripe)", d.Pipelines[0].Composition)
	require.Len(t, d.Limits, 2)
}

func TestTheRegistrysCircuitsAreControlled(t *testing.T) {
	r := keeper(t, spec())
	base := serve(t, console.New(console.Config{Registry: r, Allow: allow, Actor: func(*http.Request) string { return "alice" }}))
	status, _, body := request(t, http.MethodPost, base+"control", `{"circuit":"stripe","action":"isolate","reason":"drill"}`, inJSON)
	require.Equal(t, http.StatusNoContent, status, body)
	stripe, err := r.Circuit("stripe")
	require.NoError(t, err)
	assert.Equal(t, breaker.Isolated, stripe.State())
	all := events(t, base, "")
	require.Len(t, all, 1, "one event for one move")
	assert.Equal(t, "alice", all[0].Actor)
	assert.Equal(t, "drill", all[0].Reason)
	status, _, _ = request(t, http.MethodPost, base+"control", `{"circuit":"search","action":"reset"}`, inJSON)
	assert.Equal(t, http.StatusNotFound, status)
}

func TestWhatAReloadAddsAppearsAndWhatItRemovesDisappears(t *testing.T) {
	r := keeper(t, spec())
	base := serve(t, console.New(console.Config{Registry: r, Allow: allow}))
	digest := declaration(t, base).Registry.Digest
	_, err := r.Apply(with(spec(), "search"))
	require.NoError(t, err)
	d := declaration(t, base)
	assert.Equal(t, []string{"search", "stripe"}, d.circuits())
	assert.EqualValues(t, 2, d.Registry.Revision)
	assert.Equal(t, registry.Changes{Added: []string{"circuits.search"}}, d.Registry.Changes)
	assert.NotEqual(t, digest, d.Registry.Digest)
	search, err := r.Circuit("search")
	require.NoError(t, err)
	fail(search, errDown)
	all := events(t, base, "")
	require.Len(t, all, 2)
	assert.Equal(t, entry{ID: 1, At: all[0].At, Kind: "reloaded", Name: "configuration", Reason: "added circuits.search"}, all[0])
	assert.Equal(t, "open", all[1].To)

	_, err = r.Apply(spec())
	require.NoError(t, err)
	d = declaration(t, base)
	assert.Equal(t, []string{"stripe"}, d.circuits())
	assert.Equal(t, digest, d.Registry.Digest)
	search.Reset()
	assert.Len(t, events(t, base, "?after=2"), 1, "the console no longer listens to it")
}

func TestTheErrorOfAReloadIsShownUntilAGoodOne(t *testing.T) {
	r := keeper(t, spec())
	base := serve(t, console.New(console.Config{Registry: r}))
	bad := spec()
	bad.Pipelines["charge"] = registry.PipelineSpec{Circuit: "strip"}
	_, err := r.Apply(bad)
	require.Error(t, err)
	assert.Equal(t, err.Error(), declaration(t, base).Registry.Failed)
	r.Failed(errors.New("get https://user:secret@config.example/?token=secret"))
	assert.Equal(t, "get https://...@config.example/?...", declaration(t, base).Registry.Failed)
	_, err = r.Apply(spec())
	require.NoError(t, err)
	assert.Empty(t, declaration(t, base).Registry.Failed)
}

func TestValuesAreRedacted(t *testing.T) {
	s := spec()
	s.Circuits["stripe"] = registry.CircuitSpec{Config: breaker.Config{RecoveryTimeout: 77 * time.Second}}
	for name, redact := range map[string]func(string) string{
		"replaced": func(s string) string { return strings.ReplaceAll(s, "1m17s", "..") },
		"panics":   func(string) string { panic("boom") },
	} {
		_, _, body := request(t, http.MethodGet, serve(t, console.New(console.Config{Registry: keeper(t, s), Redact: redact}))+"snapshot", "")
		assert.NotContains(t, body, "1m17s", name)
		assert.Contains(t, body, "circuits.stripe.recovery_timeout", name)
	}
}

func TestAStreamHasTheDigestInsteadOfTheValues(t *testing.T) {
	r := keeper(t, spec())
	base := serve(t, console.New(console.Config{Registry: r}))
	var d declared
	require.NoError(t, json.Unmarshal([]byte(open(t, base+"stream").until("snapshot").data), &d))
	assert.Equal(t, declaration(t, base).Registry.Digest, d.Registry.Digest)
	assert.Empty(t, d.Registry.Values)
}

func TestACircuitOfTheConfigIsShownInsteadOfTheRegistrys(t *testing.T) {
	own := quick("stripe", nil)
	base := serve(t, console.New(console.Config{Registry: keeper(t, spec()), Circuits: []*breaker.Circuit{own}, Allow: allow}))
	assert.Equal(t, []string{"stripe"}, declaration(t, base).circuits())
	status, _, _ := request(t, http.MethodPost, base+"control", `{"circuit":"stripe","action":"isolate"}`, inJSON)
	require.Equal(t, http.StatusNoContent, status)
	assert.Equal(t, breaker.Isolated, own.State())
}

// Reloads that add and remove circuits, beside snapshots and moves: each move of a circuit
// that is there from the start is noted once.
func TestReloadsBesideSnapshotsAndMovesLoseNoEvent(t *testing.T) {
	const moves, reloads = 200, 100
	r := keeper(t, spec())
	c := console.New(console.Config{Registry: r, Events: 10_000})
	base := serve(t, c)
	stripe, err := r.Circuit("stripe")
	require.NoError(t, err)
	var all sync.WaitGroup
	for range 2 {
		all.Go(func() {
			for n := range reloads {
				s := spec()
				if n%2 == 0 {
					s = with(s, "search")
				}
				_, err := r.Apply(s)
				assert.NoError(t, err)
			}
		})
	}
	all.Go(func() {
		for range moves {
			stripe.Isolate("drill")
			stripe.Reset()
		}
	})
	all.Go(func() {
		for range 20 {
			declaration(t, base)
		}
	})
	all.Wait()
	n := 0
	for _, e := range events(t, base, "") {
		if e.Name == "stripe" {
			n++
		}
	}
	assert.Equal(t, 2*moves, n)
	_, err = r.Apply(spec())
	require.NoError(t, err)
	assert.Equal(t, []string{"stripe"}, declaration(t, base).circuits())
	before := len(events(t, base, ""))
	c.Close()
	_, err = r.Apply(with(spec(), "search"))
	require.NoError(t, err)
	stripe.Isolate("after")
	assert.Len(t, events(t, base, ""), before, "a closed console listens no more")
}
