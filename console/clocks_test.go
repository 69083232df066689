package console_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	bclock "github.com/benbjohnson/clock"
	"github.com/stretchr/testify/assert"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/console"
	"github.com/ductile-go/ductile/policy"
)

// record runs a stream until ctx ends, and returns what it sent.
func record(ctx context.Context, h http.Handler, meanwhile func()) string {
	w := httptest.NewRecorder()
	done := make(chan struct{})
	go func() {
		defer close(done)
		h.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodGet, "/stream", nil))
	}()
	meanwhile()
	<-done
	return w.Body.String()
}

func TestAMinuteOfAStreamInABubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := quick("stripe", nil)
		h := console.New(console.Config{Circuits: []*breaker.Circuit{c}})
		ctx, stop := context.WithCancel(t.Context())
		text := record(ctx, h, func() {
			time.Sleep(30*time.Second + time.Millisecond)
			fail(c, errDown)
			time.Sleep(31 * time.Second)
			stop()
		})
		assert.Equal(t, 62, strings.Count(text, "event: snapshot\n"), "at once, and each second")
		assert.Equal(t, 1, strings.Count(text, `"to":"open"`))
		assert.Equal(t, 1, strings.Count(text, `"to":"half-open"`), "the snapshot after 30 s looks at the circuit")
		synctest.Wait() // the bubble ends only if nothing is left running
	})
}

func TestAStreamRunsOnABenbjohnsonClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clk := bclock.NewMock()
		c := breaker.NewCircuit(breaker.Config{Name: "stripe", FailureThreshold: 1, RecoveryTimeout: time.Hour, Clock: clk})
		h := console.New(console.Config{Circuits: []*breaker.Circuit{c}, Clock: clk, Interval: time.Minute})
		ctx, stop := context.WithCancel(t.Context())
		text := record(ctx, h, func() {
			for range 10 {
				synctest.Wait()
				clk.Add(time.Minute)
			}
			synctest.Wait()
			fail(c, errDown)
			synctest.Wait()
			stop()
		})
		assert.Equal(t, 11, strings.Count(text, "event: snapshot\n"))
		assert.Equal(t, 1, strings.Count(text, "event: event\n"))
	})
}

// Streams that are open at the same time send the same snapshots, made once.
func TestStreamsShareTheirSnapshots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		texts, made := make(chan string, 16), 0
		c := quick("stripe", nil)
		fail(c, errDown)
		c.Reset()
		fail(c, errDown)
		h := console.New(console.Config{Circuits: []*breaker.Circuit{c}, Redact: func(s string) string { made++; return s }})
		ctx, stop := context.WithCancel(t.Context())
		for range 16 {
			policy.Go(nil, func() { texts <- record(ctx, h, func() {}) })
		}
		time.Sleep(9*time.Second + time.Millisecond)
		stop()
		for range 16 {
			assert.Equal(t, 10, strings.Count(<-texts, "event: snapshot\n"))
		}
		assert.LessOrEqual(t, made, 10+1, "the cause is written once a snapshot")
	})
}
