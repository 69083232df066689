package retry_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// refusal is a rejection with a hint.
type refusal struct{ after time.Duration }

func (r *refusal) Error() string             { return "door: shut" }
func (r *refusal) Is(target error) bool      { return target == policy.ErrRejected }
func (r *refusal) RetryAfter() time.Duration { return r.after }

// door is a policy that rejects calls until a time on clk.
type door struct {
	clk   *fake.Clock
	until time.Time
	asked []time.Duration
	shuts int // after this many calls it rejects calls for a minute; 0 means never
}

func (d *door) Refusal(_ context.Context, after time.Duration) error {
	d.asked = append(d.asked, after)
	if left := d.until.Sub(d.clk.Now()); left > after {
		return &refusal{left}
	}
	return nil
}

func (d *door) Execute(ctx context.Context, next policy.Call[int]) (int, error) {
	if left := d.until.Sub(d.clk.Now()); left > 0 {
		return 0, &refusal{left}
	}
	v, err := next.Do(ctx)
	if d.shuts--; d.shuts == 0 {
		d.until = d.clk.Now().Add(time.Minute)
	}
	return v, err
}

func through(t *testing.T, r *retry.Retry[int], inner policy.Policy[int], fn policy.Func[int]) (int, error) {
	t.Helper()
	return policy.NewChain[int]("", nil, r, inner).Call(fn).Do(t.Context())
}

func TestARetryEndsWhenItsNextAttemptWouldBeRefused(t *testing.T) {
	clk := fake.NewClock(fake.AutoAdvance())
	d := &door{clk: clk, shuts: 1}
	budget := retry.NewBudget(retry.BudgetConfig{Clock: clk})
	discarded := 0
	r := retry.New[int](retry.Config{Clock: clk, Budget: budget, JitterFactor: retry.NoJitter}).WithDiscard(func(int) { discarded++ })
	f := fake.NewFunc[int]().Fail(errDown)
	_, err := through(t, r, d, f.Do)
	assert.Equal(t, 1, f.Calls())
	assert.Empty(t, clk.Sleeps(), "no sleep before a refusal")
	assert.Equal(t, []time.Duration{500 * time.Millisecond}, d.asked)
	assert.Zero(t, budget.Snapshot().Retries, "no token is spent")
	assert.Zero(t, discarded)

	var ended *retry.Error
	require.ErrorAs(t, err, &ended)
	assert.Equal(t, 1, ended.Attempts)
	assert.Equal(t, errDown, ended.Last)
	assert.Equal(t, errDown, errors.Unwrap(err))
	var refused *refusal
	assert.ErrorAs(t, ended.Reason, &refused)
	assert.ErrorAs(t, err, &refused)
	assert.ErrorIs(t, err, retry.ErrGaveUp)
	assert.NotErrorIs(t, err, policy.ErrRejected, "the function has run")
	assert.Equal(t, time.Minute, ended.RetryAfter())
	assert.EqualError(t, err, "retry: stopped after 1 attempt in 0s: door: shut: last error: down")
}

func TestARejectionOfALaterAttemptKeepsTheLastFailure(t *testing.T) {
	clk := fake.NewClock(fake.AutoAdvance())
	d := &door{clk: clk, shuts: 2}
	// stranger hides the door, so that it cannot be asked in advance.
	r := retry.New[int](retry.Config{Clock: clk, JitterFactor: retry.NoJitter, KeepErrors: 5})
	f := fake.NewFunc[int]().Fail(errDown)
	rec := fake.NewRecorder()
	_, err := policy.NewChain[int]("p", []policy.Listener{{Observe: rec.Observe}}, r, stranger{d}).Call(f.Do).Do(t.Context())
	assert.Equal(t, 2, f.Calls())
	var ended *retry.Error
	require.ErrorAs(t, err, &ended)
	assert.Equal(t, 3, ended.Attempts)
	assert.Equal(t, errDown, ended.Last)
	require.Len(t, ended.Errs, 3)
	assert.Equal(t, []error{errDown, errDown}, ended.Errs[:2])
	assert.NotErrorIs(t, err, policy.ErrRejected)
	assert.ErrorIs(t, err, errDown)
	assert.Positive(t, ended.RetryAfter())
	gaveUp := rec.Events()[len(rec.Events())-2]
	assert.Equal(t, policy.GaveUp, gaveUp.Kind)
	assert.Equal(t, "rejected", gaveUp.Reason)
}

// stranger is a policy that cannot be asked for a refusal.
type stranger struct{ inner policy.Policy[int] }

func (s stranger) Execute(ctx context.Context, next policy.Call[int]) (int, error) {
	return s.inner.Execute(ctx, next)
}

func TestARejectionOfTheFirstAttemptIsReturnedUnchanged(t *testing.T) {
	clk := fake.NewClock(fake.AutoAdvance())
	d := &door{clk: clk, until: clk.Now().Add(time.Minute)}
	for name, r := range map[string]*retry.Retry[int]{
		"by default":                    retry.New[int](retry.Config{Clock: clk}),
		"a deny-list":                   retry.New[int](retry.Config{Clock: clk, RetryIf: func(error) bool { return true }}),
		"a typed deny-list":             retry.New[int](retry.Config{Clock: clk}).WithCondition(func(_ int, err error) bool { return err != nil }),
		"in an unlimited retry":         retry.New[int](retry.Config{Clock: clk, MaxAttempts: retry.Unlimited}),
		"without a hint":                retry.New[int](retry.Config{Clock: clk, RetryRejected: true}),
		"for longer than MaxRetryAfter": retry.New[int](retry.Config{Clock: clk, RetryIf: func(error) bool { return true }}),
	} {
		inner := policy.Policy[int](d)
		if name == "without a hint" {
			inner = each(func(context.Context, policy.Call[int]) (int, error) { return 0, policy.ErrRejected })
		}
		_, err := through(t, r, inner, fake.NewFunc[int]().Return(1).Do)
		assert.ErrorIs(t, err, policy.ErrRejected, name)
		assert.NotErrorIs(t, err, retry.ErrGaveUp, name)
		assert.Empty(t, clk.Sleeps(), name)
	}
}

type each func(ctx context.Context, next policy.Call[int]) (int, error)

func (e each) Execute(ctx context.Context, next policy.Call[int]) (int, error) { return e(ctx, next) }

func TestRetryRejectedWaitsForTheHint(t *testing.T) {
	clk := fake.NewClock(fake.AutoAdvance())
	d := &door{clk: clk, until: clk.Now().Add(20 * time.Second)}
	r := retry.New[int](retry.Config{Clock: clk, RetryRejected: true, JitterFactor: retry.NoJitter})
	v, err := through(t, r, d, fake.NewFunc[int]().Return(1).Do)
	require.NoError(t, err)
	assert.Equal(t, 1, v)
	assert.Equal(t, []time.Duration{20 * time.Second}, clk.Sleeps())

	// A foreseen refusal is a minimum of the delay too.
	clk = fake.NewClock(fake.AutoAdvance())
	d = &door{clk: clk, shuts: 1}
	cfg := retry.Config{Clock: clk, RetryRejected: true, JitterFactor: retry.NoJitter, MaxRetryAfter: 2 * time.Minute}
	v, err = through(t, retry.New[int](cfg), d, fake.NewFunc[int]().Fail(errDown).Return(2).Do)
	require.NoError(t, err)
	assert.Equal(t, 2, v)
	assert.Equal(t, []time.Duration{time.Minute}, clk.Sleeps())

	// A hint beyond MaxRetryAfter is not followed in either case.
	cfg.MaxRetryAfter = 0
	for _, shuts := range []int{0, 1} {
		clk = fake.NewClock(fake.AutoAdvance())
		cfg.Clock = clk
		d = &door{clk: clk, shuts: shuts}
		if shuts == 0 {
			d.until = clk.Now().Add(time.Minute)
		}
		_, err = through(t, retry.New[int](cfg), d, fake.NewFunc[int]().Fail(errDown).Do)
		assert.ErrorIs(t, err, retry.ErrRetryAfter)
		assert.Equal(t, shuts == 0, errors.Is(err, policy.ErrRejected), "only if the function never ran")
		assert.Empty(t, clk.Sleeps())
	}
}

func TestAForeseenRefusalThatAsksForTooLongAWaitIsReported(t *testing.T) {
	clk := fake.NewClock(fake.AutoAdvance())
	d := &door{clk: clk, shuts: 1}
	cfg := retry.Config{Clock: clk, RetryRejected: true}
	_, err := through(t, retry.New[int](cfg), d, fake.NewFunc[int]().Fail(errDown).Do)
	assert.EqualError(t, err, "retry: gave up after 1 attempt in 0s: "+
		"retry: the server asks for a longer delay than MaxRetryAfter (1m0s): last error: down")
	var refused *refusal
	assert.ErrorAs(t, err, &refused)
	assert.NotErrorIs(t, err, policy.ErrRejected, "the function has run")
	wait, ok := policy.RetryAfter(err)
	assert.True(t, ok)
	assert.Equal(t, time.Minute, wait)
}

func TestAnOuterRetryWaitsForAForeseenRefusalThatWasTooLongForAnInnerOne(t *testing.T) {
	clk := fake.NewClock(fake.AutoAdvance())
	cfg := retry.Config{Clock: clk, RetryRejected: true, MaxRetryAfter: time.Second, JitterFactor: retry.NoJitter}
	inner := stranger{retry.New[int](cfg)}
	cfg.MaxRetryAfter = time.Minute
	f := fake.NewFunc[int]().Fail(errDown).Return(2)
	v, err := policy.NewChain[int]("", nil, retry.New[int](cfg), inner, &door{clk: clk, shuts: 1}).Call(f.Do).Do(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 2, v)
	assert.Equal(t, []time.Duration{time.Minute}, clk.Sleeps())
}

func TestAnErrorMatchesErrRejectedIfEveryAttemptWasRejected(t *testing.T) {
	clk := fake.NewClock(fake.AutoAdvance())
	full := each(func(context.Context, policy.Call[int]) (int, error) { return 0, &refusal{time.Second} })
	r := retry.New[int](retry.Config{Clock: clk, RetryRejected: true})
	_, err := through(t, r, full, fake.NewFunc[int]().Return(1).Do)
	assert.ErrorIs(t, err, retry.ErrExhausted)
	assert.ErrorIs(t, err, policy.ErrRejected)
	assert.Len(t, clk.Sleeps(), 2)
}

func TestAnErrorDoesNotMatchErrRejectedAfterARejectedValue(t *testing.T) {
	clk := fake.NewClock(fake.AutoAdvance())
	d := &door{clk: clk, shuts: 1}
	r := retry.New[int](retry.Config{Clock: clk}).WithCondition(func(v int, _ error) bool { return v < 0 })
	v, err := through(t, r, stranger{d}, fake.NewFunc[int]().Return(-1).Do)
	var ended *retry.Error
	require.ErrorAs(t, err, &ended)
	assert.Zero(t, v)
	assert.NoError(t, ended.Last)
	assert.NotErrorIs(t, err, policy.ErrRejected, "the function has run")
}

func TestAnOuterRetryDoesNotWaitForARefusalInsideAnInnerOne(t *testing.T) {
	clk := fake.NewClock(fake.AutoAdvance())
	d := &door{clk: clk, shuts: 1}
	inner := retry.New[int](retry.Config{Clock: clk, MaxAttempts: 2, JitterFactor: retry.NoJitter})
	f := fake.NewFunc[int]().Fail(errDown)
	_, err := policy.NewChain[int]("", nil, retry.New[int](retry.Config{Clock: clk}), inner, d).Call(f.Do).Do(t.Context())
	assert.ErrorIs(t, err, errDown)
	assert.Empty(t, clk.Sleeps())
	assert.Equal(t, 1, f.Calls())
}

func TestAnOuterRetryDoesNotFollowTheHintOfAnInnerRejection(t *testing.T) {
	clk := fake.NewClock(fake.AutoAdvance())
	d := &door{clk: clk, shuts: 2}
	inner := retry.New[int](retry.Config{Clock: clk, JitterFactor: retry.NoJitter})
	f := fake.NewFunc[int]().Fail(errDown)
	_, err := policy.NewChain[int]("", nil, retry.New[int](retry.Config{Clock: clk, JitterFactor: retry.NoJitter}), inner, d).Call(f.Do).Do(t.Context())
	assert.ErrorIs(t, err, errDown)
	assert.Equal(t, []time.Duration{500 * time.Millisecond}, clk.Sleeps(), "no retry sleeps until the door opens")
	assert.Equal(t, 2, f.Calls())
}

func TestARejectedAttemptGivesItsTokenBack(t *testing.T) {
	clk := fake.NewClock(fake.AutoAdvance())
	budget := retry.NewBudget(retry.BudgetConfig{Clock: clk})
	d := &door{clk: clk, shuts: 1}
	_, err := through(t, retry.New[int](retry.Config{Clock: clk, Budget: budget}), stranger{d}, fake.NewFunc[int]().Fail(errDown).Do)
	assert.Error(t, err)
	assert.Equal(t, retry.BudgetSnapshot{Calls: 1, Left: 100}, budget.Snapshot())
}
