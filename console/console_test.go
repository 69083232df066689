package console_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/console"
	"github.com/ductile-go/ductile/fake"
)

func TestASnapshotShowsEachCircuitWithItsCauseAndTheTimeToTheNextProbe(t *testing.T) {
	clk := fake.NewClock()
	stripe, search := quick("stripe", clk), breaker.NewCircuit(breaker.Config{
		Name: "search", FailureRate: 0.5, WindowCalls: 100, MinCalls: 10, Clock: clk,
	})
	base := serve(t, console.New(console.Config{
		Circuits: []*breaker.Circuit{stripe, search}, Clock: clk, Title: "shop", Instance: "pod-7",
	}))
	fail(search, errDown)
	fail(stripe, errDown)
	clk.Advance(10 * time.Second)
	s := snapshot(t, base)
	assert.Equal(t, 1, s.Version)
	assert.Equal(t, "shop", s.Title)
	assert.Equal(t, "pod-7", s.Instance)
	assert.False(t, s.Control)
	assert.EqualValues(t, 1, s.Event)
	assert.True(t, clk.Now().Equal(s.At))
	require.Len(t, s.Circuits, 2)
	c := s.Circuits[0]
	assert.Equal(t, "stripe", c.Name)
	assert.Equal(t, "open", c.State)
	assert.Equal(t, "connection refused", c.Cause)
	assert.Equal(t, breaker.ReasonFailures, c.Reason)
	assert.Equal(t, 20*time.Second, c.RetryAfter)
	c = s.Circuits[1]
	assert.Equal(t, "closed", c.State)
	assert.Equal(t, "100 calls", c.Window)
	require.Len(t, c.Meters, 1)
	assert.Equal(t, "failure rate", c.Meters[0].Of)
	assert.InDelta(t, 1, c.Meters[0].Value, 0)
	assert.InDelta(t, 0.5, c.Meters[0].Limit, 0)
	assert.EqualValues(t, 1, c.Meters[0].Calls)
	assert.EqualValues(t, 10, c.Meters[0].Need)

	clk.Advance(20 * time.Second)
	assert.Equal(t, "half-open", snapshot(t, base).Circuits[0].State)
}

func TestMetersSayHowFarACircuitIsFromEachThreshold(t *testing.T) {
	for want, cfg := range map[string]breaker.Config{
		`[{"of":"failures","value":1,"limit":5}]`:                                                              {},
		`[{"of":"failures","value":1,"limit":3}]`:                                                              {FailureThreshold: 3, Window: time.Minute},
		`[{"of":"failure rate","value":1,"limit":0.5,"calls":1,"need":20}]`:                                    {FailureRate: 0.5, Window: time.Minute},
		`[{"of":"failures","value":1,"limit":9},{"of":"slow rate","value":0,"limit":0.2,"calls":1,"need":20}]`: {FailureThreshold: 9, SlowCall: time.Hour, SlowRate: 0.2, Window: time.Minute},
	} {
		cfg.Name = "c"
		c := breaker.NewCircuit(cfg)
		fail(c, errDown)
		base := serve(t, console.New(console.Config{Circuits: []*breaker.Circuit{c}}))
		_, _, body := request(t, http.MethodGet, base+"snapshot", "")
		assert.Contains(t, body, `"meters":`+want)
	}
	for want, cfg := range map[string]breaker.Config{
		`[{"of":"probes","value":1,"limit":2}]`: {SuccessThreshold: 2},
		`[{"of":"probes","value":1,"limit":4}]`: {ProbeCalls: 4},
	} {
		cfg.RecoveryTimeout = breaker.NoWait
		c := breaker.NewCircuit(cfg)
		c.Trip(0, "")
		fail(c, nil)
		_, err := c.Acquire()
		require.NoError(t, err)
		base := serve(t, console.New(console.Config{Circuits: []*breaker.Circuit{c}}))
		_, _, body := request(t, http.MethodGet, base+"snapshot", "")
		assert.Contains(t, body, `"meters":`+want)
		assert.Contains(t, body, `"probes":1`)
	}
}

func TestTheRibbonShowsTheWorstStateOfEachTenSecondsOfTheLastQuarterOfAnHour(t *testing.T) {
	clk := fake.NewClock(fake.At(time.Unix(1e9, 0)))
	c := breaker.NewCircuit(breaker.Config{Name: "c", FailureThreshold: 1, RecoveryTimeout: 5 * time.Second, Clock: clk})
	clk.Advance(100 * time.Second)
	base := serve(t, console.New(console.Config{Circuits: []*breaker.Circuit{c}, Clock: clk}))
	ribbon := func() string { return snapshot(t, base).Circuits[0].Ribbon }
	assert.Equal(t, "-79c11", ribbon(), "closed since it was made, and unknown before")
	clk.Advance(100 * time.Second)
	fail(c, errDown)
	clk.Advance(5 * time.Second)
	fail(c, nil) // a probe, which closes it
	assert.Equal(t, "-69c20o1", ribbon())
	clk.Advance(20 * time.Second)
	assert.Equal(t, "-67c20o1c2", ribbon())
	clk.Advance(time.Hour)
	assert.Equal(t, "c90", ribbon())
	c.Isolate("drill")
	clk.Advance(time.Hour)
	assert.Equal(t, "i90", ribbon())
	c.Reset()
	assert.Equal(t, "i90", ribbon())
	clk.Advance(10 * time.Second)
	assert.Equal(t, "i89c1", ribbon())
}

func TestTheRibbonBeginsAnewWhenTheClockIsSetBackByMoreThanItShows(t *testing.T) {
	clk := fake.NewClock(fake.At(time.Unix(1e9, 0)))
	c := breaker.NewCircuit(breaker.Config{Name: "c", FailureThreshold: 1, Clock: fake.NewClock()})
	base := serve(t, console.New(console.Config{Circuits: []*breaker.Circuit{c}, Clock: clk}))
	ribbon := func() string { return snapshot(t, base).Circuits[0].Ribbon }
	clk.Set(time.Unix(2e9, 0)) // a wrong time, and then the right one
	assert.Equal(t, "c90", ribbon())
	fail(c, errDown)
	clk.Set(time.Unix(1e9, 0))
	assert.Equal(t, "-89o1", ribbon())
	c.Reset()
	clk.Advance(20 * time.Second)
	assert.Equal(t, "-87o1c2", ribbon())
	clk.Set(time.Unix(1e9-60, 0))
	assert.Equal(t, "-87o1c2", ribbon(), "the newest cell goes on")
}

func TestTransitionsAreEventsWithIdsOneAfterAnother(t *testing.T) {
	clk := fake.NewClock()
	c := quick("stripe", clk)
	base := serve(t, console.New(console.Config{Circuits: []*breaker.Circuit{c}, Clock: clk}))
	assert.Empty(t, events(t, base, ""))
	fail(c, errDown)
	clk.Advance(30 * time.Second)
	fail(c, nil)
	require.NoError(t, c.Reconfigure(breaker.Config{Name: "stripe", FailureThreshold: 2, Clock: clk}))
	all := events(t, base, "")
	require.Len(t, all, 4)
	start := clk.Now().Add(-30 * time.Second)
	for i := range all {
		all[i].At = all[i].At.Round(0)
	}
	at := func(tm time.Time) time.Time { return tm.UTC().Round(0) }
	assert.Equal(t, []entry{
		{ID: 1, At: at(start), Kind: "state_changed", Name: "stripe", From: "closed", To: "open", Reason: "failures", Err: "connection refused"},
		{ID: 2, At: at(clk.Now()), Kind: "state_changed", Name: "stripe", From: "open", To: "half-open", Reason: "recovery_elapsed"},
		{ID: 3, At: at(clk.Now()), Kind: "state_changed", Name: "stripe", From: "half-open", To: "closed", Reason: "probes_succeeded"},
		{ID: 4, At: at(clk.Now()), Kind: "reconfigured", Name: "stripe", From: "closed", To: "closed", Reason: "reconfigured"},
	}, utc(all))
	assert.Equal(t, utc(all)[2:], utc(events(t, base, "?after=2")))
	assert.Empty(t, events(t, base, "?after=4"))
	assert.Len(t, events(t, base, "?after=99"), 4, "an id of an earlier process")
	for _, bad := range []string{"x", "-1", "1.5", "99999999999999999999"} {
		status, _, _ := request(t, http.MethodGet, base+"events?after="+bad, "")
		assert.Equal(t, http.StatusBadRequest, status, bad)
	}
}

func utc(all []entry) []entry {
	for i := range all {
		all[i].At = all[i].At.UTC()
	}
	return all
}

func TestOnlyTheLastEventsAreKept(t *testing.T) {
	c := quick("c", nil)
	base := serve(t, console.New(console.Config{Circuits: []*breaker.Circuit{c}, Events: 3}))
	for range 5 {
		c.Isolate("")
		c.Reset()
	}
	var ids []int64
	for _, e := range events(t, base, "") {
		ids = append(ids, e.ID)
	}
	assert.Equal(t, []int64{8, 9, 10}, ids)
	assert.Len(t, events(t, base, "?after=9"), 1)
}

func TestThePageWorksUnderAnyPrefix(t *testing.T) {
	c := console.New(console.Config{Circuits: []*breaker.Circuit{quick("c", nil)}})
	for prefix, mount := range map[string]http.Handler{
		"/":                c,
		"/debug/ductile/":  http.StripPrefix("/debug/ductile", c),
		"/a/b/c/":          http.StripPrefix("/a/b/c/", c),
		"/with%20space/x/": http.StripPrefix("/with space/x", c),
	} {
		srv := httptest.NewServer(mount)
		for path, kind := range map[string]string{
			"": "text/html; charset=utf-8", "style.css": "text/css; charset=utf-8", "app.js": "text/javascript; charset=utf-8",
			"icon.svg": "image/svg+xml", "snapshot": "application/json", "events": "application/json",
		} {
			status, h, body := request(t, http.MethodGet, srv.URL+prefix+path, "")
			assert.Equal(t, http.StatusOK, status, prefix+path)
			assert.Equal(t, kind, h.Get("Content-Type"), prefix+path)
			assert.NotEmpty(t, body, prefix+path)
			status, _, body = request(t, http.MethodHead, srv.URL+prefix+path, "")
			assert.Equal(t, http.StatusOK, status, prefix+path)
			assert.Empty(t, body)
		}
		srv.Close()
	}
}

func TestARequestWithoutTheLastSlashIsLedToThePage(t *testing.T) {
	c := console.New(console.Config{Circuits: []*breaker.Circuit{quick("c", nil)}})
	mux := http.NewServeMux()
	mux.Handle("/debug/ductile", http.StripPrefix("/debug/ductile", c))
	mux.Handle("/debug/ductile/", http.StripPrefix("/debug/ductile", c))
	srv := httptest.NewServer(mux)
	defer srv.Close()
	status, _, body := request(t, http.MethodGet, srv.URL+"/debug/ductile", "")
	assert.Equal(t, http.StatusOK, status)
	assert.Contains(t, body, "<title>")
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/debug/ductile", nil)
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, r)
	assert.Equal(t, "./ductile/", w.Header().Get("Location"))
}

// An absolute link would lead out of the prefix, and one to another host out of the page.
func TestEveryLinkOfThePageIsRelative(t *testing.T) {
	absolute := regexp.MustCompile(`(?:href|src)="(?:/|[a-z]+:)|(?:fetch|get|EventSource)\('(?:/|[a-z]+:)|url\(`)
	total := 0
	for _, name := range []string{"index.html", "style.css", "app.js", "icon.svg"} {
		text, err := os.ReadFile("assets/" + name)
		require.NoError(t, err)
		total += len(text)
		assert.False(t, absolute.Match(text), name)
		assert.NotContains(t, strings.ReplaceAll(string(text), "http://www.w3.org/2000/svg", ""), "://", name)
		for _, bad := range []string{"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "<style", "style=", " onclick="} {
			assert.NotContains(t, string(text), bad, name)
		}
	}
	assert.Less(t, total, 40_000, "the page is to stay small")
}

func TestUnknownRoutesAndWrongMethodsAreRefused(t *testing.T) {
	base := serve(t, console.New(console.Config{Circuits: []*breaker.Circuit{quick("c", nil)}, Allow: allow}))
	for _, c := range []struct {
		method, path string
		status       int
		allow        string
	}{
		{http.MethodGet, "nowhere", http.StatusNotFound, ""},
		{http.MethodGet, "assets/app.js", http.StatusNotFound, ""},
		{http.MethodGet, "snapshot/", http.StatusNotFound, ""},
		{http.MethodPost, "snapshot", http.StatusMethodNotAllowed, "GET"},
		{http.MethodPost, "", http.StatusMethodNotAllowed, "GET"},
		{http.MethodHead, "stream", http.StatusMethodNotAllowed, "GET"},
		{http.MethodGet, "control", http.StatusMethodNotAllowed, "POST"},
		{http.MethodOptions, "control", http.StatusMethodNotAllowed, "POST"},
	} {
		status, h, _ := request(t, c.method, base+c.path, "")
		assert.Equal(t, c.status, status, "%s %s", c.method, c.path)
		assert.Equal(t, c.allow, h.Get("Allow"), "%s %s", c.method, c.path)
	}
}

func TestEveryFaultOfAConfigIsNamed(t *testing.T) {
	c := quick("stripe", nil)
	err := console.Config{
		Circuits: []*breaker.Circuit{c, nil, {}, quick("stripe", nil)}, Hosts: []string{"ok.example:80", "", "http://x", "*"},
		Interval: -1, MaxStreams: -1, Events: -1,
	}.Validate()
	assert.EqualError(t, err, strings.Join([]string{
		`console: Config.Circuits[1]: breaker: circuit is nil, want one made by NewCircuit`,
		`console: Config.Circuits[2]: breaker: zero Circuit, want one made by NewCircuit`,
		`console: Config.Circuits[3] is named "stripe" like Circuits[0], want a name of its own, since actions go by the name`,
		`console: Config.Hosts[1] is "", want a host such as "debug.example", with or without a port`,
		`console: Config.Hosts[2] is "http://x", want a host such as "debug.example", with or without a port`,
		`console: Config.Hosts[3] is "*", want a host such as "debug.example", with or without a port`,
		`console: Config.Interval is -1ns, want 0 or more`,
		`console: Config.MaxStreams is -1, want 0 or more`,
		`console: Config.Events is -1, want 0 or more`,
	}, "\n"))
	assert.PanicsWithError(t, "console: Config.Circuits is empty, want at least one circuit, or Stats or Registry", func() { console.New(console.Config{}) })
}

func mustJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	require.NoError(t, err)
	return string(b)
}

func TestTheSnapshotOfACircuitInShadowSaysSo(t *testing.T) {
	c := breaker.NewCircuit(breaker.Config{Name: "c", FailureThreshold: 1, Shadow: true})
	base := serve(t, console.New(console.Config{Circuits: []*breaker.Circuit{c}}))
	fail(c, errDown)
	s := snapshot(t, base)
	assert.Equal(t, "open", s.Circuits[0].State)
	assert.True(t, s.Circuits[0].Shadow)
}
