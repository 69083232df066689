package retry_test

import (
	"context"
	"errors"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

func TestADelayThatEndsAtTheDeadlineIsNotBegun(t *testing.T) {
	for left, attempts := range map[time.Duration]int{time.Second: 1, time.Second + 1: 2} {
		clk := fake.NewClock(fake.AutoAdvance())
		ctx, cancel := clk.WithTimeout(t.Context(), left)
		f := fake.NewFunc[int]().Fail(errDown)
		_, err := retry.Do(ctx, retry.Config{Backoff: retry.Constant(time.Second), Clock: clk}, f.Do)
		require.ErrorIs(t, err, retry.ErrDeadline)
		assert.Equal(t, attempts, f.Calls(), "%v left", left)
		cancel()
	}
}

func TestElapsedPlusTheLongestDelayDoesNotOverflow(t *testing.T) {
	clk := fake.NewClock(fake.AutoAdvance())
	f := fake.NewFunc[int]().Delay(clk, time.Second).Fail(errDown)
	_, err := retry.Do(t.Context(), retry.Config{
		Backoff: retry.Constant(math.MaxInt64), MaxElapsed: time.Hour, MaxRetryAfter: math.MaxInt64, Clock: clk,
	}, f.Do)
	require.ErrorIs(t, err, retry.ErrElapsed)
	assert.Equal(t, 1, f.Calls())
}

// cancelling is a clock whose timers fire at the moment of a cancel.
type cancelling struct {
	policy.Clock
	cancel context.CancelFunc
}

func (c cancelling) After(time.Duration) <-chan time.Time {
	ch := make(chan time.Time, 1)
	ch <- c.Now()
	c.cancel()
	return ch
}

func TestACancelWinsOverATimerThatIsAlsoReady(t *testing.T) {
	for range 50 { // select picks either one
		ctx, cancel := context.WithCancel(t.Context())
		f := fake.NewFunc[int]().Fail(errDown)
		clk := cancelling{afterOnly{fake.NewClock()}, cancel}
		_, err := retry.Do(ctx, retry.Config{Clock: clk}, f.Do)
		require.ErrorIs(t, err, context.Canceled)
		require.ErrorIs(t, err, errDown)
		require.Equal(t, 1, f.Calls())
	}
}

// afterOnly is a clock without a Sleep method.
type afterOnly struct{ policy.Clock }

func TestTheCauseOfACancelDuringAnAttemptIsTheReason(t *testing.T) {
	errGone := errors.New("gone")
	ctx, cancel := context.WithCancelCause(t.Context())
	_, err := retry.Do(ctx, retry.Config{}, func(context.Context) (int, error) { cancel(errGone); return 0, errDown })
	var ended *retry.Error
	require.ErrorAs(t, err, &ended)
	assert.Equal(t, errGone, ended.Reason)
	assert.ErrorIs(t, err, context.Canceled)
}

func TestAHintIsOnlyTheMinimumOfTheDelay(t *testing.T) {
	clk := fake.NewClock(fake.AutoAdvance())
	f := fake.NewFunc[int]().Fail(retry.After(errDown, time.Second), retry.After(errDown, time.Minute)).Return(1)
	_, err := retry.Do(t.Context(), retry.Config{
		Backoff: retry.Constant(10 * time.Second), JitterFactor: retry.NoJitter, MaxRetryAfter: time.Hour, Clock: clk,
	}, f.Do)
	require.NoError(t, err)
	assert.Equal(t, []time.Duration{10 * time.Second, time.Minute}, clk.Sleeps())
}

func TestAHintThatIsTooLongIsReportedToTheCaller(t *testing.T) {
	_, err := retry.Do(t.Context(), retry.Config{}, fake.NewFunc[int]().Fail(retry.After(errDown, 2*time.Minute)).Do)
	require.ErrorIs(t, err, retry.ErrRetryAfter)
	assert.ErrorContains(t, err, "than MaxRetryAfter (2m0s): last error: down")
	var asks interface{ RetryAfter() time.Duration }
	require.ErrorAs(t, err, &asks)
	assert.Equal(t, 2*time.Minute, asks.RetryAfter())
	assert.Zero(t, (*retry.Error)(nil).RetryAfter())
}

// This config needs no clock before the first attempt has failed.
func TestElapsedOfADefaultRetryIncludesAllDelays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, err := retry.Do(t.Context(), retry.Config{JitterFactor: retry.NoJitter}, fake.NewFunc[int]().Fail(errDown).Do)
		var failed *retry.Error
		require.ErrorAs(t, err, &failed)
		assert.Equal(t, 1500*time.Millisecond, failed.Elapsed)
	})
}

// The slot of the spent retry is not the next one in the ring.
func TestABudgetForgetsASlotBeforeItIsReplaced(t *testing.T) {
	clk := fake.NewClock()
	budget := retry.NewBudget(retry.BudgetConfig{Ratio: 1e-9, MinPerSecond: 0.1, Window: 10 * time.Second, Clock: clk})
	cfg := retry.Config{MaxAttempts: 2, Backoff: retry.Constant(0), Budget: budget, Clock: clk}
	for _, wait := range []time.Duration{0, 15 * time.Second, 11 * time.Second} {
		clk.Advance(wait)
		_, err := retry.Do(t.Context(), cfg, fake.NewFunc[int]().Fail(errDown).Do)
		require.ErrorIs(t, err, retry.ErrExhausted, "one retry is available again")
		_, err = retry.Do(t.Context(), cfg, fake.NewFunc[int]().Fail(errDown).Do)
		require.ErrorIs(t, err, retry.ErrBudget)
	}
}

func TestARetryThatEndsForAnotherReasonTakesNoToken(t *testing.T) {
	clk := fake.NewClock()
	short, cancel := clk.WithTimeout(t.Context(), time.Second)
	defer cancel()
	for reason, c := range map[error]struct {
		ctx context.Context
		cfg retry.Config
		err error
	}{
		retry.ErrExhausted:  {t.Context(), retry.Config{MaxAttempts: 1}, errDown},
		retry.ErrElapsed:    {t.Context(), retry.Config{MaxElapsed: time.Second}, errDown},
		retry.ErrDeadline:   {short, retry.Config{}, errDown},
		retry.ErrRetryAfter: {t.Context(), retry.Config{}, retry.After(errDown, time.Hour)},
	} {
		budget := retry.NewBudget(retry.BudgetConfig{Ratio: 1e-9, MinPerSecond: 0.1, Window: 10 * time.Second, Clock: clk})
		c.cfg.Budget, c.cfg.Clock, c.cfg.Backoff = budget, clk, retry.Constant(2*time.Second)
		_, err := retry.Do(c.ctx, c.cfg, fake.NewFunc[int]().Fail(c.err).Do)
		require.ErrorIs(t, err, reason)
		left := retry.Config{MaxAttempts: 2, Backoff: retry.Constant(0), Budget: budget, Clock: clk}
		_, err = retry.Do(t.Context(), left, fake.NewFunc[int]().Fail(errDown).Do)
		require.ErrorIs(t, err, retry.ErrExhausted, "%v took the token", reason)
	}
}

func TestABudgetForgetsWhatIsOlderThanItsWindow(t *testing.T) {
	clk := fake.NewClock(fake.AutoAdvance())
	budget := retry.NewBudget(retry.BudgetConfig{Ratio: 0.001, MinPerSecond: 1, Window: 2 * time.Second, Clock: clk})
	spend := func() (attempts int) {
		f := fake.NewFunc[int]().Fail(errDown)
		_, err := retry.Do(t.Context(), retry.Config{MaxAttempts: 10, Backoff: retry.Constant(0), Budget: budget, Clock: clk}, f.Do)
		require.ErrorIs(t, err, retry.ErrBudget)
		return f.Calls()
	}
	assert.Equal(t, 3, spend())
	assert.Equal(t, 1, spend())
	clk.Advance(2 * time.Second)
	assert.Equal(t, 3, spend())
}

func TestACancelInDiscardPreventsTheNextAttempt(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	r := retry.New[int](retry.Config{Backoff: retry.Constant(0)}).
		WithCondition(func(v int, _ error) bool { return v < 0 }).
		WithDiscard(func(int) { cancel() })
	f := fake.NewFunc[int]().Return(-1)
	v, err := r.Do(ctx, f.Do)
	require.ErrorIs(t, err, context.Canceled)
	assert.Zero(t, v, "a discarded value is not returned")
	assert.Equal(t, 1, f.Calls())
}

func TestAnErrorOmitsATimeThatWasNotMeasured(t *testing.T) {
	_, err := retry.Do(t.Context(), retry.Config{MaxAttempts: 1}, fake.NewFunc[int]().Fail(errDown).Do)
	assert.EqualError(t, err, "retry: gave up after 1 attempt: retry: attempts exhausted: last error: down")
	clk := fake.NewClock(fake.AutoAdvance())
	_, err = retry.Do(t.Context(), retry.Config{Clock: clk, JitterFactor: retry.NoJitter}, fake.NewFunc[int]().Fail(errDown).Do)
	assert.EqualError(t, err, "retry: gave up after 3 attempts in 1.5s: retry: attempts exhausted: last error: down")
}

func TestWithoutARetryNothingIsAllocated(t *testing.T) {
	ctx := context.Background()
	one := policy.Func[int](func(context.Context) (int, error) { return 1, nil })
	assert.Zero(t, testing.AllocsPerRun(100, func() { _, _ = retry.Do(ctx, retry.Config{}, one) }))

	open := breaker.NewCircuit(breaker.Config{})
	open.Trip(time.Hour, "test")
	rejecting := pipeline.New[int](policy.FallbackValue(7), retry.New[int](retry.Config{}), breaker.New[int](open))
	assert.Zero(t, testing.AllocsPerRun(100, func() { _, _ = rejecting.Do(ctx, one) }), "a rejection inside a retry")
}

func TestALongBaseDelayRaisesTheDefaultMaxDelay(t *testing.T) {
	clk := fake.NewClock(fake.AutoAdvance())
	cfg := retry.Config{BaseDelay: 10 * time.Second, JitterFactor: retry.NoJitter, Clock: clk}
	require.NoError(t, cfg.Validate())
	_, err := retry.Do(t.Context(), cfg, fake.NewFunc[int]().Fail(errDown).Do)
	require.Error(t, err)
	assert.Equal(t, []time.Duration{10 * time.Second, 10 * time.Second}, clk.Sleeps())
}

func TestTimeoutsAttachToTheContextOfALaterAttempt(t *testing.T) {
	clk := fake.NewClock(fake.AutoAdvance())
	start := clk.Now()
	p := pipeline.Standard[int](pipeline.StandardConfig{
		TotalTimeout: 10 * time.Second, AttemptTimeout: 8 * time.Second,
		Retry: retry.Config{JitterFactor: retry.NoJitter}, Clock: clk,
	})
	_, err := p.Do(t.Context(), fake.NewFunc[int]().Delay(clk, time.Minute).Return(1).Do)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	assert.Equal(t, 10*time.Second, clk.Now().Sub(start), "virtual time did not pass the total")
}

// atZero is a clock that begins at the zero time.Time.
type atZero struct{ *fake.Clock }

func (c atZero) Now() time.Time { return time.Time{}.Add(c.Clock.Now().Sub(fake.NewClock().Now())) }

func TestMaxElapsedWorksOnAClockThatBeginsAtZero(t *testing.T) {
	clk := atZero{fake.NewClock(fake.AutoAdvance())}
	f := fake.NewFunc[int]().Fail(errDown)
	_, err := retry.Do(t.Context(), retry.Config{
		MaxAttempts: retry.Unlimited, Backoff: retry.Constant(time.Second), MaxElapsed: 3 * time.Second, Clock: clk,
	}, f.Do)
	require.ErrorIs(t, err, retry.ErrElapsed)
	assert.Equal(t, 4, f.Calls())
}

type hint time.Duration

func (h hint) Error() string             { return "hint" }
func (h hint) RetryAfter() time.Duration { return time.Duration(h) }

func TestAnErrorThatIsNotAPointerMayGiveAHint(t *testing.T) {
	clk := fake.NewClock(fake.AutoAdvance())
	_, err := retry.Do(t.Context(), retry.Config{MaxAttempts: 2, JitterFactor: retry.NoJitter, Clock: clk}, fake.NewFunc[int]().Fail(hint(time.Second)).Do)
	require.ErrorIs(t, err, retry.ErrExhausted)
	assert.Equal(t, []time.Duration{time.Second}, clk.Sleeps())
}
