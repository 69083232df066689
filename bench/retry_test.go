package bench_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	avast "github.com/avast/retry-go/v5"
	"github.com/cenkalti/backoff/v7"
	"github.com/eapache/go-resiliency/retrier"
	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/retrypolicy"
	sethvargo "github.com/sethvargo/go-retry"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

func BenchmarkRetryFirst(b *testing.B) { measure(b, "RetryFirst") }
func BenchmarkRetryThird(b *testing.B) { measure(b, "RetryThird") }

func TestRetryFirstCallsOnce(t *testing.T) { succeeds(t, "RetryFirst") }

func TestRetryThirdCallsThreeTimes(t *testing.T) {
	each(t, "RetryThird", func(t *testing.T, do call, calls *atomic.Int64) {
		for n := 1; n <= 5; n++ {
			_, err := do(t.Context())
			require.NoError(t, err)
			require.EqualValues(t, 3*n, calls.Load())
		}
	})
}

func TestRetriesGiveUpAfterThreeAttempts(t *testing.T) {
	for _, c := range retries() {
		t.Run(c.lib, func(t *testing.T) {
			var calls atomic.Int64
			_, err := c.bind(counted(fail, &calls))(t.Context())
			require.Error(t, err)
			assert.EqualValues(t, 3, calls.Load())
		})
	}
}

func retryFirst() []contender { return append(yardsticks(), retries()...) }

// retryThird has a loop by hand for its floor.
func retryThird() []contender {
	return append([]contender{{"bare", func(f callee) call {
		return func(ctx context.Context) (v int, err error) {
			for range 3 {
				if v, err = f.fn(ctx); err == nil {
					return v, nil
				}
			}
			return v, err
		}
	}}}, retries()...)
}

// retries make three attempts, with no delay between them.
func retries() []contender {
	ours := retry.New[int](retry.Config{MaxAttempts: 3, Backoff: retry.Constant(0)})
	return []contender{
		ductile(ours),
		piped(ours),
		retryFailsafe(),
		retryAvast(),
		{"backoff", retryBackoff},
		retryEapache(),
		{"sethvargo", retrySethvargo},
	}
}

// alone is a policy of ductile that can be called by itself.
type alone interface {
	policy.Policy[int]
	Do(ctx context.Context, fn policy.Func[int]) (int, error)
}

func ductile(p alone) contender {
	return contender{"ductile", func(f callee) call {
		return func(ctx context.Context) (int, error) { return p.Do(ctx, f.fn) }
	}}
}

// piped is ductile by way of a pipeline.
func piped(policies ...policy.Policy[int]) contender {
	p := pipeline.New(policies...)
	return contender{"ductile-pipeline", func(f callee) call {
		return func(ctx context.Context) (int, error) { return p.Do(ctx, f.fn) }
	}}
}

// failsafes calls through an executor that is made once, as failsafe-go's
// documentation does it.
func failsafes(policies ...failsafe.Policy[int]) contender {
	e := failsafe.With(policies...)
	return contender{"failsafe", func(f callee) call {
		return func(context.Context) (int, error) { return e.Get(f.value) }
	}}
}

func retryFailsafe() contender {
	return failsafes(retrypolicy.NewBuilder[int]().WithMaxAttempts(3).Build())
}

func retryAvast() contender {
	r := avast.NewWithData[int](avast.Attempts(3), avast.Delay(0), avast.DelayType(avast.FixedDelay))
	return contender{"avast", func(f callee) call {
		return func(context.Context) (int, error) { return r.Do(f.value) }
	}}
}

func retryBackoff(f callee) call {
	none := &backoff.ZeroBackOff{} // has no state to share
	return func(ctx context.Context) (int, error) {
		return backoff.Retry(ctx, f.value, backoff.WithBackOff(none), backoff.WithMaxTries(3))
	}
}

func retryEapache() contender {
	r := retrier.New(retrier.ConstantBackoff(2, 0), nil)
	return contender{"eapache", func(f callee) call {
		return func(ctx context.Context) (int, error) { return 0, r.RunCtx(ctx, f.ctx) }
	}}
}

func retrySethvargo(f callee) call {
	none := sethvargo.BackoffFunc(func() (time.Duration, bool) { return 0, false })
	marked := func(ctx context.Context) (int, error) {
		v, err := f.fn(ctx)
		return v, sethvargo.RetryableError(err)
	}
	return func(ctx context.Context) (int, error) {
		return sethvargo.DoValue(ctx, sethvargo.WithMaxRetries(2, none), marked)
	}
}
