//go:build ductile_explore

package traffic

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/hedge"
	"github.com/ductile-go/ductile/internal/atomicx"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/ratelimit"
	"github.com/ductile-go/ductile/retry"
)

var errDown = errors.New("down")

func succeed(context.Context) (int, error) { return 1, nil }
func fail(context.Context) (int, error)    { return 0, errDown }

// path is one way through the library, with the number of atomic operations of a call
// after some warm-up calls: all, and those that may write.
type path struct {
	name        string
	ops, writes int
	own         int // the writes to memory of the call itself
	policy      policy.Policy[int]
	fn          policy.Func[int]
	warm        int // the number of warm-up calls
}

func paths() []path {
	closed := func(cfg breaker.Config) policy.Policy[int] { return breaker.New[int](breaker.NewCircuit(cfg)) }
	window := breaker.Config{Window: time.Hour, FailureRate: 1}
	calls := breaker.Config{WindowCalls: 8, FailureRate: 1, MinCalls: 8}
	open := breaker.NewCircuit(breaker.Config{})
	open.Trip(time.Hour, "test")
	budget := retry.NewBudget(retry.BudgetConfig{Window: time.Hour})
	full := bulkhead.NewGate(bulkhead.Config{Limit: 1})
	full.TryAcquire()
	spent := ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Per: time.Hour})
	spent.Allow(1)
	plenty := ratelimit.NewLimiter(ratelimit.Config{Limit: 1000, Per: time.Hour, Burst: 1000})
	still := fake.NewClock() // so that all latencies are the same, and in one bucket
	three := pipeline.New[int](policy.FallbackValue(7), retry.New[int](retry.Config{}), closed(breaker.Config{}), policy.Timeout[int](time.Hour))
	return []path{
		{name: "fallback, success", policy: policy.FallbackValue(7), fn: succeed},
		{name: "retry, success", policy: retry.New[int](retry.Config{}), fn: succeed},
		{name: "retry with a budget, success", ops: 4, writes: 1, policy: retry.New[int](retry.Config{Budget: budget}), fn: succeed, warm: 1},
		{name: "circuit in a row, success", ops: 2, policy: closed(breaker.Config{}), fn: succeed},
		{name: "circuit in a row, failure", ops: 5, writes: 1, policy: closed(breaker.Config{FailureThreshold: 100}), fn: fail, warm: 1},
		{name: "circuit with a time window, success", ops: 5, writes: 1, policy: closed(window), fn: succeed, warm: 1},
		{name: "circuit with a window of calls, success among successes", ops: 3, policy: closed(calls), fn: succeed, warm: 8},
		{name: "circuit with a window of calls, success that displaces a failure", ops: 8, writes: 2, policy: closed(calls), fn: failThen(1), warm: 8},
		{name: "open circuit, rejection", ops: 7, writes: 1, policy: breaker.New[int](open), fn: succeed},
		{name: "timeout, success", ops: 2, writes: 1, own: 1, policy: policy.Timeout[int](time.Hour), fn: succeed},
		{name: "gate, place free", ops: 4, writes: 2, policy: bulkhead.New[int](bulkhead.NewGate(bulkhead.Config{Limit: 100})), fn: succeed, warm: 1},
		{name: "full gate, rejection", ops: 10, writes: 1, policy: bulkhead.New[int](full), fn: succeed, warm: 1},
		{name: "limiter, token free", ops: 7, writes: 2, policy: ratelimit.New[int](plenty), fn: succeed, warm: 1},
		{name: "limiter without a token, rejection", ops: 9, writes: 1, policy: ratelimit.New[int](spent), fn: succeed, warm: 1},
		{name: "hedge with a given delay and no budget, in time", ops: 3, writes: 1, own: 1, policy: hedge.New[int](hedge.Config{Delay: time.Hour, Budget: hedge.NoBudget}), fn: succeed, warm: 1},
		{name: "hedge with a given delay, in time", ops: 6, writes: 2, own: 1, policy: hedge.New[int](hedge.Config{Delay: time.Hour}), fn: succeed, warm: 1},
		{name: "hedge with a learned delay, in time", ops: 13, writes: 4, own: 1, policy: hedge.New[int](hedge.Config{MinDelay: time.Hour, Clock: still}), fn: succeed, warm: 102},
		{name: "fallback > retry > circuit in a row > timeout, success", ops: 4, writes: 1, own: 1, policy: three, fn: succeed},
	}
}

// failThen fails n times and then succeeds.
func failThen(n int) policy.Func[int] {
	return func(context.Context) (int, error) {
		if n--; n >= 0 {
			return 0, errDown
		}
		return 1, nil
	}
}

func TestACallWritesWhatTheDocsSay(t *testing.T) {
	docs, err := os.ReadFile("../../docs/scaling.md")
	require.NoError(t, err)
	for _, p := range paths() {
		call := func() { _, _ = p.policy.Execute(context.Background(), policy.CallOf(p.fn)) }
		for range p.warm {
			call()
		}
		ops, writes := count(call)
		line := fmt.Sprintf("| %s | %d | %d | %d |\n", p.name, ops, writes, writes-p.own)
		fmt.Print(line)
		assert.True(t, strings.Contains(string(docs), "\n"+line), "docs/scaling.md lacks the line %s", line)
		assert.Equal(t, p.ops, ops, "%s: atomic operations", p.name)
		assert.Equal(t, p.writes, writes, "%s: writes", p.name)
	}
}

func count(call func()) (ops, writes int) {
	atomicx.Hook, atomicx.Wrote = func(any, bool) { ops++ }, func() { writes++ }
	defer func() { atomicx.Hook, atomicx.Wrote = nil, nil }()
	call()
	return ops, writes
}
