package breaker_test

import (
	"bytes"
	"log"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
)

// path collects the states that a circuit moves to.
type path struct {
	mu sync.Mutex
	to []string
}

func (p *path) hear(t breaker.Transition) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.to = append(p.to, t.To.String()+" "+t.Reason)
}

func TestAWatcherIsCalledForMovesUntilItIsStopped(t *testing.T) {
	clk := fake.NewClock()
	var on path
	c := breaker.NewCircuit(breaker.Config{FailureThreshold: 1, RecoveryTimeout: time.Second, Clock: clk, OnStateChange: on.hear})
	c.Isolate("before")
	c.Reset()
	var first, second path
	stop := c.Watch(first.hear)
	record(t, c, policy.Failure)
	stopSecond := c.Watch(second.hear)
	clk.Advance(time.Second)
	record(t, c, policy.Success)
	stop()
	stop()
	c.Isolate("drill")
	stopSecond()
	c.Reset()
	assert.Equal(t, []string{"open failures", "half-open recovery_elapsed", "closed probes_succeeded"}, first.to)
	assert.Equal(t, []string{"half-open recovery_elapsed", "closed probes_succeeded", "isolated drill"}, second.to)
	assert.Equal(t, []string{
		"isolated before", "closed reset", "open failures", "half-open recovery_elapsed",
		"closed probes_succeeded", "isolated drill", "closed reset",
	}, on.to)
}

func TestWatchWorksOnACircuitWithoutOnStateChange(t *testing.T) {
	c := breaker.NewCircuit(breaker.Config{})
	c.Isolate("")
	var p path
	stop := c.Watch(p.hear)
	c.Reset()
	stop()
	c.Isolate("")
	assert.Equal(t, []string{"closed reset"}, p.to)
}

func TestOnStateChangeIsCalledBeforeWatchersInTheirOrder(t *testing.T) {
	var heard []string
	say := func(who string) func(breaker.Transition) {
		return func(tr breaker.Transition) { heard = append(heard, who+" "+tr.To.String()) }
	}
	c := breaker.NewCircuit(breaker.Config{OnStateChange: say("config")})
	c.Watch(say("one"))
	c.Watch(say("two"))
	c.Isolate("")
	c.Reset()
	assert.Equal(t, []string{
		"config isolated", "one isolated", "two isolated", "config closed", "one closed", "two closed",
	}, heard)
}

func TestAWatcherMayCallTheCircuitWatchStopAndPanic(t *testing.T) {
	var out bytes.Buffer
	was := log.Writer()
	log.SetOutput(&out)
	defer log.SetOutput(was)
	c := breaker.NewCircuit(breaker.Config{Name: "stripe"})
	var inner, last path
	var stop func()
	stop = c.Watch(func(tr breaker.Transition) {
		stop()
		c.Watch(inner.hear) // hears what comes after
		c.Reset()
		_ = c.Snapshot()
		panic("watcher " + tr.To.String())
	})
	c.Watch(last.hear)
	c.Isolate("drill")
	assert.Equal(t, breaker.Closed, c.State())
	assert.Equal(t, []string{"closed reset"}, inner.to)
	assert.Equal(t, []string{"isolated drill", "closed reset"}, last.to)
	assert.Contains(t, out.String(), `breaker: a function given to Watch of circuit "stripe" panicked: watcher isolated`)
}

func TestWatchersAfterOneThatCallsGoexitAreStillCalled(t *testing.T) {
	c := breaker.NewCircuit(breaker.Config{})
	var p path
	c.Watch(func(breaker.Transition) { runtime.Goexit() })
	c.Watch(p.hear)
	over := make(chan struct{})
	go func() {
		defer close(over)
		c.Isolate("")
	}()
	<-over
	assert.Equal(t, []string{"isolated "}, p.to)
}

func TestWatchersThatComeAndGoMissNoMoveInBetween(t *testing.T) {
	for range 50 {
		c := breaker.NewCircuit(breaker.Config{FailureThreshold: 1, RecoveryTimeout: breaker.NoWait})
		var movers, watchers sync.WaitGroup
		var over atomic.Bool
		for range 4 {
			movers.Go(func() {
				for i := range 60 {
					p, err := c.Acquire()
					if err == nil {
						p.Record(policy.Outcome(1 + i%2))
					}
				}
			})
		}
		for range 4 {
			watchers.Go(func() {
				for last := false; !last; { // one more round after the movers: they may be over before the first
					last = over.Load()
					var heard []breaker.Transition // of one goroutine at a time, and read after a stop and a move
					two := make(chan struct{})
					stop := c.Watch(func(tr breaker.Transition) {
						if heard = append(heard, tr); len(heard) == 2 {
							close(two)
						}
					})
					for range 2 { // the circuit moves at least once in each
						c.Isolate("")
						c.Reset()
					}
					<-two
					stop()
					var seen []breaker.Transition
					done := make(chan struct{})
					stop = c.Watch(func(breaker.Transition) {
						if seen == nil {
							seen = append([]breaker.Transition{}, heard...) // after the last call of the stopped one
							close(done)
						}
					})
					c.Reset()
					c.Isolate("")
					c.Reset()
					<-done
					stop()
					for i := 1; i < len(seen); i++ {
						if seen[i].From != seen[i-1].To {
							t.Errorf("reported %v after %v", seen[i], seen[i-1])
						}
					}
				}
			})
		}
		movers.Wait()
		over.Store(true)
		watchers.Wait()
	}
}

func TestAWatcherIsCalledForEveryMoveAfterWatchHasReturned(t *testing.T) {
	for range 2000 {
		c := breaker.NewCircuit(breaker.Config{})
		var p path
		var both sync.WaitGroup
		both.Go(func() { // a move while the first listener is added
			c.Isolate("racing")
			c.Reset()
		})
		both.Go(func() { c.Watch(p.hear) })
		both.Wait()
		c.Isolate("after")
		p.mu.Lock()
		require.NotEmpty(t, p.to)
		require.Equal(t, "isolated after", p.to[len(p.to)-1])
		p.mu.Unlock()
	}
}

func TestWatchOfNilPanics(t *testing.T) {
	assert.PanicsWithValue(t, "breaker: Circuit.Watch: fn is nil, want a function", func() {
		breaker.NewCircuit(breaker.Config{}).Watch(nil)
	})
}
