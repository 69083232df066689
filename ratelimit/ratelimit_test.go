package ratelimit_test

import (
	"context"
	"errors"
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
	"github.com/ductile-go/ductile/policytest"
	"github.com/ductile-go/ductile/ratelimit"
	"github.com/ductile-go/ductile/retry"
)

func TestARateLimitKeepsThePolicyContract(t *testing.T) {
	for name, build := range map[string]func() policy.Policy[int]{
		"that refuses": func() policy.Policy[int] {
			return ratelimit.New[int](ratelimit.NewLimiter(ratelimit.Config{Limit: 100, Burst: 64}))
		},
		"that waits": func() policy.Policy[int] {
			return ratelimit.New[int](ratelimit.NewLimiter(ratelimit.Config{Limit: 1000, Burst: 3, MaxWait: -1}))
		},
		"that waits for a while": func() policy.Policy[int] {
			return ratelimit.New[int](ratelimit.NewLimiter(ratelimit.Config{Limit: 100, Burst: 4, MaxWait: 100 * time.Millisecond}))
		},
		"with costs and pauses": func() policy.Policy[int] {
			l := ratelimit.NewLimiter(ratelimit.Config{Limit: 1000, Burst: 10, MaxWait: -1, Cost: func(context.Context) int { return 2 }})
			return ratelimit.New[int](l).WithPause(func(int, error) time.Duration { return time.Millisecond })
		},
		"on a clock": func() policy.Policy[int] {
			return ratelimit.New[int](ratelimit.NewLimiter(ratelimit.Config{Limit: 1000, Burst: 8, MaxWait: -1, Clock: fake.NewClock(fake.AutoAdvance())}))
		},
	} {
		t.Run(name, func(t *testing.T) {
			policytest.Run(t, build)
		})
	}
}

// observed returns a pipeline of p and the policies inside it, and its events.
func observed(p ...policy.Policy[int]) (*policy.Chain[int], *fake.Recorder) {
	rec := fake.NewRecorder()
	return policy.NewChain[int]("p", []policy.Listener{{Observe: rec.Observe, Kinds: []policy.EventKind{policy.Queued, policy.Waited, policy.Rejected}}}, p...), rec
}

func TestARejectedEventHasTheReason(t *testing.T) {
	type key struct{}
	cost := func(ctx context.Context) int {
		if n, ok := ctx.Value(key{}).(int); ok {
			return n
		}
		return 1
	}
	with := func(n int) context.Context { return context.WithValue(context.Background(), key{}, n) }
	for reason, c := range map[string]struct {
		ctx     context.Context
		maxWait time.Duration
		pause   time.Duration
		err     error
	}{
		"limit":       {with(1), 0, 0, ratelimit.ErrExceeded},
		"max_wait":    {with(1), 99 * time.Millisecond, 0, ratelimit.ErrExceeded},
		"speculative": {policy.WithSpeculative(with(1)), -1, 0, ratelimit.ErrExceeded},
		"paused":      {with(1), 0, time.Second, ratelimit.ErrExceeded},
		"cost":        {with(3), -1, 0, ratelimit.ErrCost},
	} {
		t.Run(reason, func(t *testing.T) {
			clk := fake.NewClock()
			l := ratelimit.NewLimiter(ratelimit.Config{Name: "api", Limit: 10, Burst: 2, MaxWait: c.maxWait, Cost: cost, Clock: clk})
			require.True(t, l.Allow(2))
			l.Pause(c.pause)
			chain, rec := observed(ratelimit.New[int](l))
			f := fake.NewFunc[int]().Return(1)
			_, err := chain.Call(f.Do).Do(c.ctx)
			require.ErrorIs(t, err, c.err)
			require.ErrorIs(t, err, policy.ErrRejected)
			assert.Zero(t, f.Calls())
			assert.Equal(t, []policy.Event{{Kind: policy.Rejected, Pipeline: "p", Policy: "ratelimit", Name: "api", Reason: reason, Err: err}}, rec.Events())
			s := l.Snapshot()
			assert.EqualValues(t, 1, s.Admitted)
			assert.EqualValues(t, 1, s.Rejected)
			assert.Zero(t, s.Tokens, "no token was taken")
		})
	}
}

func TestAWaitEmitsQueuedAndItsOutcome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := ratelimit.NewLimiter(ratelimit.Config{Limit: 10, Burst: ratelimit.NoBurst, MaxWait: -1})
		chain, rec := observed(ratelimit.New[int](l))
		time.Sleep(time.Hour)
		require.True(t, l.Allow(1))
		_, err := chain.Call(succeed).Do(t.Context())
		require.NoError(t, err)
		of := policy.Event{Pipeline: "p", Policy: "ratelimit"}
		queued, waited := of, of
		queued.Kind, queued.Delay = policy.Queued, 100*time.Millisecond
		waited.Kind, waited.Delay = policy.Waited, 100*time.Millisecond
		assert.Equal(t, []policy.Event{queued, waited}, rec.Events())

		// A call that leaves, by its own cancel or at a deadline that a pause has put
		// before its token.
		for reason, leave := range map[string]func() (context.Context, context.CancelFunc){
			"canceled": func() (context.Context, context.CancelFunc) {
				ctx, cancel := context.WithCancelCause(t.Context())
				time.AfterFunc(50*time.Millisecond, func() { cancel(errDown) })
				return ctx, func() { cancel(nil) }
			},
			"deadline": func() (context.Context, context.CancelFunc) {
				time.AfterFunc(10*time.Millisecond, func() { l.Pause(time.Minute) })
				return context.WithTimeout(t.Context(), time.Second)
			},
		} {
			before, rejections := len(rec.Events()), l.Snapshot().Rejected
			ctx, cancel := leave()
			_, err := chain.Call(succeed).Do(ctx)
			cancel()
			require.ErrorIs(t, err, policy.ErrRejected)
			rejected := of
			rejected.Kind, rejected.Reason, rejected.Err = policy.Rejected, reason, err
			events := rec.Events()[before:]
			require.Len(t, events, 2, reason)
			assert.Equal(t, rejected, events[1])
			if reason == "canceled" {
				require.ErrorIs(t, err, context.Canceled)
				require.ErrorIs(t, err, errDown)
				assert.EqualError(t, err, "ratelimit: left the queue: context canceled: down")
				assert.Equal(t, rejections, l.Snapshot().Rejected, "a call that left is not counted")
			} else {
				require.ErrorIs(t, err, ratelimit.ErrExceeded)
			}
			l.SetRate(1000, 0, ratelimit.NoBurst)
			time.Sleep(2 * time.Minute)
			l.SetRate(10, 0, ratelimit.NoBurst)
			l.Allow(1)
		}
	})
}

func TestAPanickingObserverLeavesNoWaiterBehind(t *testing.T) {
	l := ratelimit.NewLimiter(ratelimit.Config{Limit: 10, Burst: ratelimit.NoBurst, MaxWait: -1, Clock: fake.NewClock()})
	require.True(t, l.Allow(1))
	chain := policy.NewChain[int]("", []policy.Listener{{
		Observe: func(context.Context, policy.Event) { panic(errDown) }, Kinds: []policy.EventKind{policy.Queued},
	}}, ratelimit.New[int](l))
	assert.PanicsWithValue(t, errDown, func() { _, _ = chain.Call(succeed).Do(t.Context()) })
	s := l.Snapshot()
	assert.Zero(t, s.Waiting)
	assert.Zero(t, s.Tokens, "its promised token was returned")
}

func TestTokensStayTakenIfTheFunctionFailsOrPanics(t *testing.T) {
	l := ratelimit.NewLimiter(ratelimit.Config{Limit: 10, Burst: 3, Clock: fake.NewClock()})
	p := ratelimit.New[int](l)
	_, err := p.Do(t.Context(), func(context.Context) (int, error) { return 0, breaker.Judge(errDown, policy.Ignored) })
	assert.Equal(t, errDown, err, "the mark is removed")
	assert.Panics(t, func() {
		_, _ = ratelimit.Do(t.Context(), l, func(context.Context) (int, error) { panic(errDown) })
	})
	over := make(chan struct{})
	go func() {
		defer close(over)
		_, _ = p.Do(context.Background(), func(context.Context) (int, error) { runtime.Goexit(); return 0, nil })
	}()
	<-over
	assert.Zero(t, l.Snapshot().Tokens)
	assert.EqualValues(t, 3, l.Snapshot().Admitted)
}

func TestAnEndedContextTakesNoTokens(t *testing.T) {
	l := ratelimit.NewLimiter(ratelimit.Config{Limit: 10, Burst: 3, Clock: fake.NewClock()})
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errDown)
	_, err := ratelimit.Do(ctx, l, succeed)
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, err, errDown)
	err = l.Wait(ctx, 1)
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, err, errDown)
	require.ErrorIs(t, err, policy.ErrRejected)
	assert.Equal(t, ratelimit.Snapshot{Limit: 10, Per: time.Second, Burst: 3, Tokens: 3}, l.Snapshot())
}

func TestSpeculativeAttemptsNeverWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := ratelimit.NewLimiter(ratelimit.Config{Limit: 10, Burst: 2, MaxWait: -1})
		ctx := policy.WithSpeculative(t.Context())
		start := time.Now()
		for range 2 {
			_, err := ratelimit.Do(ctx, l, succeed)
			require.NoError(t, err, "a token is available")
		}
		_, err := ratelimit.Do(ctx, l, succeed)
		require.ErrorIs(t, err, ratelimit.ErrExceeded)
		require.ErrorIs(t, l.Wait(ctx, 1), ratelimit.ErrExceeded)
		assert.Zero(t, time.Since(start))
	})
}

func TestRetryAfterPausesAllCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := ratelimit.NewLimiter(ratelimit.Config{Limit: 10, Burst: 5, MaxWait: -1})
		p := ratelimit.New[int](l).WithPause(func(_ int, err error) time.Duration {
			d, _ := policy.RetryAfter(err)
			return d
		})
		_, err := p.Do(t.Context(), func(context.Context) (int, error) { return 0, retry.After(errDown, time.Minute) })
		require.Equal(t, errDown, err)
		assert.Equal(t, time.Minute, l.Snapshot().Paused)
		_, err = p.Do(t.Context(), succeed)
		require.NoError(t, err)
		assert.Zero(t, l.Snapshot().Paused)
		assert.Equal(t, 4, l.Snapshot().Tokens, "tokens accrue during a pause")
	})
}

func TestARetryDoesNotSleepBeforeARefusal(t *testing.T) {
	clk := fake.NewClock(fake.AutoAdvance())
	l := ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Burst: ratelimit.NoBurst, Clock: clk})
	f := fake.NewFunc[int]().Fail(errDown)
	cfg := retry.Config{Clock: clk, JitterFactor: retry.NoJitter}
	_, err := policy.NewChain[int]("", nil, retry.New[int](cfg), ratelimit.New[int](l)).Call(f.Do).Do(t.Context())
	require.ErrorIs(t, err, errDown)
	var ended *retry.Error
	require.ErrorAs(t, err, &ended)
	require.ErrorIs(t, ended.Reason, ratelimit.ErrExceeded)
	assert.Empty(t, clk.Sleeps())
	assert.EqualValues(t, 1, l.Snapshot().Admitted)
	assert.Zero(t, l.Snapshot().Rejected, "Refusal counts nothing")

	// With RetryRejected it sleeps until the token is due.
	cfg.RetryRejected = true
	l = ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Burst: ratelimit.NoBurst, Clock: clk})
	f = fake.NewFunc[int]().Fail(errDown).Return(42)
	v, err := policy.NewChain[int]("", nil, retry.New[int](cfg), ratelimit.New[int](l)).Call(f.Do).Do(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 42, v)
	assert.Equal(t, []time.Duration{time.Second}, clk.Sleeps())
}

func TestRefusalPredictsTheWaitOfALaterCall(t *testing.T) {
	clk := fake.NewClock()
	ctx, cancel := clk.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	for _, c := range []struct {
		ctx     context.Context
		maxWait time.Duration
		cost    int
		after   time.Duration
		want    error
	}{
		{t.Context(), 0, 1, 999 * time.Millisecond, ratelimit.ErrExceeded},
		{t.Context(), 0, 1, time.Second, nil},
		{t.Context(), 0, 2, time.Second, ratelimit.ErrExceeded},
		{t.Context(), 0, 0, 0, nil},
		{t.Context(), 0, 3, time.Hour, ratelimit.ErrCost},
		{t.Context(), time.Second, 2, time.Second, nil},
		{t.Context(), time.Second - 1, 2, time.Second, ratelimit.ErrExceeded},
		{t.Context(), -1, 2, 0, nil},
		{ctx, -1, 2, 0, nil},
	} {
		l := ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Burst: 2, MaxWait: c.maxWait, Clock: clk, Cost: func(context.Context) int { return c.cost }})
		require.True(t, l.Allow(2))
		err := ratelimit.New[int](l).Refusal(c.ctx, c.after)
		if c.want == nil {
			assert.NoError(t, err, "%+v", c)
		} else {
			assert.ErrorIs(t, err, c.want, "%+v", c)
		}
		assert.Zero(t, l.Snapshot().Tokens)
	}
	l := ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Per: 6 * time.Second, Burst: ratelimit.NoBurst, MaxWait: -1, Clock: clk})
	require.True(t, l.Allow(1))
	assert.ErrorIs(t, ratelimit.New[int](l).Refusal(ctx, 0), ratelimit.ErrExceeded, "beyond its deadline")
}

func TestABreakerIgnoresRefusalsOfALimiter(t *testing.T) {
	c := breaker.NewCircuit(breaker.Config{FailureThreshold: 1})
	l := ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Burst: 1, Clock: fake.NewClock()})
	chain := policy.NewChain[int]("", nil, breaker.New[int](c), ratelimit.New[int](l))
	for range 10 {
		_, _ = chain.Call(succeed).Do(t.Context())
	}
	assert.Equal(t, breaker.Closed, c.State())
}

func TestARateLimitDescribesItself(t *testing.T) {
	clk := fake.NewClock()
	l := ratelimit.NewLimiter(ratelimit.Config{Name: "stripe", Limit: 100, MaxWait: time.Second, Clock: clk})
	p := ratelimit.New[int](l)
	assert.Equal(t, "ratelimit(stripe, 100/1s)", p.String())
	assert.Equal(t, "stripe", p.Name())
	assert.Equal(t, "stripe", l.Name())
	assert.Same(t, l, p.Limiter())
	assert.Equal(t, policy.Clock(clk), p.Clock())
	assert.Equal(t, policy.Clock(clk), l.Clock())
	l.SetRate(5, time.Minute, 0)
	d := p.Describe()
	assert.Equal(t, "ratelimit", d.Kind)
	assert.Equal(t, ratelimit.Config{Name: "stripe", Limit: 5, Per: time.Minute, Burst: 1, MaxWait: time.Second, Clock: clk}, d.Config)
	assert.Equal(t, "ratelimit(1/1s)", ratelimit.New[int](ratelimit.NewLimiter(ratelimit.Config{Limit: 1})).String())
}

func TestMisusePanicsWithAReason(t *testing.T) {
	l := ratelimit.NewLimiter(ratelimit.Config{Limit: 1})
	for want, f := range map[string]func(){
		"ratelimit: New: limiter is nil, want one made by NewLimiter":   func() { ratelimit.New[int](nil) },
		"ratelimit: New: zero Limiter, want one made by NewLimiter":     func() { ratelimit.New[int](&ratelimit.Limiter{}) },
		"ratelimit: Do: limiter is nil, want one made by NewLimiter":    func() { _, _ = ratelimit.Do(t.Context(), nil, succeed) },
		"ratelimit: RateLimit.Do: fn is nil, want a function":           func() { _, _ = ratelimit.New[int](l).Do(t.Context(), nil) },
		"ratelimit: RateLimit.WithPause: pause is nil, want a function": func() { ratelimit.New[int](l).WithPause(nil) },
	} {
		assert.PanicsWithValue(t, want, f)
	}
}

func TestErrorsNameTheLimiterAndTheCause(t *testing.T) {
	clk := fake.NewClock()
	for name, text := range map[string][2]string{
		"":    {"ratelimit: rate exceeded", "ratelimit: cost is 3, want at most Burst, 2: raise Burst or ask for less"},
		"api": {`ratelimit: rate of "api" exceeded`, `ratelimit: cost is 3, want at most Burst of "api", 2: raise Burst or ask for less`},
	} {
		l := ratelimit.NewLimiter(ratelimit.Config{Name: name, Limit: 10, Burst: 2, Clock: clk})
		require.True(t, l.Allow(2))
		_, err := l.Reserve(1, 0)
		assert.EqualError(t, err, text[0])
		_, again := ratelimit.Do(t.Context(), l, succeed)
		assert.Same(t, err, again, "refusals for one token share one value")
		refusedFor(t, err, 100*time.Millisecond)
		_, err = l.Reserve(3, -1)
		assert.EqualError(t, err, text[1])
		assert.ErrorIs(t, err, ratelimit.ErrCost)
		assert.ErrorIs(t, err, policy.ErrRejected)
		assert.NotErrorIs(t, err, ratelimit.ErrExceeded)
		_, hinted := policy.RetryAfter(err)
		assert.False(t, hinted)
		_, err = l.Reserve(2, 199*time.Millisecond)
		refusedFor(t, err, 200*time.Millisecond)
	}
	assert.ErrorIs(t, ratelimit.ErrCost, policy.ErrRejected)
	assert.EqualError(t, ratelimit.ErrCost, "ratelimit: cost exceeds Burst")
	var none *ratelimit.ExceededError
	assert.Equal(t, "<nil>", none.Error())
	assert.Zero(t, none.RetryAfter())
	assert.Zero(t, (&ratelimit.ExceededError{}).RetryAfter())
}

func TestRetryAfterOfARefusalIsAsOfNow(t *testing.T) {
	clk := fake.NewClock()
	l := ratelimit.NewLimiter(ratelimit.Config{Limit: 10, Burst: ratelimit.NoBurst, Clock: clk})
	require.True(t, l.Allow(1))
	_, err := ratelimit.Do(t.Context(), l, succeed)
	refusedFor(t, err, 100*time.Millisecond)
	clk.Advance(60 * time.Millisecond)
	refusedFor(t, err, 40*time.Millisecond)
	clk.Advance(40 * time.Millisecond)
	refusedFor(t, err, 0)
	l.Pause(time.Second)
	refusedFor(t, err, time.Second)
}

// A call does not start a wait that cannot succeed.
func TestACallWhoseTokensWouldBeTooLateIsRefusedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Burst: ratelimit.NoBurst, MaxWait: 2 * time.Second})
		require.True(t, l.Allow(1))
		start := time.Now()
		for _, d := range []time.Duration{time.Millisecond, time.Second} { // ends when the token is due
			ctx, cancel := context.WithTimeout(t.Context(), d)
			require.ErrorIs(t, l.Wait(ctx, 1), ratelimit.ErrExceeded)
			_, err := ratelimit.Do(ctx, l, succeed)
			require.ErrorIs(t, err, ratelimit.ErrExceeded)
			cancel()
		}
		assert.Zero(t, time.Since(start))
		var group sync.WaitGroup
		for range 2 {
			group.Go(func() {
				_, err := ratelimit.Do(t.Context(), l, succeed)
				assert.NoError(t, err)
			})
			synctest.Wait()
		}
		_, err := ratelimit.Do(t.Context(), l, succeed)
		require.ErrorIs(t, err, ratelimit.ErrExceeded, "the third call would wait 3 s")
		assert.Zero(t, time.Since(start))
		group.Wait()
		assert.Equal(t, 2*time.Second, time.Since(start))
	})
}

func TestACallWithoutCostIsAdmitted(t *testing.T) {
	l := ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Burst: 1, Clock: fake.NewClock()})
	require.True(t, l.Allow(1))
	l.Pause(time.Hour)
	for _, n := range []int{0, -1} {
		assert.True(t, l.Allow(n))
		assert.NoError(t, l.Wait(t.Context(), n))
		r, err := l.Reserve(n, 0)
		assert.NoError(t, err)
		assert.Zero(t, r.Delay())
		r.Cancel()
	}
	assert.EqualValues(t, 7, l.Snapshot().Admitted)
}

var errClock = errors.New("clock")

// broken is a clock that cannot sleep.
type broken struct{ *fake.Clock }

func (broken) Sleep(context.Context, time.Duration) error { return errClock }

func TestAClockThatCannotSleepLeavesNoWaiterBehind(t *testing.T) {
	l := ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Burst: 1, MaxWait: -1, Clock: broken{fake.NewClock()}})
	require.True(t, l.Allow(1))
	require.ErrorIs(t, l.Wait(t.Context(), 1), errClock)
	chain, rec := observed(ratelimit.New[int](l))
	_, err := chain.Call(succeed).Do(t.Context())
	require.ErrorIs(t, err, errClock)
	assert.Equal(t, "clock", rec.Events()[1].Reason)
	assert.Zero(t, l.Snapshot().Waiting)
	assert.Zero(t, l.Snapshot().Tokens)
}

// deaf is a clock whose waiters cannot wait.
type deaf struct{ *fake.Clock }

func (deaf) NewWaiter() policy.Waiter { return deafWaiter{} }

type deafWaiter struct{}

func (deafWaiter) Wait(context.Context) error { return errClock }
func (deafWaiter) Wake()                      {}

func TestACallWhoseWaiterCannotWaitLeavesTheLine(t *testing.T) {
	clk := fake.NewClock()
	l := ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Burst: 1, MaxWait: -1, Clock: deaf{clk}})
	require.True(t, l.Allow(1))
	first := make(chan error, 1)
	go func() { first <- l.Wait(t.Context(), 1) }()
	require.NoError(t, clk.BlockUntil(t.Context(), 1))
	require.ErrorIs(t, l.Wait(t.Context(), 1), errClock)
	assert.Equal(t, 1, l.Snapshot().Waiting)
	clk.Advance(time.Second)
	assert.NoError(t, <-first)
}
