package ductilehttp_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/ductilehttp"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

func failingWith(err error) ductilehttp.HandlerFunc {
	return func(http.ResponseWriter, *http.Request) error { return err }
}

// ask runs a handler without a server.
func ask(t *testing.T, h http.Handler, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), "GET", "/", nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// throttled is a rejection that carries a wait.
type throttled struct{}

func (throttled) Error() string             { return "throttled" }
func (throttled) Is(target error) bool      { return target == policy.ErrRejected }
func (throttled) RetryAfter() time.Duration { return 1500 * time.Millisecond }

func TestAHandlerMapsPolicyErrorsToStatuses(t *testing.T) {
	clk := fake.NewClock()
	circuit := breaker.NewCircuit(breaker.Config{Clock: clk})
	circuit.Trip(7300*time.Millisecond, "test")
	_, open := circuit.Acquire()
	isolated := breaker.NewCircuit(breaker.Config{})
	isolated.Isolate("test")
	_, refused := isolated.Acquire()
	for name, c := range map[string]struct {
		err   error
		code  int
		after string
	}{
		"success":          {nil, 200, ""},
		"open":             {open, 503, "8"},
		"wrapped":          {fmt.Errorf("payment: %w", open), 503, "8"},
		"isolated":         {refused, 503, "1"},
		"timeout":          {&policy.TimeoutError{After: time.Second}, 503, "1"},
		"exhausted":        {&retry.Error{Reason: retry.ErrExhausted, Last: io.EOF}, 503, "1"},
		"budget":           {&retry.Error{Reason: retry.ErrBudget, Last: io.EOF}, 503, "1"},
		"deadline":         {context.DeadlineExceeded, 503, "1"},
		"rejected":         {policy.ErrRejected, 503, "1"},
		"throttled":        {throttled{}, 429, "2"},
		"429 further on":   {&ductilehttp.StatusError{StatusCode: 429}, 429, "1"},
		"503 further on":   {&ductilehttp.StatusError{StatusCode: 503}, 503, "1"},
		"404 further on":   {&ductilehttp.StatusError{StatusCode: 404}, 500, ""},
		"408, exhausted":   {&retry.Error{Reason: retry.ErrExhausted, Last: &ductilehttp.StatusError{StatusCode: 408}}, 503, "1"},
		"408, then open":   {&retry.Error{Reason: open, Last: &ductilehttp.StatusError{StatusCode: 408}}, 503, "1"},
		"425, then left":   {&retry.Error{Reason: context.Canceled, Last: &ductilehttp.StatusError{StatusCode: 425}}, 499, ""},
		"something secret": {errors.New("secret"), 500, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var told error
			h := ductilehttp.Handler(failingWith(c.err), ductilehttp.HandlerConfig{
				OnError: func(_ *http.Request, err error) { told = err },
			})
			w := ask(t, h)
			assert.Equal(t, c.code, w.Code)
			assert.Equal(t, c.after, w.Header().Get("Retry-After"))
			assert.Equal(t, c.err, told)
			if c.err != nil {
				assert.Equal(t, http.StatusText(c.code)+"\n", w.Body.String())
			}
		})
	}
}

func TestStatusCanBeReplaced(t *testing.T) {
	h := ductilehttp.Handler(failingWith(io.EOF), ductilehttp.HandlerConfig{
		Status: func(error) (int, time.Duration) { return http.StatusBadGateway, 0 },
	})
	w := ask(t, h)
	assert.Equal(t, 502, w.Code)
	assert.Empty(t, w.Header().Get("Retry-After"))
}

func TestAResponseThatHasBegunIsKept(t *testing.T) {
	h := ductilehttp.Handler(func(w http.ResponseWriter, _ *http.Request) error {
		w.WriteHeader(http.StatusEarlyHints)
		w.WriteHeader(http.StatusAccepted)
		return io.EOF
	}, ductilehttp.HandlerConfig{})
	s := serve(t, h.ServeHTTP)
	resp, err := s.base.RoundTrip(request(t, "GET", s.URL, nil))
	require.NoError(t, err)
	assert.Equal(t, 202, resp.StatusCode)
	assert.Empty(t, read(t, resp))

	h = ductilehttp.Handler(func(w http.ResponseWriter, _ *http.Request) error {
		w.WriteHeader(http.StatusEarlyHints)
		return policy.ErrRejected
	}, ductilehttp.HandlerConfig{})
	s = serve(t, h.ServeHTTP)
	resp, err = s.base.RoundTrip(request(t, "GET", s.URL, nil))
	require.NoError(t, err)
	assert.Equal(t, 503, resp.StatusCode, "an early hint is not the response")
	read(t, resp)
}

func TestAHandlersWriterSupportsTheServersMethods(t *testing.T) {
	for name, write := range map[string]func(w http.ResponseWriter) error{
		"Write": func(w http.ResponseWriter) error {
			_, err := io.WriteString(w, "ok")
			return err
		},
		"ReadFrom": func(w http.ResponseWriter) error {
			_, err := w.(io.ReaderFrom).ReadFrom(strings.NewReader("ok"))
			return err
		},
		"Flush": func(w http.ResponseWriter) error {
			w.(http.Flusher).Flush()
			_, err := io.WriteString(w, "ok")
			return err
		},
		"controller": func(w http.ResponseWriter) error {
			if err := http.NewResponseController(w).SetWriteDeadline(time.Now().Add(time.Minute)); err != nil {
				return err
			}
			_, err := io.WriteString(w, "ok")
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, ductilehttp.Handler(func(w http.ResponseWriter, _ *http.Request) error {
				assert.NoError(t, write(w))
				return io.EOF
			}, ductilehttp.HandlerConfig{}).ServeHTTP)
			resp, err := s.base.RoundTrip(request(t, "GET", s.URL, nil))
			require.NoError(t, err)
			assert.Equal(t, 200, resp.StatusCode)
			assert.Equal(t, "ok", read(t, resp))
		})
	}
	s := serve(t, ductilehttp.Handler(func(w http.ResponseWriter, r *http.Request) error {
		echo(w, r)
		return io.EOF
	}, ductilehttp.HandlerConfig{}).ServeHTTP)
	cfg, _ := config(s.base)
	resp, err := ductilehttp.NewTransport(cfg).RoundTrip(upgrade(t, s.URL))
	require.NoError(t, err)
	talk(t, resp)

	_, _, err = bufioHijack(httptest.NewRecorder())
	require.ErrorIs(t, err, http.ErrNotSupported)
}

// bufioHijack requests the connection of a handler's writer, which has none.
func bufioHijack(w http.ResponseWriter) (c io.Closer, b *bufio.ReadWriter, err error) {
	ductilehttp.Handler(func(w http.ResponseWriter, _ *http.Request) error {
		c, b, err = w.(http.Hijacker).Hijack()
		return nil
	}, ductilehttp.HandlerConfig{}).ServeHTTP(w, httptest.NewRequestWithContext(context.Background(), "GET", "/", nil))
	return c, b, err
}

func TestAHandlerRespectsTheCallersTimeLeft(t *testing.T) {
	for _, c := range []struct {
		header string
		most   time.Duration
		want   time.Duration // 0 means none
	}{
		{"1500", 0, 1500 * time.Millisecond}, {"60000", 0, 30 * time.Second}, {"60000", -1, time.Minute}, {"60000", time.Second, time.Second},
		{"", 0, 30 * time.Second}, {"", -1, 0}, {"soon", -1, 0}, {"-5", -1, 0}, {"1.5", -1, 0}, {"12345678901", -1, 0}, {"9999999999", -1, 9999999999 * time.Millisecond},
	} {
		clk := fake.NewClock()
		h := ductilehttp.Handler(func(_ http.ResponseWriter, r *http.Request) error {
			deadline, ok := r.Context().Deadline()
			assert.Equal(t, c.want > 0, ok, "%+v", c)
			if ok {
				assert.Equal(t, c.want, deadline.Sub(clk.Now()), "%+v", c)
			}
			return nil
		}, ductilehttp.HandlerConfig{MaxTimeout: c.most, Clock: clk})
		assert.Equal(t, 200, ask(t, h, ductilehttp.DefaultTimeoutHeader, c.header).Code)
		assert.Zero(t, clk.Waiters())
	}
}

func TestAHandlerThatTimesOutAnswers503(t *testing.T) {
	clk := fake.NewClock(fake.AutoAdvance())
	h := ductilehttp.Handler(func(_ http.ResponseWriter, r *http.Request) error {
		return policy.Sleep(r.Context(), clk, time.Minute)
	}, ductilehttp.HandlerConfig{TimeoutHeader: "X-Left", Clock: clk})
	assert.Equal(t, 503, ask(t, h, "X-Left", "100").Code)
	assert.Equal(t, 100*time.Millisecond, clk.Now().Sub(fake.NewClock().Now()))

	calls := fake.NewFunc[int]()
	h = ductilehttp.Handler(func(_ http.ResponseWriter, r *http.Request) error {
		_, err := calls.Do(r.Context())
		return err
	}, ductilehttp.HandlerConfig{})
	assert.Equal(t, 503, ask(t, h, ductilehttp.DefaultTimeoutHeader, "0").Code)
	assert.Zero(t, calls.Calls(), "no time, no call")
}

func TestATransportSendsTheTimeLeftToAHandler(t *testing.T) {
	clk := fake.NewClock(fake.AutoAdvance())
	var left []time.Duration
	s := serve(t, ductilehttp.Handler(func(_ http.ResponseWriter, r *http.Request) error {
		deadline, _ := r.Context().Deadline()
		left = append(left, deadline.Sub(clk.Now()))
		return policy.ErrRejected
	}, ductilehttp.HandlerConfig{Clock: clk}).ServeHTTP)
	cfg := ductilehttp.Config{
		Base: s.base, Retry: retry.Config{Clock: clk, JitterFactor: retry.NoJitter}, TimeoutHeader: ductilehttp.DefaultTimeoutHeader,
		AttemptTimeout: 4 * time.Second, TotalTimeout: 6 * time.Second,
	}
	do(t, cfg, request(t, "GET", s.URL, nil))
	assert.Equal(t, []time.Duration{4 * time.Second, 4 * time.Second, 4 * time.Second}, left)

	left = nil
	cfg.AttemptTimeout, cfg.TotalTimeout = -1, 6*time.Second
	do(t, cfg, request(t, "GET", s.URL, nil))
	assert.Equal(t, []time.Duration{6 * time.Second, 5 * time.Second, 4 * time.Second}, left, "Retry-After is 1")

	left = nil
	cfg.AttemptTimeout, cfg.TotalTimeout = -1, -1
	r := request(t, "GET", s.URL, nil)
	do(t, cfg, r)
	assert.Equal(t, []time.Duration{30 * time.Second, 30 * time.Second, 30 * time.Second}, left, "none was sent")

	left = nil
	cfg.AttemptTimeout = 4 * time.Second
	cfg.Retry.MaxAttempts = 1
	r.Header.Set(ductilehttp.DefaultTimeoutHeader, "250")
	do(t, cfg, r)
	assert.Equal(t, []time.Duration{250 * time.Millisecond}, left, "a caller with less time left, such as a proxy's, keeps its value")
}

func TestHandlerPanicsOnInvalidArguments(t *testing.T) {
	assert.PanicsWithValue(t, "ductilehttp: Handler: next is nil, want a function", func() {
		ductilehttp.Handler(nil, ductilehttp.HandlerConfig{})
	})
	want := `ductilehttp: HandlerConfig.TimeoutHeader is "a b", want a header's name`
	assert.PanicsWithError(t, want, func() {
		ductilehttp.Handler(failingWith(nil), ductilehttp.HandlerConfig{TimeoutHeader: "a b"})
	})
}

func TestATransportClosesTheIdleConnectionsOfItsBase(t *testing.T) {
	s := serve(t, statuses(200))
	cfg, _ := config(s.base)
	tr := ductilehttp.NewTransport(cfg)
	client := &http.Client{Transport: tr}
	for range 2 {
		resp, err := client.Do(request(t, "GET", s.URL, nil))
		require.NoError(t, err)
		read(t, resp)
		client.CloseIdleConnections()
	}
	assert.EqualValues(t, 2, s.connections.Load())
	okTransport(func(*ductilehttp.Config) {}).CloseIdleConnections() // the base has no such method
}
