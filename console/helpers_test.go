package console_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/console"
	"github.com/ductile-go/ductile/policy"
)

var errDown = errors.New("connection refused")

// quick returns a circuit that opens at the first failure.
func quick(name string, clock policy.Clock) *breaker.Circuit {
	return breaker.NewCircuit(breaker.Config{Name: name, FailureThreshold: 1, RecoveryTimeout: 30 * time.Second, Clock: clock})
}

// fail makes a call through a circuit that fails with err.
func fail(c *breaker.Circuit, err error) {
	_, _ = breaker.Do(context.Background(), c, func(context.Context) (int, error) { return 0, err })
}

// serve mounts a console where a program would, and closes it at the end of the test.
func serve(t *testing.T, c *console.Console) (base string) {
	t.Helper()
	mux := http.NewServeMux()
	mux.Handle("/debug/ductile/", http.StripPrefix("/debug/ductile", c))
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	t.Cleanup(c.Close)
	return srv.URL + "/debug/ductile/"
}

// client shares no connection with another test.
func client(t *testing.T) *http.Client {
	tr := &http.Transport{}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}
}

// request sends a request and returns the status, the headers and the body.
func request(t *testing.T, method, url, body string, change ...func(*http.Request)) (int, http.Header, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	require.NoError(t, err)
	for _, f := range change {
		f(r)
	}
	resp, err := client(t).Do(r)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, resp.Header, string(text)
}

// inJSON is what a page sends with an action.
func inJSON(r *http.Request) { r.Header.Set("Content-Type", "application/json") }

func header(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

func host(name string) func(*http.Request) { return func(r *http.Request) { r.Host = name } }

type entry struct {
	ID                                       int64
	At                                       time.Time
	Kind, Name, From, To, Reason, Err, Actor string
}

type shown struct {
	Version         int
	Title, Instance string
	Boot            string
	At              time.Time
	Control         bool
	Streams         int
	Event           int64
	Circuits        []struct {
		Name, State, Cause, Reason, Ribbon, Window string
		RetryAfter                                 time.Duration `json:"retry_after"`
		Shadow                                     bool
		Counts                                     breaker.Counts
		Meters                                     []struct {
			Of           string
			Value, Limit float64
			Calls, Need  int64
		}
	}
}

func snapshot(t *testing.T, base string) shown {
	t.Helper()
	status, _, body := request(t, http.MethodGet, base+"snapshot", "")
	require.Equal(t, http.StatusOK, status, body)
	var s shown
	require.NoError(t, json.Unmarshal([]byte(body), &s))
	return s
}

func events(t *testing.T, base, query string) []entry {
	t.Helper()
	status, _, body := request(t, http.MethodGet, base+"events"+query, "")
	require.Equal(t, http.StatusOK, status, body)
	var all struct{ Events []entry }
	require.NoError(t, json.Unmarshal([]byte(body), &all))
	require.NotNil(t, all.Events)
	return all.Events
}

// message is one server-sent event.
type message struct{ kind, id, data, retry string }

// reader reads a stream.
type reader struct {
	t    *testing.T
	resp *http.Response
	buf  *bufio.Reader
	stop context.CancelFunc
}

func open(t *testing.T, url string, change ...func(*http.Request)) *reader {
	t.Helper()
	return openBy(t, client(t), url, change...)
}

func openBy(t *testing.T, by *http.Client, url string, change ...func(*http.Request)) *reader {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	t.Cleanup(stop)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	require.NoError(t, err)
	for _, f := range change {
		f(r)
	}
	resp, err := by.Do(r)
	require.NoError(t, err)
	t.Cleanup(func() { _ = resp.Body.Close() })
	return &reader{t: t, resp: resp, buf: bufio.NewReader(resp.Body), stop: stop}
}

// next returns the next message, or an error at the end of the stream.
func (r *reader) next() (m message, err error) {
	for {
		line, err := r.buf.ReadString('\n')
		if err != nil {
			return m, err
		}
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		switch name {
		case "":
			return m, nil
		case "event":
			m.kind = value
		case "id":
			m.id = value
		case "data":
			m.data = value
		case "retry":
			m.retry = value
		default:
			return m, fmt.Errorf("line %q is not of an event stream", line)
		}
	}
}

// until returns the next message of a kind.
func (r *reader) until(kind string) message {
	r.t.Helper()
	for {
		m, err := r.next()
		require.NoError(r.t, err, "before a message %q", kind)
		if m.kind == kind {
			return m
		}
	}
}

// event returns the next event of the stream.
func (r *reader) event() entry {
	r.t.Helper()
	m := r.until("event")
	var e entry
	require.NoError(r.t, json.Unmarshal([]byte(m.data), &e))
	require.Equal(r.t, fmt.Sprint(e.ID), m.id)
	return e
}
