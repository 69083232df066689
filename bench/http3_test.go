package bench_test

import (
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/ductilehttp"
	"github.com/ductile-go/ductile/retry"
)

// fate is what an HTTP/3 server does with a request.
type fate int

const (
	answered fate = iota
	rejected      // H3_REQUEST_REJECTED: the server has not looked at it
	broken        // H3_INTERNAL_ERROR: it may have
	left          // the connection is closed
)

// h3 is an HTTP/3 server that counts the requests that reach it: streams, whether or not
// they are looked at.
type h3 struct {
	requests atomic.Int64
	fate     func(n int64) fate // of the nth request
	listener *quic.EarlyListener
	certs    *httptest.Server
	gone     atomic.Bool // the listener is closed, so a client need not wait long for an answer
}

func newH3(t *testing.T, fate func(n int64) fate) *h3 {
	t.Helper()
	s := &h3{fate: fate, certs: httptest.NewTLSServer(nil)} // for its certificate
	t.Cleanup(s.certs.Close)
	var err error
	s.listener, err = quic.ListenAddrEarly("127.0.0.1:0", http3.ConfigureTLSConfig(&tls.Config{Certificates: s.certs.TLS.Certificates}), nil)
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.listener.Close() })
	go func() {
		for {
			conn, err := s.listener.Accept(context.Background())
			if err != nil {
				return
			}
			go s.serve(conn)
		}
	}()
	return s
}

func (s *h3) serve(conn *quic.Conn) {
	server := http3.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, hello)
	})}
	raw, err := server.NewRawServerConn(conn)
	if err != nil {
		return
	}
	go func() {
		for {
			stream, err := conn.AcceptUniStream(context.Background())
			if err != nil {
				return
			}
			go raw.HandleUnidirectionalStream(stream)
		}
	}()
	for {
		stream, err := conn.AcceptStream(context.Background())
		if err != nil {
			return
		}
		switch s.fate(s.requests.Add(1)) {
		case answered:
			go raw.HandleRequestStream(stream)
		case rejected:
			reset(stream, http3.ErrCodeRequestRejected)
		case broken:
			reset(stream, http3.ErrCodeInternalError)
		case left:
			_ = conn.CloseWithError(quic.ApplicationErrorCode(http3.ErrCodeInternalError), "bye")
			return
		}
	}
}

func reset(stream *quic.Stream, code http3.ErrCode) {
	stream.CancelRead(quic.StreamErrorCode(code))
	stream.CancelWrite(quic.StreamErrorCode(code))
}

// transport returns a Transport over quic-go, whose attempts are counted.
func (s *h3) transport(t *testing.T, attempts *atomic.Int64) *ductilehttp.Transport {
	t.Helper()
	base := &http3.Transport{
		TLSClientConfig: s.certs.Client().Transport.(*http.Transport).TLSClientConfig.Clone(),
		QUICConfig:      &quic.Config{HandshakeIdleTimeout: time.Minute, MaxIdleTimeout: time.Minute},
		Dial: func(ctx context.Context, addr string, secure *tls.Config, cfg *quic.Config) (*quic.Conn, error) {
			if s.gone.Load() {
				cfg = cfg.Clone()
				cfg.HandshakeIdleTimeout = 200 * time.Millisecond
			}
			return quic.DialAddrEarly(ctx, addr, secure, cfg)
		},
	}
	t.Cleanup(func() { _ = base.Close() })
	return ductilehttp.NewTransport(ductilehttp.Config{
		Base: base, Retry: atOnce, TotalTimeout: -1, AttemptTimeout: -1,
		Prepare: func(*http.Request, int) error { attempts.Add(1); return nil },
	})
}

func (s *h3) url() string {
	return strings.Replace(s.certs.URL, s.certs.Listener.Addr().String(), s.listener.Addr().String(), 1)
}

// ask sends a request, and returns how often a response says that it was sent.
func (s *h3) ask(t *testing.T, over http.RoundTripper, method string) (sent int, err error) {
	t.Helper()
	var body io.Reader
	if method == http.MethodPost {
		body = io.MultiReader(strings.NewReader("charge")) // a stream, which has no GetBody
	}
	r, err := http.NewRequestWithContext(t.Context(), method, s.url(), body)
	require.NoError(t, err)
	resp, err := over.RoundTrip(r)
	if err != nil {
		return 0, err
	}
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, hello, string(text))
	sent, _ = ductilehttp.Attempts(resp)
	return sent, resp.Body.Close()
}

// until gives the first n requests one fate, and answers the rest.
func until(n int64, f fate) func(int64) fate {
	return func(i int64) fate {
		if i <= n {
			return f
		}
		return answered
	}
}

func TestAnAnsweredRequestOverHTTP3IsSentOnce(t *testing.T) {
	s := newH3(t, until(0, answered))
	var attempts atomic.Int64
	over := s.transport(t, &attempts)
	for n := int64(1); n <= 5; n++ {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			sent, err := s.ask(t, over, method)
			require.NoError(t, err)
			assert.Equal(t, 1, sent)
		}
		assert.Equal(t, 2*n, s.requests.Load())
		assert.Equal(t, 2*n, attempts.Load())
	}
}

// quic-go sends what was rejected once more by itself, as net/http does over HTTP/2.
func TestARejectedGETOverHTTP3IsCountedAsOftenAsItIsSent(t *testing.T) {
	for rejections := int64(1); rejections <= 4; rejections++ {
		s := newH3(t, until(rejections, rejected))
		var attempts atomic.Int64
		sent, err := s.ask(t, s.transport(t, &attempts), http.MethodGet)
		require.NoError(t, err)
		assert.Equal(t, rejections+1, s.requests.Load())
		assert.EqualValues(t, rejections+1, sent)
		assert.Equal(t, rejections/2+1, attempts.Load())
	}
}

func TestAServerThatRejectsEachGETOverHTTP3EndsTheCall(t *testing.T) {
	s := newH3(t, until(1000, rejected))
	var attempts atomic.Int64
	_, err := s.ask(t, s.transport(t, &attempts), http.MethodGet)
	require.ErrorIs(t, err, retry.ErrExhausted)
	assert.EqualValues(t, 3, attempts.Load())
	assert.EqualValues(t, 6, s.requests.Load(), "twice in each attempt")
}

func TestABrokenGETOverHTTP3IsOneRequestInEachAttempt(t *testing.T) {
	for _, f := range []fate{broken, left} {
		s := newH3(t, until(2, f))
		var attempts atomic.Int64
		sent, err := s.ask(t, s.transport(t, &attempts), http.MethodGet)
		require.NoError(t, err)
		assert.Equal(t, 3, sent)
		assert.EqualValues(t, 3, attempts.Load())
		assert.EqualValues(t, 3, s.requests.Load())
	}
}

func TestABrokenPOSTOverHTTP3IsSentOnce(t *testing.T) {
	for _, f := range []fate{broken, left} {
		s := newH3(t, func(n int64) fate {
			if n == 2 {
				return f
			}
			return answered
		})
		var attempts atomic.Int64
		over := s.transport(t, &attempts)
		_, err := s.ask(t, over, http.MethodGet) // the protocol is known
		require.NoError(t, err)
		_, err = s.ask(t, over, http.MethodPost)
		require.Error(t, err)
		assert.EqualValues(t, 2, attempts.Load())
		assert.EqualValues(t, 2, s.requests.Load())
	}
}

func TestAServerThatHasGoneOverHTTP3IsAnError(t *testing.T) {
	s := newH3(t, func(n int64) fate {
		if n == 1 {
			return answered
		}
		return left
	})
	var attempts atomic.Int64
	over := s.transport(t, &attempts)
	_, err := s.ask(t, over, http.MethodGet)
	require.NoError(t, err)
	require.NoError(t, s.listener.Close())
	s.gone.Store(true)
	_, err = s.ask(t, over, http.MethodGet)
	require.ErrorIs(t, err, retry.ErrExhausted)
	assert.EqualValues(t, 1+3, attempts.Load())
	assert.LessOrEqual(t, s.requests.Load(), int64(2), "there is nothing to connect to")
}
