package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/codes"
	sdk "go.opentelemetry.io/otel/sdk/trace"

	"github.com/ductile-go/ductile/fake"
)

func TestTheStoryHolds(t *testing.T) {
	var out strings.Builder
	require.NoError(t, tell(t.Context(), &out), out.String())
	assert.Contains(t, out.String(), "otelhttp on both sides")
}

// each runs test with otelhttp on each side, in virtual time.
func each(t *testing.T, server http.HandlerFunc, test func(t *testing.T, s side, tr *tracing, client *http.Client, url string)) {
	t.Helper()
	for _, s := range sides {
		t.Run(s.name, func(t *testing.T) {
			srv := httptest.NewServer(server)
			defer srv.Close()
			tr := newTracing()
			client := &http.Client{Transport: s.transport(tr, &http.Transport{}, fake.NewClock(fake.AutoAdvance()))}
			defer client.CloseIdleConnections()
			test(t, s, tr, client, srv.URL)
		})
	}
}

// fails is failing(2), again for each call.
func fails() http.HandlerFunc {
	var n atomic.Int64
	return func(w http.ResponseWriter, r *http.Request) {
		failing(max(0, 2-(n.Add(1)-1)%3))(w, r)
	}
}

func named(spans []sdk.ReadOnlySpan, name string) (found []sdk.ReadOnlySpan) {
	for _, s := range spans {
		if s.Name() == name {
			found = append(found, s)
		}
	}
	return found
}

func TestACallHasOneSpanOutsideAndAnAttemptOneInside(t *testing.T) {
	each(t, fails(), func(t *testing.T, s side, tr *tracing, client *http.Client, url string) {
		require.NoError(t, get(t.Context(), client, url))
		calls, attempts := named(tr.spans(), "call"), named(tr.spans(), "attempt")
		if s.outside {
			require.Len(t, calls, 1)
			assert.Equal(t, http.StatusOK, statusOf(calls[0]))
			assert.NotEqual(t, codes.Error, calls[0].Status().Code, "what failed on the way is not the call's failure")
		}
		if s.inside {
			require.Len(t, attempts, 3)
			for i, want := range []int{503, 503, 200} {
				assert.Equal(t, want, statusOf(attempts[i]))
			}
		}
		assert.Len(t, tr.recorder.Started(), len(tr.spans()), "every span has ended, also those of answers given up")
	})
}

func TestAttemptsAreChildrenOfTheirCall(t *testing.T) {
	each(t, fails(), func(t *testing.T, _ side, tr *tracing, client *http.Client, url string) {
		ctx, parent := tr.provider.Tracer("caller").Start(t.Context(), "caller")
		require.NoError(t, get(ctx, client, url))
		parent.End()
		want := parent.SpanContext().SpanID()
		if calls := named(tr.spans(), "call"); len(calls) > 0 {
			assert.Equal(t, want, calls[0].Parent().SpanID())
			want = calls[0].SpanContext().SpanID()
		}
		for _, a := range named(tr.spans(), "attempt") {
			assert.Equal(t, want, a.Parent().SpanID())
		}
	})
}

func TestTheServerSeesTheInnermostSpan(t *testing.T) {
	var mu sync.Mutex
	var seen []string
	answer := fails()
	each(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		seen = append(seen, r.Header.Get("Traceparent"))
		mu.Unlock()
		answer(w, r)
	}, func(t *testing.T, s side, tr *tracing, client *http.Client, url string) {
		seen = nil
		require.NoError(t, get(t.Context(), client, url))
		require.Len(t, seen, 3)
		for i, header := range seen {
			span := named(tr.spans(), "call")
			if s.inside {
				span = named(tr.spans(), "attempt")[i:]
			}
			assert.Contains(t, header, span[0].SpanContext().SpanID().String())
		}
	})
}

func TestHooksFireForEachAttempt(t *testing.T) {
	each(t, fails(), func(t *testing.T, _ side, _ *tracing, client *http.Client, url string) {
		var got, wrote, answered atomic.Int64
		ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
			GotConn:              func(httptrace.GotConnInfo) { got.Add(1) },
			WroteRequest:         func(httptrace.WroteRequestInfo) { wrote.Add(1) },
			GotFirstResponseByte: func() { answered.Add(1) },
		})
		require.NoError(t, get(ctx, client, url))
		assert.EqualValues(t, 3, got.Load(), "connections got")
		assert.EqualValues(t, 3, wrote.Load(), "requests written")
		assert.EqualValues(t, 3, answered.Load(), "answers")
	})
}

func TestBodiesAreSentAgain(t *testing.T) {
	var mu sync.Mutex
	var seen []string
	answer := fails()
	each(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		seen = append(seen, string(body))
		mu.Unlock()
		answer(w, r)
	}, func(t *testing.T, _ side, _ *tracing, client *http.Client, url string) {
		for what, body := range map[string]io.Reader{
			"one that can be got again": strings.NewReader("order"),
			"one that streams":          io.MultiReader(strings.NewReader("or"), strings.NewReader("der")),
		} {
			seen = nil
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, url, body)
			require.NoError(t, err)
			resp, err := client.Do(req)
			require.NoError(t, err)
			require.NoError(t, resp.Body.Close())
			assert.Equal(t, []string{"order", "order", "order"}, seen, what)
		}
	})
}

func TestAServerThatIsGoneFailsItsSpans(t *testing.T) {
	each(t, fails(), func(t *testing.T, s side, tr *tracing, client *http.Client, _ string) {
		gone := httptest.NewServer(nil)
		gone.Close()
		require.Error(t, get(t.Context(), client, gone.URL))
		require.Len(t, tr.spans(), s.spans)
		for _, span := range tr.spans() {
			assert.Equal(t, codes.Error, span.Status().Code)
		}
	})
}
