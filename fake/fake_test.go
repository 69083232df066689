package fake_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/benbjohnson/clock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

var errDown = errors.New("down")

func TestARetryOnAnAutoAdvanceClockNeedsNoSecondGoroutine(t *testing.T) {
	clk := fake.NewClock(fake.AutoAdvance())
	f := fake.NewFunc[int]().Fail(errDown, errDown).Return(42)
	v, err := retry.Do(context.Background(), retry.Config{Clock: clk, Rand: fake.Rand(0, 0.5)}, f.Do)
	require.NoError(t, err)
	assert.Equal(t, 42, v)
	assert.Equal(t, 3, f.Calls())
	assert.Equal(t, []time.Duration{450 * time.Millisecond, time.Second}, clk.Sleeps())
	assert.Zero(t, clk.Waiters())
}

func TestAdvanceFiresInOrderWithTheTimeOfEach(t *testing.T) {
	clk := fake.NewClock()
	start := clk.Now()
	late, early := clk.After(2*time.Second), clk.After(time.Second)
	assert.Equal(t, 2, clk.Waiters())
	clk.Advance(3 * time.Second)
	assert.Equal(t, start.Add(time.Second), <-early)
	assert.Equal(t, start.Add(2*time.Second), <-late)
	assert.Equal(t, start.Add(3*time.Second), clk.Now())
}

func TestZeroAndNegativeDelaysAreDueAtOnce(t *testing.T) {
	clk := fake.NewClock()
	<-clk.After(0)
	<-clk.After(-1)
	assert.PanicsWithValue(t, "fake: Clock.Advance: d is -1ns, want 0 or more", func() { clk.Advance(-1) })
	_, ok := clk.AdvanceToNext()
	assert.False(t, ok)
	ch := clk.After(time.Minute)
	d, ok := clk.AdvanceToNext()
	assert.True(t, ok)
	assert.Equal(t, time.Minute, d)
	<-ch
}

func TestASleepEndsWithItsContextAndLeavesNothing(t *testing.T) {
	clk := fake.NewClock()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- clk.Sleep(ctx, time.Hour) }()
	require.NoError(t, clk.BlockUntil(context.Background(), 1))
	cancel()
	assert.ErrorIs(t, <-done, context.Canceled)
	assert.Zero(t, clk.Waiters())
	assert.ErrorIs(t, clk.Sleep(ctx, time.Hour), context.Canceled)
	assert.ErrorIs(t, clk.BlockUntil(ctx, 1), context.Canceled)
}

func TestASleepEndsWhenADeadlineOnTheWayDoes(t *testing.T) {
	clk := fake.NewClock(fake.AutoAdvance())
	start := clk.Now()
	ctx, cancel := clk.WithTimeout(context.Background(), time.Second)
	defer cancel()
	child, stop := context.WithCancel(ctx)
	defer stop()
	assert.ErrorIs(t, clk.Sleep(child, time.Minute), context.DeadlineExceeded)
	assert.Equal(t, start.Add(time.Second), clk.Now())
	assert.Zero(t, clk.Waiters())
}

func TestDeadlinesEndWhatIsDerivedBeforeAdvanceReturns(t *testing.T) {
	clk := fake.NewClock()
	outer, cancelOuter := clk.WithTimeout(context.Background(), time.Second)
	defer cancelOuter()
	inner, cancelInner := clk.WithTimeout(outer, time.Minute)
	defer cancelInner()
	child, cancel := context.WithCancel(inner)
	defer cancel()
	deadline, _ := inner.Deadline()
	assert.Equal(t, clk.Now().Add(time.Second), deadline)
	clk.Advance(time.Second)
	assert.Equal(t, context.DeadlineExceeded, child.Err())
	assert.Zero(t, clk.Waiters())
	over, cancelOver := clk.WithTimeout(context.Background(), 0)
	defer cancelOver()
	assert.Equal(t, context.DeadlineExceeded, over.Err())
}

func TestACancelledDeadlineLeavesNothing(t *testing.T) {
	clk := fake.NewClock()
	ctx, cancel := clk.WithTimeout(context.Background(), time.Second)
	cancel()
	cancel()
	assert.Equal(t, context.Canceled, ctx.Err())
	assert.Zero(t, clk.Waiters())
}

func TestFuncPlaysItsScript(t *testing.T) {
	clk := fake.NewClock(fake.AutoAdvance())
	f := fake.NewFunc[int]().Delay(clk, time.Second).Return(1).Panic("boom").Block()
	ctx, cancel := context.WithCancel(context.Background())
	v, err := f.Do(ctx)
	require.NoError(t, err)
	assert.Equal(t, 1, v)
	assert.Equal(t, []time.Duration{time.Second}, clk.Sleeps())
	assert.PanicsWithValue(t, "boom", func() { _, _ = f.Do(ctx) })
	cancel()
	_, err = f.Do(ctx)
	assert.ErrorIs(t, err, context.Canceled)
	v, err = fake.NewFunc[int]().Do(ctx)
	assert.NoError(t, err)
	assert.Zero(t, v)
	assert.Panics(t, func() { fake.Rand() })
	assert.Panics(t, func() { fake.Rand(1) })
}

func TestAnIncompleteScriptPanics(t *testing.T) {
	clk := fake.NewClock(fake.AutoAdvance())
	for want, write := range map[string]func(f *fake.Func[int]){
		"fake: Func.Fail: errs is empty, want at least one error: for a success, use Return":              func(f *fake.Func[int]) { f.Fail() },
		"fake: Func.Delay: clk is nil, want one made by NewClock":                                         func(f *fake.Func[int]) { f.Delay(nil, 1) },
		"fake: Func.Delay: 2s is the second delay of one step, want at most one: add a step between them": func(f *fake.Func[int]) { f.Delay(clk, 1).Delay(clk, 2*time.Second) },
		"fake: Func.Do: the script ends with a Delay of 1s, want a step after it: add Return, for example": func(f *fake.Func[int]) {
			_, _ = f.Return(1).Delay(clk, time.Second).Do(t.Context())
		},
	} {
		assert.PanicsWithValue(t, want, func() { write(fake.NewFunc[int]()) })
	}
	assert.Empty(t, clk.Sleeps())
}

func TestBlockMovesAnAutoAdvanceClockToTheDeadline(t *testing.T) {
	for name, abandon := range map[string]bool{"cooperative": false, "abandoning": true} {
		clk := fake.NewClock(fake.AutoAdvance())
		begun := clk.Now()
		f := fake.NewFunc[int]().Block()
		limit := policy.NewTimeout[int](policy.TimeoutConfig{After: time.Second, Abandon: abandon, Clock: clk})
		_, err := pipeline.New[int](retry.New[int](retry.Config{Clock: clk, JitterFactor: retry.NoJitter}), limit).Do(t.Context(), f.Do)
		require.ErrorIs(t, err, retry.ErrExhausted, name)
		require.ErrorIs(t, err, context.DeadlineExceeded, name)
		assert.Equal(t, 3, f.Calls(), name)
		assert.Equal(t, 4500*time.Millisecond, clk.Now().Sub(begun), name)
		assert.Equal(t, []time.Duration{500 * time.Millisecond, time.Second}, clk.Sleeps(), name)
		assert.Zero(t, clk.Waiters(), name)
	}
}

func TestBlockMovesNoOtherClock(t *testing.T) {
	clk := fake.NewClock(fake.AutoAdvance())
	begun := clk.Now()
	limited, release := clk.WithTimeout(t.Context(), time.Minute)
	release()
	_, err := fake.NewFunc[int]().Block().Do(limited)
	require.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, begun, clk.Now(), "the context had ended")

	limited, release = clk.WithTimeout(t.Context(), time.Minute)
	defer release()
	synctest.Test(t, func(t *testing.T) {
		detached, cancel := context.WithTimeout(context.WithoutCancel(limited), time.Second)
		defer cancel()
		_, err := fake.NewFunc[int]().Block().Do(detached)
		require.ErrorIs(t, err, context.DeadlineExceeded)
	})
	assert.Equal(t, time.Minute, clk.Now().Sub(begun), "no further than the deadline")

	synctest.Test(t, func(t *testing.T) {
		still := fake.NewClock()
		limited, release := still.WithTimeout(t.Context(), time.Minute)
		defer release()
		ended := make(chan error)
		go func() {
			_, err := fake.NewFunc[int]().Block().Do(limited)
			ended <- err
		}()
		synctest.Wait() // until it blocks
		still.Advance(time.Minute - 1)
		assert.NoError(t, limited.Err())
		still.Advance(1)
		assert.ErrorIs(t, <-ended, context.DeadlineExceeded)
	})
}

func TestEveryPolicyRunsOnTheClockOfItsConfig(t *testing.T) {
	clk := fake.NewClock(fake.AutoAdvance())
	rec := fake.NewRecorder()
	c := breaker.NewCircuit(breaker.Config{Name: "c", FailureThreshold: 2, Clock: clk})
	p := pipeline.New(
		retry.New[int](retry.Config{Clock: clk, JitterFactor: retry.NoJitter}),
		breaker.New[int](c),
		policy.NewTimeout[int](policy.TimeoutConfig{After: time.Second, Clock: clk}),
	).WithObserver(rec.Observe)
	f := fake.NewFunc[int]().Delay(clk, time.Minute).Return(1)
	_, err := p.Do(context.Background(), f.Do)
	require.ErrorIs(t, err, breaker.ErrOpen)
	require.NotErrorIs(t, err, policy.ErrRejected, "the function has run")
	assert.Equal(t, 2, f.Calls())
	events := rec.Events()
	assert.Equal(t, 2500*time.Millisecond, events[len(events)-1].Elapsed)
	clk.Advance(30*time.Second - 1)
	assert.Equal(t, breaker.Open, c.State())
	clk.Advance(1)
	assert.Equal(t, breaker.HalfOpen, c.State())
	assert.Zero(t, clk.Waiters())
}

func TestATimeoutIsTheCauseOnAFakeClock(t *testing.T) {
	for name, cause := range map[string]error{"ours": nil, "the caller's": errDown} {
		clk := fake.NewClock()
		ctx, cancel := context.WithCancelCause(context.Background())
		p := policy.NewTimeout[int](policy.TimeoutConfig{After: time.Second, Clock: clk})
		_, err := p.Do(ctx, func(ctx context.Context) (int, error) {
			child, stop := context.WithCancel(ctx)
			defer stop()
			if cause != nil {
				cancel(cause)
				<-child.Done()
			} else {
				clk.Advance(time.Second)
			}
			return 0, context.Cause(child)
		})
		var timeout *policy.TimeoutError
		assert.Equal(t, cause == nil, errors.As(err, &timeout), name)
		if cause != nil {
			assert.ErrorIs(t, err, cause, name)
		}
	}
}

func TestPoliciesRunOnBenbjohnsonsMock(t *testing.T) {
	mock := clock.NewMock()
	c := breaker.NewCircuit(breaker.Config{FailureThreshold: 1, Clock: mock})
	_, err := breaker.Do(context.Background(), c, fake.NewFunc[int]().Fail(errDown).Do)
	require.ErrorIs(t, err, errDown)
	mock.Add(30 * time.Second)
	assert.Equal(t, breaker.HalfOpen, c.State())
	p := policy.NewTimeout[int](policy.TimeoutConfig{After: time.Second, Clock: mock})
	_, err = p.Do(context.Background(), func(ctx context.Context) (int, error) {
		mock.Add(time.Second)
		<-ctx.Done()
		var timeout *policy.TimeoutError
		assert.ErrorAs(t, context.Cause(ctx), &timeout)
		return 0, ctx.Err()
	})
	assert.ErrorIs(t, err, context.DeadlineExceeded)
}

func TestARecorderKeepsKindsAndEventsInOrder(t *testing.T) {
	rec := fake.NewRecorder()
	assert.Empty(t, rec.Kinds())
	own := policy.EventKind("own")
	rec.Observe(t.Context(), policy.Event{Kind: policy.Started})
	rec.Observe(t.Context(), policy.Event{Kind: own, Policy: "router", Name: "eu", Key: "a", Took: time.Second, Outcome: policy.Ignored, Reason: "why"})
	assert.Equal(t, []policy.EventKind{policy.Started, own}, rec.Kinds())
	assert.Equal(t, policy.Event{Kind: own, Policy: "router", Name: "eu", Key: "a", Took: time.Second, Outcome: policy.Ignored, Reason: "why"}, rec.Events()[1])
}

func TestClockIsCleanInABubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clk := fake.NewClock()
		go func() { _ = clk.Sleep(t.Context(), time.Second) }()
		require.NoError(t, clk.BlockUntil(t.Context(), 1))
		clk.Advance(time.Second)
	})
}
