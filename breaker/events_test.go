package breaker_test

import (
	"bytes"
	"context"
	"errors"
	"log"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
)

func TestMovesAndRefusalsEmitEvents(t *testing.T) {
	for _, name := range []string{"", "stripe"} {
		clk := fake.NewClock()
		c := breaker.NewCircuit(breaker.Config{Name: name, FailureThreshold: 1, RecoveryTimeout: time.Second, Clock: clk})
		rec := fake.NewRecorder()
		chain := policy.NewChain[int]("p", []policy.Listener{{Observe: rec.Observe}}, breaker.New[int](c))
		call := func(fn policy.Func[int]) error {
			_, err := chain.Call(fn).Do(t.Context())
			return err
		}
		took := func(fn policy.Func[int]) policy.Func[int] {
			return func(ctx context.Context) (int, error) { clk.Advance(time.Millisecond); return fn(ctx) }
		}
		require.Equal(t, errDown, call(took(down)))
		refused := call(succeed)
		require.ErrorIs(t, refused, breaker.ErrOpen)
		clk.Advance(time.Second)
		require.NoError(t, call(took(succeed)))
		of := func(e policy.Event) policy.Event {
			e.Pipeline, e.Policy, e.Name = "p", "breaker", name
			return e
		}
		assert.Equal(t, []policy.Event{
			{Kind: policy.Started, Pipeline: "p"},
			of(policy.Event{Kind: policy.Judged, Outcome: policy.Failure, Took: time.Millisecond, Err: errDown}),
			of(policy.Event{Kind: policy.StateChanged, From: "closed", To: "open", Reason: breaker.ReasonFailures, Err: errDown}),
			{Kind: policy.Finished, Pipeline: "p", Attempt: 1, Elapsed: time.Millisecond, Err: errDown},
			{Kind: policy.Started, Pipeline: "p"},
			of(policy.Event{Kind: policy.Rejected, Reason: "open", Err: refused}),
			{Kind: policy.Finished, Pipeline: "p", Attempt: 1, Err: refused},
			{Kind: policy.Started, Pipeline: "p"},
			of(policy.Event{Kind: policy.StateChanged, From: "open", To: "half-open", Reason: breaker.ReasonRecoveryElapsed}),
			of(policy.Event{Kind: policy.Judged, Outcome: policy.Success, Took: time.Millisecond}),
			of(policy.Event{Kind: policy.StateChanged, From: "half-open", To: "closed", Reason: breaker.ReasonProbesSucceeded}),
			{Kind: policy.Finished, Pipeline: "p", Attempt: 1, Elapsed: time.Millisecond},
		}, rec.Events())
	}
}

// canceling is a context that is cancelled after so many looks at it.
type canceling struct {
	context.Context
	looks int
}

func (c *canceling) Err() error {
	if c.looks--; c.looks < 0 {
		return context.Canceled
	}
	return nil
}

func TestJudgedHasTheOutcomeThatTheCircuitCounted(t *testing.T) {
	for name, cfg := range map[string]breaker.Config{
		"plain": {}, "classified": {Classify: func(error) policy.Outcome { return policy.Undecided }},
	} {
		seen := map[policy.Outcome]bool{}
		for looks := range 10 { // the caller cancels at every point of the call
			c := breaker.NewCircuit(cfg)
			rec := fake.NewRecorder()
			chain := policy.NewChain[int]("", []policy.Listener{{
				Observe: rec.Observe, Kinds: []policy.EventKind{policy.Judged},
			}}, breaker.New[int](c))
			_, err := chain.Call(down).Do(&canceling{t.Context(), looks})
			if !errors.Is(err, errDown) {
				continue // cancelled before the function ran
			}
			require.Len(t, rec.Events(), 1)
			o := rec.Events()[0].Outcome
			seen[o] = true
			assert.Equal(t, map[policy.Outcome]breaker.Counts{
				policy.Failure: {Failures: 1}, policy.Ignored: {Ignored: 1},
			}[o], c.Snapshot().Counts, "%s, cancelled after %d looks", name, looks)
		}
		assert.Len(t, seen, 2, "%s: before the verdict and after it", name)
	}
}

func TestMovesThatAListenerWithGoexitLeftAreReportedBeforeItsGoroutineEnds(t *testing.T) {
	var c *breaker.Circuit
	var told []breaker.State
	c = breaker.NewCircuit(breaker.Config{FailureThreshold: 1, OnStateChange: func(tr breaker.Transition) {
		told = append(told, tr.To)
		if tr.To == breaker.Open {
			c.Isolate("") // reported by which goroutine?
			runtime.Goexit()
		}
	}})
	over := make(chan struct{})
	go func() {
		defer close(over)
		_, _ = breaker.Do(context.Background(), c, down)
	}()
	<-over
	assert.Equal(t, []breaker.State{breaker.Open, breaker.Isolated}, told)
}

func TestOnlyAListenersPanicIsLogged(t *testing.T) {
	var out bytes.Buffer
	was := log.Writer()
	log.SetOutput(&out)
	defer log.SetOutput(was)
	panics := false
	c := breaker.NewCircuit(breaker.Config{Name: "stripe", OnStateChange: func(breaker.Transition) {
		if panics {
			panic("listener")
		}
	}})
	c.Isolate("")
	assert.Empty(t, out.String())
	panics = true
	c.Reset()
	assert.Contains(t, out.String(), `breaker: OnStateChange of circuit "stripe" panicked: listener`)
	assert.Contains(t, out.String(), "goroutine ", "with its stack")
}
