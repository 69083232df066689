package ductilehttp_test

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
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
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// hanging is a base that reads n bytes of each request, counts it, and answers none.
type hanging struct {
	n    int64
	sent atomic.Int64
}

func (h *hanging) RoundTrip(r *http.Request) (*http.Response, error) {
	h.sent.Add(1)
	if r.Body != nil {
		_, _ = io.CopyN(io.Discard, r.Body, h.n)
		defer func() { _ = r.Body.Close() }()
	}
	<-r.Context().Done()
	return nil, context.Cause(r.Context())
}

// after is a hedge that starts an attempt each second, three in all.
type after struct{}

func (after) Execute(ctx context.Context, next policy.Call[*http.Response]) (*http.Response, error) {
	type result struct {
		resp *http.Response
		err  error
	}
	got := make(chan result, 3)
	for range 3 {
		go func() {
			resp, err := next.Do(ctx)
			got <- result{resp, err}
		}()
		select {
		case r := <-got:
			return r.resp, r.err
		case <-time.After(time.Second):
		}
	}
	r := <-got
	return r.resp, r.err
}

// around returns pipelines that would repeat a request without asking first.
func around() map[string]*pipeline.Pipeline[*http.Response] {
	again := retry.New[*http.Response](retry.Config{Backoff: retry.Constant(0)})
	limit := policy.Timeout[*http.Response](time.Second)
	abandon := policy.NewTimeout[*http.Response](policy.TimeoutConfig{After: time.Second, Abandon: true})
	circuit := func() policy.Policy[*http.Response] {
		return breaker.New[*http.Response](breaker.NewCircuit(breaker.Config{}))
	}
	ended := policy.NewTimeout[*http.Response](policy.TimeoutConfig{After: time.Minute})
	return map[string]*pipeline.Pipeline[*http.Response]{
		"retry > timeout":           pipeline.New[*http.Response](again, limit),
		"retry > breaker > timeout": pipeline.New(again, circuit(), policy.Policy[*http.Response](limit)),
		"retry > abandon":           pipeline.New[*http.Response](again, abandon),
		"retry > breaker > abandon": pipeline.New(again, circuit(), policy.Policy[*http.Response](abandon)),
		"hedge":                     pipeline.New[*http.Response](ended, after{}),
		"any condition":             pipeline.New[*http.Response](again.WithCondition(func(*http.Response, error) bool { return true }), limit),
	}
}

func TestAConsumedStreamEndsTheCallInEveryPipeline(t *testing.T) {
	for name, p := range around() {
		for _, method := range []string{"POST", "PUT"} {
			t.Run(name+" "+method, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					h := &hanging{n: ductilehttp.DefaultMaxBufferedBody + 1}
					r := request(t, method, "http://h.example", io.MultiReader(strings.NewReader(strings.Repeat("x", ductilehttp.DefaultMaxBufferedBody+2))))
					resp, err := ductilehttp.NewTransport(ductilehttp.Config{Base: h, Pipeline: p}).RoundTrip(r)
					require.Error(t, err)
					assert.Nil(t, resp)
					assert.EqualValues(t, 1, h.sent.Load())
				})
			})
		}
	}
}

func TestABodyReadFurtherAfterAnErrorEndsTheRequest(t *testing.T) {
	goOn, done := make(chan struct{}), make(chan struct{})
	base := tripper(func(r *http.Request) (*http.Response, error) {
		go func() {
			defer close(done)
			<-goOn
			_, _ = io.Copy(io.Discard, r.Body)
			_ = r.Body.Close()
		}()
		return nil, io.ErrUnexpectedEOF
	})
	cfg, _ := config(base)
	cfg.Retry.OnRetry = func(context.Context, policy.Event) { // another attempt was decided on; read the rest of the body
		close(goOn)
		<-done
	}
	r := request(t, "PUT", "http://h.example", io.MultiReader(strings.NewReader(strings.Repeat("x", ductilehttp.DefaultMaxBufferedBody+2))))
	resp, err := ductilehttp.NewTransport(cfg).RoundTrip(r)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	assert.Nil(t, resp)
}

func TestAPostWithoutAKeyIsSentOnceInEveryPipeline(t *testing.T) {
	for name, p := range around() {
		for _, body := range []string{"", "charge"} {
			t.Run(name+" "+body, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					h := &hanging{}
					var up io.Reader
					if body != "" {
						up = strings.NewReader(body)
					}
					resp, err := ductilehttp.NewTransport(ductilehttp.Config{Base: h, Pipeline: p}).RoundTrip(request(t, "POST", "http://h.example", up))
					require.Error(t, err)
					assert.Nil(t, resp)
					assert.EqualValues(t, 1, h.sent.Load())
				})
			})
		}
	}
}

func TestARepeatableRequestIsRepeatedInEveryPipeline(t *testing.T) {
	for name, p := range around() {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := &hanging{}
				resp, err := ductilehttp.NewTransport(ductilehttp.Config{Base: h, Pipeline: p}).RoundTrip(request(t, "PUT", "http://h.example", strings.NewReader("x")))
				require.Error(t, err)
				assert.Nil(t, resp)
				assert.EqualValues(t, 3, h.sent.Load())
			})
		})
	}
}

func resetStream(code uint32) func(uint32) []byte {
	return func(stream uint32) []byte {
		return frame(frameReset, 0, stream, binary.BigEndian.AppendUint32(nil, code))
	}
}

// plainHTTP2 returns the URL of a hand-written server for HTTP/2 without TLS, and a base
// for it.
func plainHTTP2(t *testing.T, refuse func(uint32) []byte) (string, *http2Server, *http.Transport) {
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // closed at the end of the test
	require.NoError(t, err)
	s := serveHTTP2(t, l, refuse, true)
	base := &http.Transport{Protocols: new(http.Protocols)}
	base.Protocols.SetUnencryptedHTTP2(true)
	t.Cleanup(base.CloseIdleConnections)
	return "http://" + l.Addr().String(), s, base
}

func TestNetHTTPDoesNotRepeatAWriteAfterAnHTTP2Reset(t *testing.T) {
	const protocolError, internalError, enhanceYourCalm = 1, 2, 11
	for code, name := range map[uint32]string{protocolError: "PROTOCOL_ERROR", internalError: "INTERNAL_ERROR", enhanceYourCalm: "ENHANCE_YOUR_CALM"} {
		for kind, c := range map[string]struct {
			method, key string
			body        io.Reader
			most        int64
		}{
			"POST":            {"POST", "", strings.NewReader("charge"), 1},
			"POST no body":    {"POST", "", nil, 1},
			"POST stream":     {"POST", "", io.MultiReader(strings.NewReader("charge")), 1},
			"POST with a key": {"POST", "k", strings.NewReader("charge"), 3},
			"PUT":             {"PUT", "", strings.NewReader("body"), 3},
			"GET":             {"GET", "", nil, 6}, // net/http may repeat it once in each attempt
		} {
			t.Run(name+" "+kind, func(t *testing.T) {
				url, s, base := plainHTTP2(t, resetStream(code))
				cfg, _ := config(base)
				r := request(t, c.method, url, c.body)
				if c.key != "" {
					r.Header.Set("Idempotency-Key", c.key)
				}
				resp, err := ductilehttp.NewTransport(cfg).RoundTrip(r)
				require.Error(t, err)
				require.Nil(t, resp)
				assert.LessOrEqual(t, s.streams.Load(), c.most)
			})
		}
	}
}

func TestARefusedHTTP2RequestIsRepeatedOnceInAnAttempt(t *testing.T) {
	for name, refuse := range map[string]func(uint32) []byte{"REFUSED_STREAM": refuseStream, "GOAWAY": goAway} {
		for _, method := range []string{"POST", "PUT", "GET"} {
			t.Run(name+" "+method, func(t *testing.T) {
				url, s, base := plainHTTP2(t, refuse)
				cfg, clk := config(base)
				cfg.Circuits.FailureThreshold = 100
				var body io.Reader
				if method != "GET" {
					body = strings.NewReader("body")
				}
				resp, err := ductilehttp.NewTransport(cfg).RoundTrip(request(t, method, url, body))
				require.Error(t, err)
				require.Nil(t, resp)
				assert.LessOrEqual(t, s.streams.Load(), int64(6))
				assert.LessOrEqual(t, len(clk.Sleeps()), 2)
			})
		}
	}
}

// prohibited is a connection that must not be used, such as an HTTP/3 connection.
type prohibited struct{}

func (prohibited) Read([]byte) (int, error)         { panic("prohibited") }
func (prohibited) Write([]byte) (int, error)        { panic("prohibited") }
func (prohibited) Close() error                     { panic("prohibited") }
func (prohibited) LocalAddr() net.Addr              { return &net.UDPAddr{} }
func (prohibited) RemoteAddr() net.Addr             { return &net.UDPAddr{} }
func (prohibited) SetDeadline(time.Time) error      { panic("prohibited") }
func (prohibited) SetReadDeadline(time.Time) error  { panic("prohibited") }
func (prohibited) SetWriteDeadline(time.Time) error { panic("prohibited") }

func TestAConnectionFromATraceIsNotUsed(t *testing.T) {
	for _, method := range []string{"GET", "PUT", "POST"} {
		for _, body := range []string{"", "body"} {
			sent := 0
			base := tripper(func(r *http.Request) (*http.Response, error) {
				sent++
				for range 3 { // as HTTP/3 does for a request that the server rejects
					traceOf(r).GetConn("h.example:443")
					gotConn(r, prohibited{}, true)
					traceOf(r).WroteHeaders()
					if r.GetBody != nil {
						_, _ = r.GetBody()
					}
				}
				return nil, errors.New("H3_REQUEST_REJECTED")
			})
			cfg, _ := config(base)
			var up io.Reader
			if body != "" {
				up = strings.NewReader(body)
			}
			resp, err := ductilehttp.NewTransport(cfg).RoundTrip(request(t, method, "https://h.example", up))
			require.ErrorContains(t, err, "H3_REQUEST_REJECTED")
			assert.Nil(t, resp)
			if method != "POST" {
				assert.Equal(t, 3, sent)
			}
		}
	}
}

// A base that fetches a token under the request's context makes its own requests.
func TestARequestUnderAnotherRequestsContextIsIndependent(t *testing.T) {
	tokens := serve(t, statuses(503, 503, 200))
	api := serve(t, statuses(422))
	inner, _ := config(tokens.base)
	fetch := ductilehttp.NewTransport(inner)
	base := tripper(func(r *http.Request) (*http.Response, error) {
		token, err := http.NewRequestWithContext(r.Context(), http.MethodGet, tokens.URL, nil)
		if err != nil {
			return nil, err
		}
		resp, err := fetch.RoundTrip(token)
		if err != nil {
			return nil, err
		}
		_ = resp.Body.Close()
		return api.base.RoundTrip(r)
	})
	c, _ := clientOf(base, api.URL)
	err := c.Post(ductilehttp.WithOverride(t.Context(), ductilehttp.Override{MaxAttempts: 1}), "/", student{}, nil)
	var status *ductilehttp.StatusError
	require.ErrorAs(t, err, &status)
	assert.Equal(t, 1, status.Attempts)
	assert.EqualValues(t, 3, tokens.requests.Load(), "an Override applies only to the Transport that was called")
	assert.EqualValues(t, 1, api.requests.Load())
}

// To net/http, a request with an Idempotency-Key is one that it may repeat.
func TestNetHTTPDoesNotRepeatARequestThatPrepareGaveAKey(t *testing.T) {
	for _, method := range []string{"POST", "PUT"} {
		for name, wrap := range map[string]func(http.RoundTripper) http.RoundTripper{
			"bare":    func(base http.RoundTripper) http.RoundTripper { return base },
			"wrapped": func(base http.RoundTripper) http.RoundTripper { return tripper(base.RoundTrip) },
		} {
			s := serve(t, func(_ http.ResponseWriter, r *http.Request) {
				if r.Method != http.MethodGet {
					panic(http.ErrAbortHandler)
				}
			})
			cfg, _ := config(wrap(s.base))
			cfg.Retry.MaxAttempts = 1
			cfg.Prepare = func(r *http.Request, _ int) error {
				r.Header.Set("Idempotency-Key", "key")
				return nil
			}
			tr := ductilehttp.NewTransport(cfg)
			require.NoError(t, send(t, tr, "GET", s.URL, nil))
			require.Error(t, send(t, tr, method, s.URL, strings.NewReader("charge")))
			assert.EqualValues(t, 2, s.requests.Load(), "%s %s", name, method)
		}
	}
}
