package ductilehttp_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/chaos"
	"github.com/ductile-go/ductile/ductilehttp"
)

// upload is a body that can be read once, and notes what was done with it.
type upload struct {
	io.Reader
	read   atomic.Int64
	closed atomic.Int64
}

func (u *upload) Read(p []byte) (int, error) {
	n, err := u.Reader.Read(p)
	u.read.Add(int64(n))
	return n, err
}

func (u *upload) Close() error {
	u.closed.Add(1)
	return nil
}

// The body of a request belongs to the transport, whether it is sent or not.
func TestChaosClosesTheRequestsBodyOnce(t *testing.T) {
	s := serve(t, ok)
	for name, p := range map[string]chaosPolicy{
		"status": ductilehttp.ChaosStatus(chaosAlways, 503, 0), "reset": ductilehttp.ChaosReset(chaosAlways),
		"lost": ductilehttp.ChaosLostAnswer(chaosAlways), "cut": ductilehttp.ChaosCutBody(chaosAlways, 3),
		"first status": ductilehttp.ChaosStatus(chaosFirst(1), 503, 0), "first reset": ductilehttp.ChaosReset(chaosFirst(1)),
		"fault": chaos.Fault[*http.Response](chaosAlways, func(context.Context) error { return io.EOF }),
	} {
		for _, method := range []string{"PUT", "POST"} {
			cfg, _ := config(s.base)
			cfg.Chaos = p
			u := &upload{Reader: strings.NewReader("an upload")}
			resp, err := ductilehttp.NewTransport(cfg).RoundTrip(request(t, method, s.URL, u))
			if err == nil {
				_, _ = io.Copy(io.Discard, resp.Body)
				assert.NoError(t, resp.Body.Close(), name)
			}
			eventually(t, func() bool { return u.closed.Load() > 0 })
			assert.EqualValues(t, 1, u.closed.Load(), "%s %s", name, method)
		}
	}
}

func TestARequestIsRepeatedWithItsBodyAfterAnInjectedFault(t *testing.T) {
	for name, p := range map[string]chaosPolicy{
		"status": ductilehttp.ChaosStatus(chaosFirst(2), 503, 0), "reset": ductilehttp.ChaosReset(chaosFirst(2)),
		"lost": ductilehttp.ChaosLostAnswer(chaosFirst(2)),
	} {
		var got atomic.Value
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			b, _ := io.ReadAll(r.Body)
			got.Store(string(b))
			w.WriteHeader(http.StatusCreated)
		})
		cfg, _ := config(s.base)
		cfg.Chaos = p
		resp, err := ductilehttp.NewTransport(cfg).RoundTrip(request(t, "PUT", s.URL, &upload{Reader: strings.NewReader("an upload")}))
		require.NoError(t, err, name)
		n, _ := ductilehttp.Attempts(resp)
		assert.Equal(t, 3, n, name)
		assert.Empty(t, read(t, resp))
		assert.Equal(t, "an upload", got.Load(), name)
	}
}

func TestALostAnswerReachesTheServer(t *testing.T) {
	s := serve(t, ok)
	cfg, _ := config(s.base)
	cfg.Chaos = ductilehttp.ChaosLostAnswer(chaosAlways)
	_, err := ductilehttp.NewTransport(cfg).RoundTrip(request(t, "GET", s.URL, nil))
	assert.ErrorIs(t, err, syscall.ECONNRESET)
	assert.ErrorIs(t, err, chaos.ErrInjected)
	assert.EqualValues(t, 3, s.requests.Load())

	_, err = ductilehttp.NewTransport(cfg).RoundTrip(request(t, "POST", s.URL, strings.NewReader("x")))
	assert.ErrorIs(t, err, syscall.ECONNRESET)
	assert.EqualValues(t, 4, s.requests.Load(), "a POST may have acted, so it is sent once")

	cfg.Base = tripper(func(*http.Request) (*http.Response, error) { return nil, io.ErrNoProgress })
	_, err = ductilehttp.NewTransport(cfg).RoundTrip(request(t, "POST", s.URL, nil))
	assert.ErrorIs(t, err, io.ErrNoProgress)
	assert.NotErrorIs(t, err, chaos.ErrInjected, "an error of its own")
}

func TestACutBodyIsAnUnexpectedEOFForTheReaderAndAFailureForTheCircuit(t *testing.T) {
	for _, chunked := range []bool{false, true} {
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			ok(w, r)
			if chunked {
				w.(http.Flusher).Flush()
			}
		})
		for n, want := range map[int64]string{0: "", 5: "hello", 12: "hello, world", 100: "hello, world"} {
			cfg, _ := config(s.base)
			cfg.Circuits.FailureThreshold = 1
			cfg.Chaos = ductilehttp.ChaosCutBody(chaosAlways, n)
			tr := ductilehttp.NewTransport(cfg)
			resp, err := tr.RoundTrip(request(t, "GET", s.URL, nil))
			require.NoError(t, err)
			circuit, found := tr.Circuits().Get(s.URL)
			require.True(t, found)
			assert.Equal(t, breaker.Closed, circuit.State(), "the header was good")
			got, err := io.ReadAll(resp.Body)
			assert.Equal(t, want, string(got))
			assert.ErrorIs(t, err, io.ErrUnexpectedEOF)
			assert.ErrorIs(t, err, chaos.ErrInjected)
			assert.Equal(t, breaker.Open, circuit.State(), "%d bytes", n)
			assert.NoError(t, resp.Body.Close())
		}
	}
}

func TestACutBodyClosesItsConnection(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(bytes.Repeat([]byte("x"), 1<<20)) })
	cfg, _ := config(s.base)
	cfg.Chaos = ductilehttp.ChaosCutBody(chaosAlways, 10)
	tr := ductilehttp.NewTransport(cfg)
	for range 3 {
		resp, err := tr.RoundTrip(request(t, "GET", s.URL, nil))
		require.NoError(t, err)
		_, err = io.ReadAll(resp.Body)
		require.ErrorIs(t, err, io.ErrUnexpectedEOF)
		require.NoError(t, resp.Body.Close())
	}
	assert.EqualValues(t, 3, s.connections.Load())
}

func TestAResponseWithoutABodyIsNotCut(t *testing.T) {
	s := serve(t, statuses(204))
	cfg, _ := config(s.base)
	cfg.Chaos = ductilehttp.ChaosCutBody(chaosAlways, 0)
	for _, method := range []string{"GET", "HEAD"} {
		code, body := do(t, cfg, request(t, method, s.URL, nil))
		assert.Equal(t, 204, code)
		assert.Empty(t, body)
	}
	cfg.Base = tripper(func(*http.Request) (*http.Response, error) { return nil, io.ErrNoProgress })
	_, err := ductilehttp.NewTransport(cfg).RoundTrip(request(t, "GET", s.URL, nil))
	assert.ErrorIs(t, err, io.ErrNoProgress)
}

func TestAClientRetriesACutBody(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"name":"Ada"}`) })
	cfg, _ := config(s.base)
	cfg.Chaos = ductilehttp.ChaosCutBody(chaosFirst(2), 4)
	c := ductilehttp.NewClient(ductilehttp.ClientConfig{BaseURL: s.URL, Base: ductilehttp.NewTransport(cfg)})
	var out struct{ Name string }
	require.NoError(t, c.Get(t.Context(), "/", &out))
	assert.Equal(t, "Ada", out.Name)
	assert.EqualValues(t, 3, s.requests.Load())
}

// recorder is a base that wraps another and reads its responses.
type recorder struct {
	base http.RoundTripper
	saw  *[]error
}

func (r recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := r.base.RoundTrip(req)
	if err == nil {
		var got []byte
		got, err = io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		resp.Body = io.NopCloser(bytes.NewReader(got))
	}
	*r.saw = append(*r.saw, err)
	if err != nil {
		return nil, err
	}
	return resp, nil
}

func (r recorder) Below(change func(http.RoundTripper) http.RoundTripper) http.RoundTripper {
	return recorder{change(r.base), r.saw}
}

func TestChaosActsBelowABaseThatSaysSo(t *testing.T) {
	s := serve(t, ok)
	for name, p := range map[string]chaosPolicy{
		"reset": ductilehttp.ChaosReset(chaosFirst(2)), "lost": ductilehttp.ChaosLostAnswer(chaosFirst(2)),
		"cut": ductilehttp.ChaosCutBody(chaosFirst(2), 3),
	} {
		var inner, outer []error
		cfg, _ := config(recorder{recorder{s.base, &inner}, &outer})
		cfg.Chaos = p
		code, body := do(t, cfg, request(t, "GET", s.URL, nil))
		assert.Equal(t, 200, code, name)
		assert.Equal(t, "hello, world", body, name)
		for _, saw := range [][]error{inner, outer} {
			require.Len(t, saw, 3, name)
			assert.ErrorIs(t, saw[0], chaos.ErrInjected, name)
			assert.ErrorIs(t, saw[1], chaos.ErrInjected, name)
			assert.NoError(t, saw[2], name)
		}
	}
}
