package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/ductilehttp"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// The soak sends requests of every kind to misbehaving servers, over each protocol and
// through real proxies. The servers count the requests: no attempt may arrive twice, and no
// POST without a key more than once.

// Headers that a server uses to count.
const (
	callHeader    = "X-Call"
	attemptHeader = "X-Attempt"
)

// soaked are the results of a soak over one path to a server.
type soaked struct {
	name     string
	calls    int64
	answered int64 // calls that ended with a response
	attempts int64 // requests that were about to be sent
	unsent   int64 // of these, the ones that ended before their header was written
	lost     int64 // of these, the ones that the server did not read: it refused the stream or closed the connection
	repeated int64 // requests that net/http sent once more because an HTTP/2 server went away
	arrived  int64 // requests that the server counted
	faults   []string
}

// target is a server, and the path to it.
type target struct {
	name string
	url  string
	base *http.Transport
	naughty
	proxied bool
	open    *atomic.Int64 // connections at the server
	stop    func()
}

// soakers is how many clients call a target concurrently.
const soakers = 8

// soak soaks all targets one after the other, within the length.
func soak(ctx context.Context, out io.Writer, length time.Duration) (faults []string) {
	targets, missing := targets()
	for _, m := range missing {
		fmt.Fprintf(out, "SKIPPED: %s is not installed, so nothing was sent through it\n", m)
	}
	fmt.Fprintf(out, "%-14s %8s %9s %9s %7s %6s %9s %8s\n",
		"soak", "calls", "answered", "attempts", "unsent", "lost", "repeated", "arrived")
	before := heap()
	for i, tg := range targets {
		s := tg.soak(ctx, length/time.Duration(len(targets)))
		fmt.Fprintf(out, "%-14s %8d %9d %9d %7d %6d %9d %8d\n",
			s.name, s.calls, s.answered, s.attempts, s.unsent, s.lost, s.repeated, s.arrived)
		faults = append(faults, s.faults...)
		targets[i] = nil
	}
	if after := heap(); after > before+mostLeft {
		faults = append(faults, fmt.Sprintf("soak: %d bytes are in use, there were %d", after, before))
	}
	return faults
}

func (tg *target) soak(ctx context.Context, length time.Duration) soaked {
	before := runtime.NumGoroutine()
	s := soaked{name: tg.name}
	var calls, answered atomic.Int64
	tr := ductilehttp.NewTransport(ductilehttp.Config{
		Base: tg.base, AttemptTimeout: 200 * time.Millisecond, TotalTimeout: 2 * time.Second, ReadIdle: 200 * time.Millisecond,
		AttemptHeader: attemptHeader,
		Retry:         retry.Config{BaseDelay: 5 * time.Millisecond, MaxDelay: 20 * time.Millisecond},
		Circuits:      breaker.Config{FailureRate: 0.9, Window: time.Second, RecoveryTimeout: 50 * time.Millisecond},
		Prepare:       tg.ledger.prepare,
	})
	client := &http.Client{Transport: tr}
	ctx, cancel := context.WithTimeout(ctx, length)
	defer cancel()
	var all sync.WaitGroup
	for i := range soakers {
		all.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(i), 7)) //nolint:gosec // not a secret
			for n := 0; ctx.Err() == nil; n++ {
				calls.Add(1)
				if once(client, tg.url, strconv.Itoa(i)+"-"+strconv.Itoa(n), rng) {
					answered.Add(1)
				}
			}
		})
	}
	all.Wait()
	client.CloseIdleConnections()
	if !tg.proxied { // a proxy keeps its connections to the server
		left := settled(func() int {
			client.CloseIdleConnections() // repeated, because the last HTTP/2 streams are still ending
			return int(tg.open.Load())
		}, 0)
		if left > 0 {
			s.fault("%d connections are left", left)
		}
	}
	tg.stop()
	s.calls, s.answered = calls.Load(), answered.Load()
	tg.ledger.balance(&s, tg)
	if left := settled(runtime.NumGoroutine, before); left > before+2 {
		s.fault("%d goroutines are left, there were %d", left, before)
	}
	return s
}

func (s *soaked) fault(format string, args ...any) {
	s.faults = append(s.faults, s.name+": "+fmt.Sprintf(format, args...))
}

// settled waits until count returns at most want, for no longer than the grace period, and
// returns the last count.
func settled(count func() int, want int) int {
	deadline := time.Now().Add(grace)
	for count() > want && time.Now().Before(deadline) {
		_ = policy.Sleep(context.Background(), nil, 10*time.Millisecond)
	}
	return count()
}

// mostLeft is how much more memory may be in use after a soak than before it: net/http and
// the runtime keep buffers.
const mostLeft = 4 << 20

func heap() uint64 {
	var m runtime.MemStats
	for range 2 { // the second collects what finalizers released
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// once makes one call, with its redirects, and reports whether it was answered.
func once(client *http.Client, url, call string, rng *rand.Rand) bool {
	method, body, key := shape(call, rng)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, url+"/", body)
	if err != nil {
		return false
	}
	r.Header.Set(callHeader, call)
	if key {
		r.Header.Set("Idempotency-Key", call)
	}
	resp, err := client.Do(r)
	if err != nil {
		return false
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	return true
}

// rewinder is a body that can be rewound but has no GetBody.
type rewinder struct{ io.ReadSeeker }

func (rewinder) Close() error { return nil }

// shape returns a method, a body of some kind, and whether the request has a key.
func shape(call string, rng *rand.Rand) (method string, body io.Reader, key bool) {
	switch rng.IntN(4) {
	case 0:
		return http.MethodGet, nil, false
	case 1:
		method = http.MethodPut
	case 2:
		method = http.MethodPost
	default:
		method, key = http.MethodPost, true
	}
	content := strings.Repeat(call, 1+rng.IntN(20000))
	switch rng.IntN(4) {
	case 0:
		return method, nil, key
	case 1:
		return method, strings.NewReader(content), key
	case 2:
		return method, io.MultiReader(strings.NewReader(content)), key
	}
	return method, rewinder{bytes.NewReader([]byte(content))}, key
}
