package bench_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func BenchmarkLoopbackFirst(b *testing.B) { measure(b, "LoopbackFirst") }
func BenchmarkLoopbackThird(b *testing.B) { measure(b, "LoopbackThird") }

// BenchmarkConnections reports how many a run needs.
func BenchmarkConnections(b *testing.B) {
	for _, c := range connections() {
		b.Run("lib="+c.lib+"/mode=serial", func(b *testing.B) {
			do := c.bind(succeed)
			made := 0
			b.ReportAllocs()
			for b.Loop() {
				n, err := do(b.Context())
				if err != nil {
					b.Fatal(err)
				}
				made += n
			}
			b.ReportMetric(float64(made)/float64(b.N), "conns")
		})
	}
}

func TestLoopbackClientsGetTheirAnswers(t *testing.T) {
	for _, name := range []string{"LoopbackFirst", "LoopbackThird"} {
		for _, c := range workloads[name].contenders() {
			t.Run(name+"/"+c.lib, func(t *testing.T) {
				do := c.bind(succeed)
				for range 10 {
					code, err := do(t.Context())
					require.NoError(t, err)
					require.Equal(t, http.StatusOK, code)
				}
			})
		}
	}
}

func TestConnectionsAreUsedAgainByAllButOne(t *testing.T) {
	for _, c := range connections() {
		t.Run(c.lib, func(t *testing.T) {
			n, err := c.bind(succeed)(t.Context())
			require.NoError(t, err)
			// Not exactly 1 and a half: after a stop of the machine, the connection may not be
			// idle yet when the next request begins, or be closed as too slow to drain.
			if strings.HasPrefix(c.lib, "failsafe") { // as its note says
				assert.GreaterOrEqual(t, n, gets/2)
			} else {
				assert.Less(t, n, gets/20)
			}
		})
	}
}

// loopback is a server in this process.
type loopback struct {
	*httptest.Server
	made atomic.Int64 // connections
}

func newLoopback(broken func(n int64) bool) *loopback {
	l := &loopback{}
	var requests atomic.Int64
	l.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if broken(requests.Add(1)) {
			http.Error(w, strings.Repeat("out of order ", 64), http.StatusServiceUnavailable)
			return
		}
		_, _ = io.WriteString(w, hello)
	}))
	l.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			l.made.Add(1)
		}
	}
	l.Start()
	return l
}

// onLoopback gives each library's client a server of its own, which lives as long as the
// process.
func onLoopback(broken func(n int64) bool) func() []contender {
	servers := make([]func() *loopback, len(httpClients))
	for i := range servers {
		servers[i] = sync.OnceValue(func() *loopback { return newLoopback(broken) })
	}
	return func() (all []contender) {
		for i, c := range httpClients {
			all = append(all, asking(c, &http.Transport{MaxIdleConnsPerHost: 64}, servers[i]().URL))
		}
		return all
	}
}

// gets is how many calls there are in each run of [connections].
const gets = 1000

// connections returns contenders that make their calls to a fresh server, one after the
// other, and return how many connections these took.
func connections() (all []contender) {
	for _, c := range httpClients {
		all = append(all, contender{c.lib, func(f callee) call {
			return func(ctx context.Context) (int, error) {
				server, base := newLoopback(everyThird), &http.Transport{}
				defer server.Close()
				defer base.CloseIdleConnections()
				do := asking(c, base, server.URL).bind(f)
				for n := range gets {
					if code, err := do(ctx); err != nil || code != http.StatusOK {
						return 0, fmt.Errorf("call %d: status %d: %w", n, code, err)
					}
				}
				return int(server.made.Load()), nil
			}
		}})
	}
	return all
}
