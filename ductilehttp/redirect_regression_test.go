package ductilehttp_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/ductilehttp"
	"github.com/ductile-go/ductile/policy"
)

// redirecting redirects a call once, after a delay.
func redirecting(after time.Duration, second func(*http.Request)) tripper {
	var n atomic.Int64
	return func(r *http.Request) (*http.Response, error) {
		if n.Add(1) == 1 {
			time.Sleep(after)
			return answer(r, 307, "", "Location", "/there"), nil
		}
		second(r)
		return answer(r, 200, "{}"), nil
	}
}

func TestARedirectKeepsTheTotalTimeOfAnOverride(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var left time.Duration
		base := redirecting(2*time.Second, func(r *http.Request) {
			deadline, ok := r.Context().Deadline()
			require.True(t, ok)
			left = time.Until(deadline)
		})
		c := ductilehttp.NewClient(ductilehttp.ClientConfig{BaseURL: "http://h.example", Base: base})
		ctx := ductilehttp.WithOverride(t.Context(), ductilehttp.Override{TotalTimeout: 6 * time.Second, AttemptTimeout: -1})
		require.NoError(t, c.Get(ctx, "/here", nil))
		assert.Equal(t, 4*time.Second, left)
	})
}

func TestARedirectWithoutATotalTimeoutIsFollowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		base := redirecting(time.Hour, func(*http.Request) {})
		c := ductilehttp.NewClient(ductilehttp.ClientConfig{BaseURL: "http://h.example", Base: base})
		ctx := ductilehttp.WithOverride(t.Context(), ductilehttp.Override{TotalTimeout: -1, AttemptTimeout: -1})
		require.NoError(t, c.Get(ctx, "/here", nil))
	})
}

func TestARedirectIsFollowedIfTheAttemptTimeoutNoLongerFits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		base := redirecting(4*time.Second, func(*http.Request) {})
		c := ductilehttp.NewClient(ductilehttp.ClientConfig{BaseURL: "http://h.example", Base: base})
		ctx := ductilehttp.WithOverride(t.Context(), ductilehttp.Override{TotalTimeout: 8 * time.Second, AttemptTimeout: 5 * time.Second})
		require.NoError(t, c.Get(ctx, "/here", nil))
	})
}

func TestTheGetAfterAWriteHasNoHeadersOfItsBody(t *testing.T) {
	var got http.Header
	base := tripper(func(r *http.Request) (*http.Response, error) {
		if r.Method == http.MethodPost {
			return answer(r, 303, "", "Location", "/there"), nil
		}
		got = r.Header
		assert.Nil(t, r.Trailer)
		return answer(r, 200, "{}"), nil
	})
	c := ductilehttp.NewClient(ductilehttp.ClientConfig{BaseURL: "http://h.example", Base: base})
	require.NoError(t, c.Post(t.Context(), "/here", "compressed", nil, ductilehttp.Idempotent(),
		ductilehttp.Header("Content-Encoding", "gzip"), ductilehttp.Header("Content-Digest", "sha-256=:AA==:"), ductilehttp.Header("Expect", "100-continue"),
		ductilehttp.Header("X-API-Key", "key"), func(r *http.Request) { r.Trailer = http.Header{"X-Sum": {"1"}} }))
	assert.Equal(t, http.Header{"Accept": {"application/json"}, "X-Api-Key": {"key"}}, got)
}

func TestARedirectOfABodyThatCannotBeReadAgainIsAnError(t *testing.T) {
	open := func() (io.ReadCloser, error) { return io.NopCloser(stream([]byte("all of it"))), nil }
	upload := func(r *http.Request) { r.Body, _ = open() }
	again := func(r *http.Request) { r.Body, _ = open(); r.GetBody = open }
	for name, test := range map[string]struct {
		body     ductilehttp.Option
		followed bool
	}{"without GetBody": {upload, false}, "with GetBody": {again, true}} {
		t.Run(name, func(t *testing.T) {
			var arrived []string
			base := redirecting(0, func(*http.Request) {})
			reading := tripper(func(r *http.Request) (*http.Response, error) {
				body, err := io.ReadAll(r.Body)
				arrived = append(arrived, string(body))
				require.NoError(t, errors.Join(err, r.Body.Close()))
				return base(r)
			})
			c := ductilehttp.NewClient(ductilehttp.ClientConfig{BaseURL: "http://h.example", Base: reading})
			err := c.Put(t.Context(), "/here", nil, nil, test.body)
			if test.followed {
				require.NoError(t, err)
				assert.Equal(t, []string{"all of it", "all of it"}, arrived)
				return
			}
			var status *ductilehttp.StatusError
			require.ErrorAs(t, err, &status)
			assert.Equal(t, http.StatusTemporaryRedirect, status.StatusCode)
			assert.Equal(t, []string{"all of it"}, arrived)
		})
	}
}

// late is a clock that jumps one hour ahead at a given reading.
type late struct {
	policy.Clock
	readings atomic.Int64
	from     atomic.Int64
}

func (c *late) Now() time.Time {
	now := time.Now()
	if from := c.from.Load(); from > 0 && c.readings.Add(1) >= from {
		return now.Add(time.Hour)
	}
	return now
}

func (c *late) After(d time.Duration) <-chan time.Time { return time.After(d) }

func (c *late) WithTimeout(parent context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(parent, d)
}

func TestARedirectAtTheDeadlineKeepsTheTimeLimit(t *testing.T) {
	for from := range int64(20) {
		synctest.Test(t, func(t *testing.T) {
			clk := &late{}
			var n atomic.Int64
			base := tripper(func(r *http.Request) (*http.Response, error) {
				if n.Add(1) == 1 {
					clk.from.Store(from + 1)
					return answer(r, 307, "", "Location", "/there"), nil
				}
				_, limited := r.Context().Deadline()
				assert.True(t, limited, "from reading %d", from+1)
				return answer(r, 200, "{}"), nil
			})
			tr := ductilehttp.NewTransport(ductilehttp.Config{Base: base, Clock: clk, AttemptTimeout: -1})
			_ = ductilehttp.NewClient(ductilehttp.ClientConfig{BaseURL: "http://h.example", Base: tr}).Get(t.Context(), "/here", nil)
		})
	}
}
