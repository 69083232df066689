package bench_test

import (
	"context"
	"sync/atomic"
	"testing"

	avast "github.com/avast/retry-go/v5"
	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/fallback"
	"github.com/failsafe-go/failsafe-go/retrypolicy"
	"github.com/failsafe-go/failsafe-go/timeout"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

func BenchmarkThree(b *testing.B)       { measure(b, "Three") }
func BenchmarkFour(b *testing.B)        { measure(b, "Four") }
func BenchmarkFourClosure(b *testing.B) { measure(b, "FourClosure") }

func TestPipelinesCallOnce(t *testing.T) {
	for _, name := range []string{"Three", "Four", "FourClosure"} {
		t.Run(name, func(t *testing.T) { succeeds(t, name) })
	}
}

func TestPipelinesRetryAndFallBack(t *testing.T) {
	for _, name := range []string{"Three", "Four", "FourClosure"} {
		for _, c := range workloads[name].contenders() {
			if c.lib == "bare" || c.lib == "mutex" || c.lib == "withtimeout" {
				continue
			}
			t.Run(name+"/"+c.lib, func(t *testing.T) {
				var calls atomic.Int64
				v, err := c.bind(counted(fail, &calls))(t.Context())
				require.NoError(t, err)
				assert.Equal(t, answer, v)
				assert.EqualValues(t, 3, calls.Load())
			})
		}
	}
}

// answer is what the fallbacks say.
const answer = 7

func ours(limited bool) []policy.Policy[int] {
	policies := []policy.Policy[int]{
		policy.FallbackValue(answer),
		retry.New[int](retry.Config{MaxAttempts: 3, Backoff: retry.Constant(0)}),
		breaker.New[int](ourRow(inRow)),
	}
	if limited {
		policies = append(policies, policy.Timeout[int](limit))
	}
	return policies
}

func theirs(limited bool) []failsafe.Policy[int] {
	policies := []failsafe.Policy[int]{
		fallback.NewWithResult(answer),
		retrypolicy.NewBuilder[int]().WithMaxAttempts(3).Build(),
		failsafeRow(inRow),
	}
	if limited {
		policies = append(policies, timeout.New[int](limit))
	}
	return policies
}

func three() []contender {
	p := pipeline.New(ours(false)...)
	r := avast.NewWithData[int](avast.Attempts(3), avast.Delay(0), avast.DelayType(avast.FixedDelay))
	cb := gobreakerRow(inRow)
	return append(yardsticks(),
		contender{"ductile", func(f callee) call {
			return func(ctx context.Context) (int, error) { return p.Do(ctx, f.fn) }
		}},
		failsafes(theirs(false)...),
		contender{"avast+gobreaker", func(f callee) call {
			return func(ctx context.Context) (int, error) {
				return orAnswer(r.Do(func() (int, error) {
					return cb.Execute(func() (int, error) { return f.fn(ctx) })
				}))
			}
		}})
}

func four() []contender {
	p := pipeline.New(ours(true)...)
	return append(append(yardsticks(), withTimeout),
		contender{"ductile", func(f callee) call {
			return func(ctx context.Context) (int, error) { return p.Do(ctx, f.fn) }
		}},
		executions("failsafe", theirs(true)...),
		avastAndGobreaker(),
		backoffAndGobreaker())
}

// fourClosure calls with a function that is made for each call, as a caller does
// whose request is in a local variable.
func fourClosure() []contender {
	p := pipeline.New(ours(true)...)
	e := failsafe.With(theirs(true)...)
	all := []contender{bare, withTimeout, {"ductile", func(f callee) call {
		n := 0
		return func(ctx context.Context) (int, error) {
			n++
			request := n
			return p.Do(ctx, func(ctx context.Context) (int, error) { return asked(ctx, f, request) })
		}
	}}, {"failsafe", func(f callee) call {
		n := 0
		return func(context.Context) (int, error) {
			n++
			request := n
			return e.GetWithExecution(func(exec failsafe.Execution[int]) (int, error) {
				return asked(exec.Context(), f, request)
			})
		}
	}}}
	for _, c := range []contender{avastAndGobreaker(), backoffAndGobreaker()} {
		all = append(all, contender{c.lib, func(f callee) call {
			n := 0
			return func(ctx context.Context) (int, error) {
				n++
				request := n
				return c.bind(callee{fn: func(ctx context.Context) (int, error) { return asked(ctx, f, request) }})(ctx)
			}
		}})
	}
	return all
}

// asked uses what a closure captured.
func asked(ctx context.Context, f callee, request int) (int, error) {
	v, err := f.fn(ctx)
	return v + request, err
}

// orAnswer is a fallback by hand.
func orAnswer(v int, failed error) (int, error) {
	if failed == nil {
		return v, nil
	}
	return answer, nil
}

func avastAndGobreaker() contender {
	r := avast.NewWithData[int](avast.Attempts(3), avast.Delay(0), avast.DelayType(avast.FixedDelay))
	cb := gobreakerRow(inRow)
	return contender{"avast+gobreaker", func(f callee) call {
		limited := withTimeout.bind(f)
		return func(ctx context.Context) (int, error) {
			return orAnswer(r.Do(func() (int, error) {
				return cb.Execute(func() (int, error) { return limited(ctx) })
			}))
		}
	}}
}

func backoffAndGobreaker() contender {
	cb := gobreakerRow(inRow)
	return contender{"backoff+gobreaker", func(f callee) call {
		limited := withTimeout.bind(f)
		return func(ctx context.Context) (int, error) {
			return orAnswer(retryBackoff(callee{value: func() (int, error) {
				return cb.Execute(func() (int, error) { return limited(ctx) })
			}})(ctx))
		}
	}}
}
