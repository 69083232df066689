package console_test

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/console"
	"github.com/ductile-go/ductile/fake"
)

// allow allows everything.
func allow(*http.Request, console.Action) error { return nil }

// quietLog keeps the log of actions out of the test's output, and returns it.
func quietLog(t testing.TB) *bytes.Buffer {
	var out bytes.Buffer
	was := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&out, nil)))
	t.Cleanup(func() { slog.SetDefault(was) })
	return &out
}

func post(t *testing.T, base, body string, change ...func(*http.Request)) (int, string) {
	t.Helper()
	status, _, text := request(t, http.MethodPost, base+"control", body, append([]func(*http.Request){inJSON}, change...)...)
	return status, text
}

func TestAConsoleIsReadOnlyByDefault(t *testing.T) {
	c := quick("stripe", nil)
	base := serve(t, console.New(console.Config{Circuits: []*breaker.Circuit{c}}))
	for _, action := range []string{"trip", "isolate", "reset"} {
		status, text := post(t, base, `{"circuit":"stripe","action":"`+action+`"}`)
		assert.Equal(t, http.StatusForbidden, status)
		assert.Contains(t, text, "read-only")
	}
	assert.Equal(t, breaker.Closed, c.State())
	assert.False(t, snapshot(t, base).Control)
	assert.Empty(t, events(t, base, ""))
}

func TestActionsMoveTheCircuitAndCarryTheirActorAndReason(t *testing.T) {
	log := quietLog(t)
	clk := fake.NewClock()
	c := quick("stripe", clk)
	base := serve(t, console.New(console.Config{
		Circuits: []*breaker.Circuit{c, quick("other", clk)}, Allow: allow, Clock: clk,
		Actor: func(r *http.Request) string { return r.Header.Get("X-User") },
	}))
	alice := header("X-User", "alice")
	assert.True(t, snapshot(t, base).Control)

	status, text := post(t, base, `{"circuit":"stripe","action":"trip","for":"90s","reason":"migration"}`, alice)
	assert.Equal(t, http.StatusNoContent, status, text)
	assert.Equal(t, 90*time.Second, c.Snapshot().RetryAfter)
	assert.Equal(t, "migration", c.Snapshot().Reason)

	status, _ = post(t, base, `{"circuit":"stripe","action":"isolate","reason":"drill"}`, alice)
	assert.Equal(t, http.StatusNoContent, status)
	assert.Equal(t, breaker.Isolated, c.State())

	status, _ = post(t, base, `{"circuit":"stripe","action":"reset","reason":"drill over"}`, header("X-User", "bob"))
	assert.Equal(t, http.StatusNoContent, status)
	assert.Equal(t, breaker.Closed, c.State())

	status, _ = post(t, base, `{"circuit":"stripe","action":"trip"}`, alice)
	assert.Equal(t, http.StatusNoContent, status)
	assert.Equal(t, 30*time.Second, c.Snapshot().RetryAfter, "without a time, the circuit's own")

	c.Reset() // by the program
	type line struct{ from, to, reason, actor string }
	var got []line
	for _, e := range events(t, base, "") {
		assert.Equal(t, "stripe", e.Name)
		assert.Equal(t, "state_changed", e.Kind)
		got = append(got, line{e.From, e.To, e.Reason, e.Actor})
	}
	assert.Equal(t, []line{
		{"closed", "open", "migration", "alice"},
		{"open", "isolated", "drill", "alice"},
		{"isolated", "closed", "drill over", "bob"},
		{"closed", "open", "by hand", "alice"},
		{"open", "closed", "reset", ""},
	}, got)
	assert.Contains(t, log.String(), `level=WARN msg="console: isolate by hand" circuit=stripe for=0s reason=drill actor=alice`)
}

func TestAnActionThatMovesNothingIsAnEventToo(t *testing.T) {
	quietLog(t)
	c := quick("stripe", nil)
	base := serve(t, console.New(console.Config{
		Circuits: []*breaker.Circuit{c}, Allow: allow, Actor: func(*http.Request) string { return "alice" },
	}))
	status, _ := post(t, base, `{"circuit":"stripe","action":"reset"}`)
	assert.Equal(t, http.StatusNoContent, status)
	c.Isolate("drill")
	status, text := post(t, base, `{"circuit":"stripe","action":"trip","for":"1s"}`)
	assert.Equal(t, http.StatusConflict, status)
	assert.Contains(t, text, "isolated; reset it first")
	c.Reset()
	all := events(t, base, "")
	require.Len(t, all, 3)
	assert.Equal(t, "controlled", all[0].Kind)
	assert.Equal(t, "reset: by hand", all[0].Reason)
	assert.Equal(t, "alice", all[0].Actor)
	assert.Equal(t, "", all[1].Actor, "moved by the program")
	assert.Equal(t, "", all[2].Actor, "moved by the program, after two actions that did not move it")
}

func TestATimeOfZeroIsNone(t *testing.T) {
	quietLog(t)
	c := quick("stripe", nil)
	base := serve(t, console.New(console.Config{Circuits: []*breaker.Circuit{c}, Allow: allow}))
	for action, state := range map[string]breaker.State{"trip": breaker.Open, "isolate": breaker.Isolated, "reset": breaker.Closed} {
		c.Reset()
		status, text := post(t, base, `{"circuit":"stripe","action":"`+action+`","for":"0s","reason":""}`)
		assert.Equal(t, http.StatusNoContent, status, text)
		assert.Equal(t, state, c.State(), action)
	}
}

func TestAllowDecidesByRequestAndAction(t *testing.T) {
	quietLog(t)
	c := quick("stripe", nil)
	var asked []console.Action
	base := serve(t, console.New(console.Config{
		Circuits: []*breaker.Circuit{c},
		Allow: func(r *http.Request, a console.Action) error {
			asked = append(asked, a)
			if a.Action == console.Isolate && r.Header.Get("X-Role") != "sre" {
				return errors.New("needs the role sre: see https://bob:hunter2@wiki.example/roles?token=1")
			}
			return nil
		},
	}))
	status, text := post(t, base, `{"circuit":"stripe","action":"isolate","reason":"x"}`)
	assert.Equal(t, http.StatusForbidden, status)
	assert.Contains(t, text, "needs the role sre")
	assert.NotContains(t, text, "hunter2")
	assert.Equal(t, breaker.Closed, c.State())
	assert.Empty(t, events(t, base, ""))
	status, _ = post(t, base, `{"circuit":"stripe","action":"isolate","reason":"x"}`, header("X-Role", "sre"))
	assert.Equal(t, http.StatusNoContent, status)
	status, _ = post(t, base, `{"circuit":"stripe","action":"trip","for":"1m30s"}`)
	assert.Equal(t, http.StatusConflict, status)
	assert.Equal(t, []console.Action{
		{Circuit: "stripe", Action: console.Isolate, Reason: "x"},
		{Circuit: "stripe", Action: console.Isolate, Reason: "x"},
		{Circuit: "stripe", Action: console.Trip, For: 90 * time.Second},
	}, asked)
}

func TestAnActionThatIsNotUnderstoodChangesNothing(t *testing.T) {
	c := quick("stripe", nil)
	base := serve(t, console.New(console.Config{Circuits: []*breaker.Circuit{c}, Allow: allow}))
	for _, bad := range []struct {
		body, kind string
		status     int
	}{
		{`{"circuit":"strpe","action":"isolate"}`, "application/json", 404},
		{`{"circuit":"","action":"isolate"}`, "application/json", 404},
		{`{"circuit":"stripe","action":"explode"}`, "application/json", 400},
		{`{"circuit":"stripe","action":"Isolate"}`, "application/json", 400},
		{`{"circuit":"stripe"}`, "application/json", 400},
		{`{"circuit":"stripe","action":"isolate","reson":"typo"}`, "application/json", 400},
		{`{"circuit":"stripe","action":"trip","for":"soon"}`, "application/json", 400},
		{`{"circuit":"stripe","action":"trip","for":"-1s"}`, "application/json", 400},
		{`{"circuit":"stripe","action":"trip","for":30}`, "application/json", 400},
		{`{"circuit":"stripe","action":"isolate","for":"30s"}`, "application/json", 400},
		{`{"circuit":"stripe","action":"isolate","reason":"a\nb"}`, "application/json", 400},
		{`{"circuit":"stripe","action":"isolate","reason":"` + strings.Repeat("x", 201) + `"}`, "application/json", 400},
		{`{"circuit":"stripe","action":"isolate","reason":"` + strings.Repeat("x", 5000) + `"}`, "application/json", 400},
		{`{"circuit":"stripe","action":"isolate"} {}`, "application/json", 400},
		{`[]`, "application/json", 400},
		{``, "application/json", 400},
		{`circuit=stripe&action=isolate`, "application/x-www-form-urlencoded", 415},
		{`{"circuit":"stripe","action":"isolate"}`, "text/plain", 415},
		{`{"circuit":"stripe","action":"isolate"}`, "", 415},
		{`{"circuit":"stripe","action":"isolate"}`, "application/json-ish", 415},
	} {
		status, text := post(t, base, bad.body, header("Content-Type", bad.kind))
		assert.Equal(t, bad.status, status, "%s as %q: %s", bad.body, bad.kind, text)
	}
	assert.Equal(t, breaker.Closed, c.State())
	assert.Empty(t, events(t, base, ""))
	assert.Len(t, snapshot(t, base).Circuits, 1, "a name that is not known makes no circuit")
}

func TestACircuitWhoseNameIsNotUTF8CanBeControlled(t *testing.T) {
	quietLog(t)
	c := quick("a\xff\xfeb", nil)
	base := serve(t, console.New(console.Config{Circuits: []*breaker.Circuit{c}, Allow: allow}))
	name := snapshot(t, base).Circuits[0].Name
	status, text := post(t, base, `{"circuit":`+mustJSON(t, name)+`,"action":"isolate"}`)
	assert.Equal(t, http.StatusNoContent, status, text)
	assert.Equal(t, breaker.Isolated, c.State())
}

// The goroutine of one action may hear the transition of another, or both may be heard by a
// third. Each event must have the actor of its own action.
func TestConcurrentActionsKeepTheirActors(t *testing.T) {
	quietLog(t)
	c := quick("stripe", nil)
	h := console.New(console.Config{
		Circuits: []*breaker.Circuit{c}, Allow: allow, Events: 10_000,
		Actor: func(r *http.Request) string { return r.Header.Get("X-User") },
	})
	defer h.Close()
	send := func(body, actor string) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/control", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("X-User", actor)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		assert.Equal(t, http.StatusNoContent, w.Code)
	}
	var all sync.WaitGroup
	for _, name := range []string{"alice", "bob", "carol"} {
		all.Go(func() {
			for range 100 {
				send(`{"circuit":"stripe","action":"isolate","reason":"`+name+`"}`, name)
				send(`{"circuit":"stripe","action":"reset","reason":"`+name+`"}`, name)
			}
		})
	}
	all.Wait()
	srv := httptest.NewServer(h)
	defer srv.Close()
	moves := 0
	for _, e := range events(t, srv.URL+"/", "") {
		if e.Kind != "state_changed" {
			continue
		}
		moves++
		assert.Equal(t, e.Reason, e.Actor, "%+v", e)
	}
	assert.Greater(t, moves, 50)
}

func FuzzControl(f *testing.F) {
	f.Add(`{"circuit":"stripe","action":"trip","for":"30s","reason":"x"}`)
	f.Add(`{"circuit":"stripe","action":"isolate"} `)
	f.Add(`[{}]`)
	quietLog(f)
	c := quick("stripe", nil)
	h := console.New(console.Config{Circuits: []*breaker.Circuit{c}, Allow: allow})
	f.Fuzz(func(t *testing.T, body string) {
		c.Reset()
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/control", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		switch w.Code {
		case http.StatusNoContent:
		case http.StatusBadRequest, http.StatusNotFound:
			assert.Equal(t, breaker.Closed, c.State(), "a refused action moved the circuit")
		default:
			t.Errorf("status %d", w.Code)
		}
	})
}
