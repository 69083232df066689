package ductilehttp_test

import (
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/ductilehttp"
	"github.com/ductile-go/ductile/retry"
)

// The outer Transport must not mistake the inner one's attempts for repeats by net/http.
func TestANestedTransportMakesItsOwnAttempts(t *testing.T) {
	for _, method := range []string{"GET", "PUT"} {
		for name, late := range map[string]bool{"broken": false, "timed out": true} {
			t.Run(method+" "+name, func(t *testing.T) {
				cfg, clk := config(nil)
				var n atomic.Int64
				s := serve(t, func(w http.ResponseWriter, r *http.Request) {
					_, _ = io.Copy(io.Discard, r.Body)
					switch {
					case n.Add(1) > 1:
						return
					case late:
						clk.Advance(time.Second)
						hang(w, r)
					}
					panic(http.ErrAbortHandler)
				})
				cfg.Base, cfg.AttemptTimeout = s.base, time.Second
				outer := ductilehttp.NewTransport(ductilehttp.Config{
					Base: ductilehttp.NewTransport(cfg), Retry: retry.Config{MaxAttempts: 1},
				})
				var body io.Reader
				if method == "PUT" {
					body = strings.NewReader("body")
				}
				require.NoError(t, send(t, outer, method, s.URL, body))
				assert.EqualValues(t, 2, s.requests.Load())
			})
		}
	}
}
