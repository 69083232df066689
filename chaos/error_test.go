package chaos_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/chaos"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/ratelimit"
	"github.com/ductile-go/ductile/retry"
)

// throwing returns an injector of each kind that injects err.
func throwing(err error) map[string]*chaos.Injector[int] {
	fail := func(context.Context) error { return err }
	return map[string]*chaos.Injector[int]{
		"fault":    chaos.Fault[int](always, fail),
		"outcome":  chaos.Outcome(always, func(context.Context) (int, error) { return 0, err }),
		"behavior": chaos.Behavior[int](always, fail),
		"detour":   chaos.Detour[int](always, func(context.Context, policy.Func[int]) (int, error) { return 0, err }),
	}
}

// full is the error of a gate that has no place left.
func full(t *testing.T) error {
	t.Helper()
	g := bulkhead.NewGate(bulkhead.Config{Name: "db", Limit: 1})
	_, ok := g.TryAcquire()
	require.True(t, ok)
	_, err := g.Acquire(t.Context())
	require.ErrorIs(t, err, bulkhead.ErrFull)
	return err
}

func TestAnInjectedErrorMatchesErrInjectedAndTheAuthorsOwn(t *testing.T) {
	own := &net.OpError{Op: "dial", Net: "tcp", Err: errDown}
	for kind, p := range throwing(own) {
		_, err := p.Do(t.Context(), answer(1))
		assert.ErrorIs(t, err, chaos.ErrInjected)
		assert.ErrorIs(t, err, errDown)
		assert.NotErrorIs(t, err, policy.ErrRejected)
		assert.NotErrorIs(t, err, io.EOF)
		found, ok := errors.AsType[*net.OpError](err)
		require.True(t, ok)
		assert.Same(t, own, found)
		injected, ok := errors.AsType[*chaos.Error](err)
		require.True(t, ok)
		assert.Equal(t, &chaos.Error{Name: "stripe", Kind: kind, Err: own}, injected)
		assert.EqualError(t, err, `chaos: injected by "stripe": dial tcp: connection refused`)
	}
}

func TestTheTextOfAnInjectedError(t *testing.T) {
	var typed *net.OpError
	for want, err := range map[string]*chaos.Error{
		"chaos: injected":                       {Err: chaos.ErrInjected},
		`chaos: injected by "db"`:               {Name: "db", Err: chaos.ErrInjected},
		"chaos: injected: EOF":                  {Err: io.EOF},
		"chaos: injected: all: chaos: injected": {Err: fmt.Errorf("all: %w", chaos.ErrInjected)},
		"chaos: injected: <nil>":                {Err: typed},
		`chaos: injected by "x"`:                {Name: "x"},
		"<nil>":                                 nil,
	} {
		assert.EqualError(t, err, want)
	}
	var none *chaos.Error
	assert.NotErrorIs(t, none, chaos.ErrInjected)
	assert.NotErrorIs(t, none, io.EOF)
	assert.Zero(t, none.RetryAfter())
	_, ok := errors.AsType[*net.OpError](none)
	assert.False(t, ok)
}

// Is and As answer for what Unwrap hides, and leave the rest to errors.Is and errors.As.
func TestIsAndAsFindOnlyWhatIsNotUnwrapped(t *testing.T) {
	plain := &chaos.Error{Err: &net.OpError{Op: "dial", Err: errDown}}
	var dial *net.OpError
	assert.False(t, plain.Is(errDown))
	assert.False(t, plain.As(&dial))
	assert.Equal(t, plain.Err, plain.Unwrap())
	hidden := &chaos.Error{Err: errors.Join(policy.ErrRejected, plain.Err)}
	assert.True(t, hidden.Is(errDown))
	assert.True(t, hidden.As(&dial))
	assert.NoError(t, hidden.Unwrap())
}

// An author may return another policy's rejection, to see how callers of a full gate fare. A
// circuit would ignore it, and a retry would end.
func TestAnInjectedRejectionMatchesItsOwnErrorsButIsNoRejection(t *testing.T) {
	refusal := full(t)
	for _, own := range []error{refusal, fmt.Errorf("query: %w", refusal), errors.Join(errDown, refusal)} {
		for _, p := range throwing(own) {
			_, err := p.Do(t.Context(), answer(1))
			assert.ErrorIs(t, err, chaos.ErrInjected)
			assert.ErrorIs(t, err, bulkhead.ErrFull)
			assert.NotErrorIs(t, err, policy.ErrRejected)
			gate, ok := errors.AsType[*bulkhead.FullError](err)
			require.True(t, ok)
			assert.Equal(t, "db", gate.Name)
			_, ok = errors.AsType[*net.OpError](err)
			assert.False(t, ok)
			assert.ErrorContains(t, err, refusal.Error())
		}
	}
}

func TestAnInjectedRejectionKeepsItsRetryAfter(t *testing.T) {
	l := ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Per: time.Minute, Burst: 1, Clock: fake.NewClock()})
	require.True(t, l.Allow(1))
	own := l.Wait(t.Context(), 2)
	require.ErrorIs(t, own, ratelimit.ErrCost)
	_, own = l.Reserve(1, 0)
	require.ErrorIs(t, own, ratelimit.ErrExceeded)
	for _, p := range throwing(own) {
		_, err := p.Do(t.Context(), answer(1))
		d, ok := policy.RetryAfter(err)
		assert.True(t, ok)
		assert.Equal(t, time.Minute, d)
		assert.NotErrorIs(t, err, policy.ErrRejected)
	}
}

func TestCircuitsCountInjectedErrorsAndRetriesRepeatThem(t *testing.T) {
	for _, own := range []error{errDown, chaos.ErrInjected, policy.ErrRejected, full(t), context.DeadlineExceeded} {
		for kind, p := range throwing(own) {
			circuit := breaker.NewCircuit(breaker.Config{FailureThreshold: 3})
			attempts := 0
			calls := pipeline.New[int](
				retry.New[int](retry.Config{BaseDelay: retry.NoDelay, OnRetry: func(context.Context, policy.Event) { attempts++ }}),
				breaker.New[int](circuit), p,
			)
			_, err := calls.Do(t.Context(), answer(1))
			assert.ErrorIs(t, err, chaos.ErrInjected)
			assert.Equal(t, 2, attempts, "%s of %v", kind, own)
			assert.Equal(t, breaker.Open, circuit.State(), "%s of %v", kind, own)
		}
	}
}

func TestTheMarksOfAnInjectedErrorReachThePoliciesAndNotTheCaller(t *testing.T) {
	for _, own := range []error{errDown, full(t)} {
		marked := retry.After(retry.Permanent(breaker.Judge(own, policy.Success)), time.Minute)
		for _, p := range throwing(marked) {
			circuit := breaker.NewCircuit(breaker.Config{FailureThreshold: 1})
			fn := fake.NewFunc[int]().Return(1)
			_, err := pipeline.New[int](retry.New[int](retry.Config{}), breaker.New[int](circuit), p).Do(t.Context(), fn.Do)
			injected, ok := err.(*chaos.Error) //nolint:errorlint // no mark is left around it
			require.True(t, ok, "%T", err)
			assert.Equal(t, own, injected.Err)
			assert.Equal(t, breaker.Closed, circuit.State(), "judged a success")

			_, err = p.Execute(t.Context(), policy.CallOf(fn.Do))
			d, _ := policy.RetryAfter(err)
			assert.Equal(t, time.Minute, d)
			_, err = p.Do(t.Context(), fn.Do)
			assert.IsType(t, injected, err)
			assert.Zero(t, fn.Calls())
		}
	}
}

func TestAFallbackAnswersAnInjectedFault(t *testing.T) {
	p := pipeline.New[int](policy.FallbackValue(7), chaos.Fault[int](always, failing))
	v, err := p.Do(t.Context(), answer(1))
	require.NoError(t, err)
	assert.Equal(t, 7, v)
}

func TestAnInjectedLatencyRunsIntoTheTimeoutAround(t *testing.T) {
	cfg := always
	clk := fake.NewClock(fake.AutoAdvance())
	cfg.Clock = clk
	p := pipeline.New[int](
		policy.NewTimeout[int](policy.TimeoutConfig{After: time.Second, Clock: clk}), chaos.Latency[int](cfg, lasting(time.Hour)),
	)
	fn := fake.NewFunc[int]().Return(1)
	_, err := p.Do(t.Context(), fn.Do)
	_, ok := errors.AsType[*policy.TimeoutError](err)
	assert.True(t, ok, "%v", err)
	assert.Zero(t, fn.Calls())
}
