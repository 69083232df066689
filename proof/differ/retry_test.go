package differ_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cenkalti/backoff/v7"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/proof/row"
	"github.com/ductile-go/ductile/retry"
)

func exponential(base, limit time.Duration, factor float64) *backoff.ExponentialBackOff {
	b := backoff.NewExponentialBackOff()
	b.InitialInterval, b.MaxInterval, b.Multiplier, b.RandomizationFactor = base, limit, factor, 0
	b.Reset()
	return b
}

// TestDelaysEqualThoseOfBackoff compares delays without jitter. backoff
// truncates each delay to a nanosecond and multiplies the result; we round the power.
// With a factor of 2 the delays are equal. With others the truncations add up to less
// than a nanosecond for each attempt, which grows with the delay.
func TestDelaysEqualThoseOfBackoff(t *testing.T) {
	rnd := rand.New(rand.NewPCG(*firstSeed, 0xde1a))
	delays, worst := 0, time.Duration(0)
	for n := range *schedules {
		base := time.Millisecond + time.Duration(rnd.Int64N(int64(time.Second)))
		limit := base + time.Duration(rnd.Int64N(int64(time.Hour)))
		factor := 2.0
		if n%2 == 1 {
			factor = 1 + 2*rnd.Float64()
		}
		ours, theirs := retry.Exponential(base, limit, factor), exponential(base, limit, factor)
		for attempt := range 40 {
			a, b := ours(retry.Step{Attempt: attempt + 1}), theirs.NextBackOff()
			tolerance := 0.0
			if factor != 2 {
				tolerance = 1 + math.Pow(factor, float64(attempt))*factor/(factor-1)
			}
			require.InDelta(t, float64(b), float64(a), min(tolerance, float64(limit)/1e5),
				"seed %d, schedule %d: base %v, max %v, factor %v, attempt %d", *firstSeed, n, base, limit, factor, attempt+1)
			delays, worst = delays+1, max(worst, (a-b).Abs())
		}
	}
	row.Row{
		Searched: "differential: delays and backoff v7.0.3",
		Amount:   fmt.Sprintf("%d delays of %d schedules", delays, *schedules),
		Seeds:    fmt.Sprint(*firstSeed),
		Result:   fmt.Sprintf("the same with a factor of 2; at most %v apart by rounding with others", worst),
	}.Print()
}

// work is a schedule for a retry: the result and duration of each attempt, and the time
// at which the caller cancels. That time is odd and all others are even, so that nothing
// else happens at the same time.
type work struct {
	ends       []error
	takes      []time.Duration
	delay      time.Duration
	factor     float64       // of exponential delays; 0 means constant ones
	hint       time.Duration // of every error, no shorter than the delay; 0 means none
	tries      int
	maxElapsed time.Duration
	leaves     time.Duration // 0 means never
}

func plan(seed uint64) work {
	rnd := rand.New(rand.NewPCG(seed, 0x7e72))
	even := func(n int64) time.Duration { return 2 + 2*time.Duration(rnd.Int64N(n)) }
	w := work{delay: even(50), tries: 1 + rnd.IntN(6)}
	switch rnd.IntN(4) {
	case 0, 1:
		w.factor = 2
	case 2:
		w.hint = w.delay + even(50)
	}
	for range w.tries {
		end := errDown
		switch rnd.IntN(6) {
		case 0:
			end = nil
		case 1:
			end = errForGood
		}
		w.ends, w.takes = append(w.ends, end), append(w.takes, even(20))
	}
	if rnd.IntN(3) == 0 {
		w.maxElapsed = even(150)
	}
	if rnd.IntN(3) == 0 {
		w.leaves = even(150) + 1
	}
	return w
}

var errForGood = errors.New("for good")

// course is the course of a retry: when each attempt began, when it ended, and why.
type course struct {
	began []time.Duration
	over  time.Duration
	why   string
}

// follow runs a retry of w and records its course.
func (w work) follow(run func(ctx context.Context, attempt func() error) error) course {
	ctx, leave := context.WithCancel(context.Background())
	defer leave()
	if w.leaves > 0 {
		defer time.AfterFunc(w.leaves, leave).Stop()
	}
	var c course
	start := time.Now()
	err := run(ctx, func() error {
		n := len(c.began)
		c.began = append(c.began, time.Since(start))
		time.Sleep(w.takes[n])
		return w.ends[n]
	})
	c.over, c.why = time.Since(start), w.reason(ctx, len(c.began), err)
	return c
}

// reason returns why a retry ended, in neutral words. If the caller cancels during the
// last attempt, the libraries give different reasons, so the cancel comes first here.
func (w work) reason(ctx context.Context, attempts int, err error) string {
	switch {
	case err == nil:
		return "success"
	case errors.Is(err, errForGood):
		return "final"
	case ctx.Err() != nil:
		return "the caller left"
	case attempts == w.tries && (errors.Is(err, retry.ErrExhausted) || errors.Is(err, backoff.ErrExhausted)):
		return "exhausted"
	case errors.Is(err, retry.ErrElapsed) || errors.Is(err, backoff.ErrMaxElapsedTime):
		return "elapsed"
	}
	return err.Error()
}

func (w work) ours(ctx context.Context, attempt func() error) error {
	cfg := retry.Config{MaxAttempts: w.tries, MaxElapsed: w.maxElapsed, Backoff: retry.Constant(w.delay), JitterFactor: retry.NoJitter}
	if w.factor > 0 {
		cfg.Backoff = retry.Exponential(w.delay, 10*w.delay, w.factor)
	}
	_, err := retry.Do(ctx, cfg, func(context.Context) (int, error) {
		err := attempt()
		if errors.Is(err, errForGood) {
			err = retry.Permanent(err)
		} else if err != nil && w.hint > 0 {
			err = retry.After(err, w.hint)
		}
		return 0, err
	})
	return err
}

func (w work) theirs(ctx context.Context, attempt func() error) error {
	var delays backoff.BackOff = backoff.NewConstantBackOff(w.delay)
	if w.factor > 0 {
		delays = exponential(w.delay, 10*w.delay, w.factor)
	}
	_, err := backoff.Retry(ctx, func() (int, error) {
		err := attempt()
		if errors.Is(err, errForGood) {
			err = backoff.Permanent(err)
		} else if err != nil && w.hint > 0 {
			err = backoff.RetryAfter(w.hint, err)
		}
		return 0, err
	}, backoff.WithMaxTries(uint(w.tries)), backoff.WithMaxElapsedTime(w.maxElapsed), backoff.WithBackOff(delays))
	return err
}

func TestARetryAndBackoffAgree(t *testing.T) {
	attempts, n := 0, 4**schedules
	for i := range n {
		seed := *firstSeed + uint64(i)
		synctest.Test(t, func(t *testing.T) {
			w := plan(seed)
			ours := w.follow(w.ours)
			require.Equal(t, w.follow(w.theirs), ours, "seed %d: %+v", seed, w)
			attempts += len(ours.began)
		})
	}
	row.Row{
		Searched: "differential: retry and backoff v7.0.3",
		Amount:   fmt.Sprintf("%d schedules, %d attempts", n, attempts),
		Seeds:    fmt.Sprintf("%d to %d", *firstSeed, *firstSeed+uint64(n)-1),
		Result:   "same attempts at the same times, same reasons; 12 differences, each with its test",
	}.Print()
}

// One retry has delays that grow a little faster, and another makes one attempt more.
func TestASlightlyWrongRetryIsFound(t *testing.T) {
	for name, off := range map[string]func(*work){
		"factor":   func(w *work) { w.factor *= 1.5 },
		"attempts": func(w *work) { w.tries++; w.ends, w.takes = append(w.ends, nil), append(w.takes, 2) },
		"hint":     func(w *work) { w.hint /= 2 },
	} {
		t.Run(name, func(t *testing.T) {
			found := 0
			for seed := range uint64(100) {
				w := plan(seed)
				broken := w
				off(&broken)
				synctest.Test(t, func(*testing.T) {
					if !reflect.DeepEqual(broken.follow(broken.ours), w.follow(w.theirs)) {
						found++
					}
				})
			}
			require.NotZero(t, found)
		})
	}
}
