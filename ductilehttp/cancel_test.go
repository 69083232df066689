package ductilehttp_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/ductilehttp"
)

// legacy sends no response and reports the deprecated Cancel as net/http does.
func legacy(r *http.Request) (*http.Response, error) {
	//lint:ignore SA1019 http.Client sets it
	<-r.Cancel //nolint:staticcheck // as above
	return nil, errors.New("net/http: request canceled")
}

func TestAClientTimeoutCountsAsAServerFailure(t *testing.T) {
	for name, cfg := range map[string]func(*breaker.Circuit) ductilehttp.Config{
		"default": func(c *breaker.Circuit) ductilehttp.Config {
			return ductilehttp.Config{Base: tripper(legacy), Circuit: c}
		},
		"own": func(c *breaker.Circuit) ductilehttp.Config {
			return own(tripper(legacy), breaker.New[*http.Response](c))
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				circuit := breaker.NewCircuit(breaker.Config{})
				c := &http.Client{Transport: ductilehttp.NewTransport(cfg(circuit)), Timeout: time.Second}
				_, err := c.Do(request(t, "GET", "http://h.example", nil))
				require.Error(t, err)
				assert.EqualValues(t, 1, circuit.Snapshot().Counts.Failures)
			})
		})
	}
}

func TestADeprecatedCancelIsIgnored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		circuit := breaker.NewCircuit(breaker.Config{})
		c := &http.Client{Transport: ductilehttp.NewTransport(ductilehttp.Config{Base: tripper(legacy), Circuit: circuit}), Timeout: time.Second}
		cancel := make(chan struct{})
		r := request(t, "GET", "http://h.example", nil)
		//lint:ignore SA1019 it is the subject
		r.Cancel = cancel //nolint:staticcheck // as above
		time.AfterFunc(time.Second/2, func() { close(cancel) })
		_, err := c.Do(r)
		require.Error(t, err)
		assert.Zero(t, circuit.Snapshot().Counts.Failures)
	})
}

// faultList is an error that == cannot compare.
type faultList []string

func (l faultList) Error() string { return strings.Join(l, ", ") }

func TestADeadlineMayHaveACauseThatCannotBeCompared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cause := faultList{"too late"}
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, cause)
		defer cancel()
		base := tripper(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			synctest.Wait() // all that follows the deadline has heard of it
			assert.Equal(t, cause, context.Cause(r.Context()))
			return nil, r.Context().Err()
		})
		_, err := ductilehttp.NewTransport(ductilehttp.Config{Base: base}).RoundTrip(request(t, "GET", "http://h.example", nil).WithContext(ctx))
		require.ErrorIs(t, err, context.DeadlineExceeded)
	})
}
