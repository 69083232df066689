package ductilehttp_test

import (
	"io"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/ductile-go/ductile/ductilehttp"
	"github.com/ductile-go/ductile/fake"
)

// Each test here checks for a fault known from other libraries.

func TestAnInvalidRetryAfterMeansTheNormalBackoff(t *testing.T) {
	for _, v := range []string{
		"-1", "0.5", "1.5", "99999999999999999999999", "9223372036854775807", "31536001", "soon", "1e3", "+5", "0x10", "5s", "1, 2",
		"Fri, 31 Dec 9999 23:59:59 GMT", "Sat, 32 Jan 2000 00:00:00 GMT", "Sat, 01 Jan 2000 00:00:05", "",
		"0", "Fri, 31 Dec 1999 23:59:59 GMT", // valid, but shorter than the backoff
	} {
		s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", v)
			w.WriteHeader(http.StatusServiceUnavailable)
		})
		cfg, clk := config(s.base)
		do(t, cfg, request(t, "GET", s.URL, nil))
		assert.Equal(t, []time.Duration{500 * time.Millisecond, time.Second}, clk.Sleeps(), v)
	}
}

func TestRetryAfterIsRespectedInEveryForm(t *testing.T) {
	for _, v := range []string{
		"5", " 5 ", "005", "Sat, 01 Jan 2000 00:00:05 GMT", "Saturday, 01-Jan-00 00:00:05 GMT", "Sat Jan  1 00:00:05 2000",
	} {
		var n atomic.Int64
		s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			if n.Add(1) == 1 {
				w.Header().Set("Date", "Sat, 01 Jan 2000 00:00:00 GMT") // dates are measured from it
				w.Header().Set("Retry-After", v)
				w.WriteHeader(http.StatusTooManyRequests)
			}
		})
		cfg, clk := config(s.base)
		code, _ := do(t, cfg, request(t, "GET", s.URL, nil))
		assert.Equal(t, 200, code)
		assert.Equal(t, []time.Duration{5 * time.Second}, clk.Sleeps(), v)
	}
}

func TestJitterNeverEndsBeforeTheRetryAfter(t *testing.T) {
	for random, want := range map[float64]time.Duration{0: 5 * time.Second, 0.5: 5250 * time.Millisecond} {
		s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "5")
			w.WriteHeader(http.StatusServiceUnavailable)
		})
		cfg, clk := config(s.base)
		cfg.Retry.MaxAttempts, cfg.Retry.JitterFactor, cfg.Retry.Rand = 2, 0, fake.Rand(random)
		do(t, cfg, request(t, "GET", s.URL, nil))
		assert.Equal(t, []time.Duration{want}, clk.Sleeps())
	}
}

func TestALongRetryAfterReturnsTheResponseImmediately(t *testing.T) {
	for name, c := range map[string]struct {
		after string
		set   func(*ductilehttp.Config)
	}{
		"beyond MaxRetryAfter": {"31", func(*ductilehttp.Config) {}},
		"beyond the total":     {"20", func(c *ductilehttp.Config) { c.TotalTimeout = 19 * time.Second }},
		"just the total":       {"20", func(c *ductilehttp.Config) { c.TotalTimeout = 20 * time.Second }},
		"beyond MaxElapsed":    {"20", func(c *ductilehttp.Config) { c.Retry.MaxElapsed = 19 * time.Second }},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Retry-After", c.after)
				w.WriteHeader(http.StatusServiceUnavailable)
				_, _ = io.WriteString(w, "not now")
			})
			cfg, clk := config(s.base)
			c.set(&cfg)
			code, body := do(t, cfg, request(t, "GET", s.URL, nil))
			assert.Equal(t, 503, code)
			assert.Equal(t, "not now", body)
			assert.Empty(t, clk.Sleeps())
			assert.EqualValues(t, 1, s.requests.Load())
		})
	}
}

func TestAJitteredHintMayExceedMaxRetryAfter(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "29")
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	cfg, clk := config(s.base)
	cfg.Retry.MaxAttempts, cfg.Retry.JitterFactor, cfg.Retry.Rand, cfg.TotalTimeout = 2, 1, fake.Rand(0.9), time.Minute
	do(t, cfg, request(t, "GET", s.URL, nil))
	assert.Equal(t, []time.Duration{29*time.Second + 29*time.Second*9/10}, clk.Sleeps(), "the jitter may exceed MaxRetryAfter")
}
