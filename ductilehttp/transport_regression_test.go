package ductilehttp_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/ductilehttp"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
)

// leaving runs f on its own goroutine, which f may end by a panic or by Goexit.
func leaving(f func()) {
	var ended sync.WaitGroup
	ended.Go(func() {
		defer func() { _ = recover() }()
		f()
	})
	ended.Wait()
}

var leaves = map[string]func(){"panic": func() { panic("rule") }, "Goexit": runtime.Goexit}

func TestTheBodyIsClosedIfARulePanicsOrExits(t *testing.T) {
	for name, leave := range leaves {
		t.Run(name, func(t *testing.T) {
			cfg, _ := config(tripper(func(*http.Request) (*http.Response, error) { return nil, io.EOF }))
			cfg.RetryRequest = func(*http.Request) bool { leave(); return true }
			body := &closeCounter{Reader: strings.NewReader("body")}
			leaving(func() {
				_, _ = ductilehttp.NewTransport(cfg).RoundTrip(request(t, "PUT", "http://h.example/", body))
			})
			assert.EqualValues(t, 1, body.closed.Load())
		})
	}
}

// unsought is a body whose Seek does not return.
type unsought struct {
	*closeCounter
	leave func()
}

func (u unsought) Seek(int64, int) (int64, error) { u.leave(); return 0, nil }

func TestTheBodyIsClosedIfItsSeekPanicsOrExits(t *testing.T) {
	for name, leave := range leaves {
		t.Run(name, func(t *testing.T) {
			body := unsought{&closeCounter{Reader: strings.NewReader("body")}, leave}
			leaving(func() {
				_, _ = ductilehttp.NewTransport(ductilehttp.Config{}).RoundTrip(request(t, "PUT", "http://h.example/", body))
			})
			assert.EqualValues(t, 1, body.closed.Load())
		})
	}
}

func TestAnAttemptsContextEndsIfTheBasePanicsOrExits(t *testing.T) {
	for name, leave := range leaves {
		t.Run(name, func(t *testing.T) {
			var sent context.Context
			base := tripper(func(r *http.Request) (*http.Response, error) {
				sent = r.Context()
				leave()
				return nil, nil
			})
			for _, cfg := range []ductilehttp.Config{{Base: base, AttemptTimeout: -1, TotalTimeout: -1}, own(base)} {
				leaving(func() {
					_, _ = ductilehttp.NewTransport(cfg).RoundTrip(request(t, "GET", "http://h.example/", nil))
				})
				assert.Error(t, sent.Err())
			}
		})
	}
}

// leaver is a body whose Close does not return.
type leaver struct {
	io.Reader
	leave func()
}

func (l leaver) Close() error { l.leave(); return nil }

func TestContextsEndIfClosingAResponsePanicsOrExits(t *testing.T) {
	for name, leave := range leaves {
		t.Run(name, func(t *testing.T) {
			var sent context.Context
			base := tripper(func(r *http.Request) (*http.Response, error) {
				sent = r.Context()
				resp := answer(r, 200, "")
				resp.Body = leaver{strings.NewReader("x"), leave}
				return resp, nil
			})
			resp, err := ductilehttp.NewTransport(ductilehttp.Config{Base: base}).RoundTrip(request(t, "GET", "http://h.example/", nil))
			require.NoError(t, err)
			leaving(func() { _ = resp.Body.Close() })
			assert.Error(t, sent.Err())
		})
	}
}

func TestAGetBodyThatReturnsNilEndsTheRequest(t *testing.T) {
	s := serve(t, statuses(503))
	cfg, _ := config(s.base)
	r := request(t, "PUT", s.URL, strings.NewReader("body"))
	r.GetBody = func() (io.ReadCloser, error) { return nil, nil }
	resp, err := ductilehttp.NewTransport(cfg).RoundTrip(r)
	require.ErrorContains(t, err, "GetBody")
	assert.True(t, ductilehttp.IsRequestError(err))
	assert.Nil(t, resp)
}

func TestAnAttemptInAPipelineHasTheTimeoutsDeadline(t *testing.T) {
	clk := fake.NewClock()
	limit := policy.NewTimeout[*http.Response](policy.TimeoutConfig{After: time.Minute, Clock: clk})
	var deadline time.Time
	var header string
	cfg := own(tripper(func(r *http.Request) (*http.Response, error) {
		deadline, _ = r.Context().Deadline()
		header = r.Header.Get(ductilehttp.DefaultTimeoutHeader)
		return answer(r, 200, ""), nil
	}), limit)
	cfg.TimeoutHeader = ductilehttp.DefaultTimeoutHeader
	do(t, cfg, request(t, "GET", "http://h.example/", nil))
	assert.Equal(t, clk.Now().Add(time.Minute), deadline)
	assert.NotEmpty(t, header)
}

func TestATimeoutInAPipelineIsNotACancel(t *testing.T) {
	clk := fake.NewClock(fake.AutoAdvance())
	limit := policy.NewTimeout[*http.Response](policy.TimeoutConfig{After: time.Second, Clock: clk})
	sent := 0
	base := tripper(func(r *http.Request) (*http.Response, error) {
		sent++
		clk.Advance(time.Second)
		<-r.Context().Done()
		assert.ErrorIs(t, r.Context().Err(), context.DeadlineExceeded)
		assert.ErrorIs(t, context.Cause(r.Context()), context.DeadlineExceeded)
		return nil, r.Context().Err()
	})
	_, err := ductilehttp.NewTransport(own(base, plainRetry(clk), limit)).RoundTrip(request(t, "GET", "http://h.example/", nil))
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.NotErrorIs(t, err, context.Canceled)
	assert.Equal(t, 3, sent)
}

// greedy answers 503 and continues to read the request body.
type greedy struct {
	sent int
	read chan struct{} // continues to read when this is closed
	done chan struct{} // closed when it has read the body
}

func (g *greedy) RoundTrip(r *http.Request) (*http.Response, error) {
	g.sent++
	if g.sent > 1 {
		b, err := io.ReadAll(r.Body)
		_ = r.Body.Close()
		if err != nil {
			return nil, err
		}
		return answer(r, 200, string(b[:4])), nil
	}
	_, _ = io.ReadFull(r.Body, make([]byte, 10))
	go func() {
		defer close(g.done)
		defer func() { _ = r.Body.Close() }()
		<-g.read
		_, _ = io.Copy(io.Discard, r.Body)
	}()
	return answer(r, 503, "busy"), nil
}

func TestAnUploadInFlightDoesNotSpoilTheNext(t *testing.T) {
	g := &greedy{read: make(chan struct{}), done: make(chan struct{})}
	cfg, _ := config(g)
	cfg.Retry.OnRetry = func(context.Context, policy.Event) {
		close(g.read)
		<-g.done
	}
	body := &closeCounter{Reader: io.MultiReader(bytes.NewReader(pattern(ductilehttp.DefaultMaxBufferedBody + 1)))}
	code, got := do(t, cfg, request(t, "PUT", "http://h.example/", body))
	assert.Equal(t, 200, code)
	assert.Equal(t, string(pattern(4)), got)
	assert.EqualValues(t, 1, body.closed.Load())
}

func TestAWrongContentLengthIsARequestFault(t *testing.T) {
	protocols(t, func(t *testing.T, _ int, overTLS func(*httptest.Server)) {
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if _, err := io.Copy(io.Discard, r.Body); err == nil {
				hang(w, r)
			}
			panic(http.ErrAbortHandler)
		}, overTLS)
		cfg, clk := config(s.base)
		cfg.AttemptTimeout, cfg.TotalTimeout = -1, -1
		r := request(t, "PUT", s.URL, io.MultiReader(strings.NewReader("longer than said")))
		r.ContentLength = 3
		resp, err := ductilehttp.NewTransport(cfg).RoundTrip(r)
		require.Nil(t, resp)
		assert.True(t, ductilehttp.IsRequestError(err), "%v", err)
		assert.Empty(t, clk.Sleeps())
	})
}

func TestAContentLengthWithoutABodyIsARequestFault(t *testing.T) {
	for _, method := range []string{"GET", "PUT", "POST"} {
		s := serve(t, statuses(200))
		cfg, clk := config(s.base)
		tr := ductilehttp.NewTransport(cfg)
		r := request(t, method, s.URL, nil)
		r.ContentLength = 5
		_, err := tr.RoundTrip(r)
		require.EqualError(t, err, "http: Request.ContentLength=5 with nil Body")
		assert.True(t, ductilehttp.IsRequestError(err))
		circuit, _ := tr.Circuits().Get(s.URL)
		assert.Zero(t, circuit.Snapshot().Counts.Failures)
		assert.Empty(t, clk.Sleeps())
		assert.Zero(t, s.requests.Load())
	}
}

// net/http closes the connection under a body of another length, and sometimes says only that,
// or that TLS has ended.
func TestAClosedConnectionIsARequestFaultIfTheContentLengthIsWrong(t *testing.T) {
	for _, body := range []func() io.Reader{
		func() io.Reader { return strings.NewReader("8 bytes.") },
		func() io.Reader { return io.MultiReader(strings.NewReader("8 bytes.")) },
	} {
		for length, wrong := range map[int64]bool{3: true, 7: true, 8: false, 9: true, -1: false} {
			for idle, closed := range map[time.Duration]error{0: io.EOF, ductilehttp.NoWriteIdle: net.ErrClosed} {
				sent := 0
				cfg, _ := config(tripper(func(r *http.Request) (*http.Response, error) {
					sent++
					_, err := io.Copy(io.Discard, r.Body)
					return nil, errors.Join(err, r.Body.Close(), closed)
				}))
				cfg.WriteIdle, cfg.Retry.MaxAttempts = idle, 2
				r := request(t, "PUT", "http://localhost", body())
				r.ContentLength = length
				_, err := ductilehttp.NewTransport(cfg).RoundTrip(r)
				require.ErrorIs(t, err, closed)
				assert.Equal(t, wrong, ductilehttp.IsRequestError(err), "%d: %v", length, err)
				assert.Equal(t, map[bool]int{true: 1, false: 2}[wrong], sent)
			}
		}
	}
}

func TestARejectedClientCertificateIsFinal(t *testing.T) {
	issuer := httptest.NewUnstartedServer(nil)
	issuer.StartTLS()
	issuer.Close()
	terms := &tls.Config{Certificates: issuer.TLS.Certificates, ClientAuth: tls.RequireAnyClientCert}
	here, there := net.Pipe() // on a pipe, no reset can overtake the alert
	go func() {
		_ = tls.Server(there, terms).HandshakeContext(t.Context())
		_ = there.Close()
	}()
	stranger := tls.Client(here, &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // the server does not trust this client
	_, err := stranger.Read(make([]byte, 1))
	require.Error(t, err)
	assert.True(t, ductilehttp.IsCertificateError(err), "%v", err)
	_ = here.Close()

	for alert, final := range map[string]bool{
		"tls: handshake failure": true, "tls: bad certificate": true, "tls: unknown certificate authority": true,
		"tls: protocol version not supported": true, "tls: internal error": false, "tls: bad record MAC": false,
	} {
		err := fmt.Errorf("wrapped: %w", &net.OpError{Op: "remote error", Err: errors.New(alert)})
		assert.Equal(t, final, ductilehttp.IsCertificateError(err), alert)
	}
}

// copying is a policy that returns a copy of the response.
type copying struct{}

func (copying) Execute(ctx context.Context, next policy.Call[*http.Response]) (*http.Response, error) {
	resp, err := next.Do(ctx)
	if resp != nil {
		c := *resp
		resp = &c
	}
	return resp, err
}

func TestACopyOfAResponseIsReadable(t *testing.T) {
	for _, want := range []int{200, 503} {
		s := serve(t, statuses(want))
		code, got := do(t, own(s.base, copying{}), request(t, "GET", s.URL, nil))
		assert.Equal(t, want, code)
		assert.Equal(t, http.StatusText(want), got)
	}
}
