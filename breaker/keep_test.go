package breaker_test

import (
	"context"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
)

// keeping returns a breaker whose hold passes on the function that records.
func keeping(c *breaker.Circuit) (*breaker.Breaker[int], *func(policy.Outcome)) {
	var done func(policy.Outcome)
	return breaker.New[int](c).WithKeep(func(_ context.Context, v int, record func(policy.Outcome)) int {
		done = record
		return v + 1
	}), &done
}

func TestAKeptValueIsJudgedWhenItIsRecorded(t *testing.T) {
	clk := fake.NewClock()
	c := halfOpen(t, breaker.Config{RecoveryTimeout: time.Second, HalfOpenMaxCalls: 1}, clk)
	b, done := keeping(c)
	v, err := b.Do(t.Context(), succeed)
	require.NoError(t, err)
	assert.Equal(t, 2, v, "as hold returned it")
	assert.Equal(t, breaker.HalfOpen, c.State())
	_, err = c.Acquire()
	require.ErrorIs(t, err, breaker.ErrOpen, "its permit is out")
	(*done)(policy.Failure)
	assert.Equal(t, breaker.Open, c.State())
	clk.Advance(time.Second)
	_, err = b.Do(t.Context(), succeed)
	require.NoError(t, err)
	(*done)(policy.Success)
	(*done)(policy.Failure)
	assert.Equal(t, breaker.Closed, c.State())
	assert.Zero(t, c.Snapshot().Counts)
}

func TestAKeptValueIsASuccessIfItsContextEndsFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := breaker.NewCircuit(breaker.Config{WindowCalls: 9, SlowCall: time.Second, SlowRate: 1})
		b, done := keeping(c)
		ctx, cancel := context.WithCancel(t.Context())
		_, err := b.Do(ctx, succeed)
		require.NoError(t, err)
		time.Sleep(time.Hour) // the use of the value, not the call
		assert.Zero(t, c.Snapshot().Counts)
		cancel()
		synctest.Wait()
		assert.Equal(t, breaker.Counts{Successes: 1}, c.Snapshot().Counts)
		(*done)(policy.Failure)
		assert.Equal(t, breaker.Counts{Successes: 1}, c.Snapshot().Counts)
	})
}

func TestRecordDetachesTheCallFromItsContext(t *testing.T) {
	c := breaker.NewCircuit(breaker.Config{WindowCalls: 9})
	ctx := &attaching{Context: t.Context()}
	for _, b := range []*breaker.Breaker[int]{
		breaker.New[int](c).WithKeep(func(_ context.Context, v int, record func(policy.Outcome)) int {
			record(policy.Success)
			return v
		}),
		breaker.New[int](c).WithKeep(func(_ context.Context, v int, record func(policy.Outcome)) int {
			ctx.attached = func() { record(policy.Success) } // between hold and the attachment
			return v
		}),
	} {
		_, err := b.Do(ctx, succeed)
		require.NoError(t, err)
		assert.Zero(t, ctx.live)
	}
	b, done := keeping(c)
	_, err := b.Do(ctx, succeed)
	require.NoError(t, err)
	assert.Equal(t, 1, ctx.live)
	(*done)(policy.Success)
	assert.Zero(t, ctx.live)
	assert.Equal(t, breaker.Counts{Successes: 3}, c.Snapshot().Counts)
}

// attaching is a context that counts what is attached to its end.
type attaching struct {
	context.Context
	live     int
	attached func()
}

func (a *attaching) Done() <-chan struct{} { return make(chan struct{}) }

func (a *attaching) AfterFunc(func()) (stop func() bool) {
	a.live++
	if f := a.attached; f != nil {
		a.attached = nil
		f()
	}
	return func() bool { a.live--; return true }
}

func TestOnlyTheFirstRecordOfAKeptValueCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const values = 100
		c := breaker.NewCircuit(breaker.Config{WindowCalls: 10 * values, FailureThreshold: 10 * values}) // room for more
		for range values {
			b, done := keeping(c)
			ctx, cancel := context.WithCancel(t.Context())
			_, err := b.Do(ctx, succeed)
			require.NoError(t, err)
			var all sync.WaitGroup
			for i := range 4 {
				all.Go(func() { (*done)(policy.Outcome(i)) })
			}
			all.Go(cancel)
			all.Wait()
		}
		synctest.Wait() // the end of a context counts on a goroutine of its own
		counts := c.Snapshot().Counts
		assert.EqualValues(t, values, counts.Successes+counts.Failures+counts.Ignored)
	})
}

func TestAFailureIsJudgedAtOnceWithoutHold(t *testing.T) {
	c := breaker.NewCircuit(breaker.Config{FailureThreshold: 1})
	b := breaker.New[int](c).WithKeep(func(context.Context, int, func(policy.Outcome)) int { t.Error("held"); return 0 })
	_, err := b.Do(t.Context(), down)
	require.Equal(t, errDown, err)
	assert.Equal(t, breaker.Open, c.State())
}

func TestAKeptValueRecordedAsUndecidedIsAFailure(t *testing.T) {
	c := breaker.NewCircuit(breaker.Config{FailureThreshold: 1})
	b, done := keeping(c)
	_, err := b.Do(t.Context(), succeed)
	require.NoError(t, err)
	(*done)(policy.Undecided)
	assert.Equal(t, breaker.Open, c.State())
}

func TestAHoldThatDoesNotReturnIsAFailure(t *testing.T) {
	for name, end := range map[string]func(){"panic": func() { panic("boom") }, "goexit": runtime.Goexit} {
		c := halfOpen(t, breaker.Config{HalfOpenMaxCalls: 1}, fake.NewClock())
		b := breaker.New[int](c).WithKeep(func(context.Context, int, func(policy.Outcome)) int { end(); return 0 })
		over := make(chan struct{})
		go func() {
			defer close(over)
			defer func() { _ = recover() }()
			_, _ = b.Do(context.Background(), succeed)
		}()
		<-over
		assert.Equal(t, breaker.Open, c.State(), name)
		assert.ErrorIs(t, c.Snapshot().Cause, policy.ErrNoReturn, name)
	}
}

func TestALateRecordEmitsItsEventsWithTheCallsContext(t *testing.T) {
	type key struct{}
	clk := fake.NewClock()
	c := breaker.NewCircuit(breaker.Config{Name: "x", FailureThreshold: 1, Clock: clk})
	b, done := keeping(c)
	var seen []policy.Event
	chain := policy.NewChain[int]("", []policy.Listener{{
		Observe: func(ctx context.Context, e policy.Event) {
			assert.Equal(t, "mine", ctx.Value(key{}))
			seen = append(seen, e)
		}, Kinds: []policy.EventKind{policy.Judged, policy.StateChanged},
	}}, b)
	ctx := context.WithValue(t.Context(), key{}, "mine")
	_, err := chain.Call(func(context.Context) (int, error) { clk.Advance(time.Second); return 1, nil }).Do(ctx)
	require.NoError(t, err)
	clk.Advance(time.Minute)
	assert.Empty(t, seen)
	(*done)(policy.Failure)
	assert.Equal(t, []policy.Event{
		{Kind: policy.Judged, Policy: "breaker", Name: "x", Outcome: policy.Failure, Took: time.Second},
		{Kind: policy.StateChanged, Policy: "breaker", Name: "x", From: "closed", To: "open", Reason: breaker.ReasonFailures},
	}, seen)
}

func TestWithKeepOfNilPanics(t *testing.T) {
	assert.PanicsWithValue(t, "breaker: Breaker.WithKeep: hold is nil, want a function", func() {
		breaker.New[int](breaker.NewCircuit(breaker.Config{})).WithKeep(nil)
	})
}
