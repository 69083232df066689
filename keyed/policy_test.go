package keyed_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/internal/refusal"
	"github.com/ductile-go/ductile/keyed"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/policytest"
	"github.com/ductile-go/ductile/retry"
)

// teller emits an event and runs the call. Its Refusal refuses while the value is busy.
type teller struct{ v *thing }

var errBusy = errors.New("busy")

func (p teller) Execute(ctx context.Context, next policy.Call[int]) (int, error) {
	next.Emit(ctx, policy.Event{Kind: policy.Judged, Policy: "teller"})
	return next.Do(ctx)
}

func (p teller) Refusal(context.Context, time.Duration) error {
	if p.v.active.Load() {
		return errBusy
	}
	return nil
}

func tell(v *thing) policy.Policy[int] { return teller{v} }

func one(context.Context) (int, error) { return 1, nil }

// run makes a call with the key k through p.
func run(t *testing.T, p policy.Policy[int], k string) {
	t.Helper()
	v, err := p.Execute(withKey(context.Background(), k), policy.CallOf(one))
	require.NoError(t, err)
	assert.Equal(t, 1, v)
}

func TestRunsEachCallThroughThePolicyOfItsKey(t *testing.T) {
	m := keyed.New(config{Make: makeThing})
	var ran []string
	p := keyed.Policy(m, keyOf, func(v *thing) policy.Policy[int] {
		return policy.Check(func(_ int, err error) error {
			ran = append(ran, v.key)
			return err
		})
	})
	run(t, p, "a")
	run(t, p, "b")
	run(t, p, "a")
	assert.Equal(t, []string{"a", "b", "a"}, ran)
	assert.Equal(t, []string{"a", "b"}, keysOf(m))
}

func TestACallWithoutAKeyRunsWithoutAPolicy(t *testing.T) {
	m := keyed.New(config{Make: makeThing})
	p := keyed.Policy(m, keyOf, func(*thing) policy.Policy[int] { panic("not for this call") })
	v, err := p.Execute(context.Background(), policy.CallOf(one))
	require.NoError(t, err)
	assert.Equal(t, 1, v)
	assert.Zero(t, m.Len())
}

func TestAnEndedContextMakesNoMember(t *testing.T) {
	m := keyed.New(config{Make: makeThing})
	ctx, cancel := context.WithCancelCause(withKey(context.Background(), "a"))
	cancel(errBusy)
	_, err := keyed.Policy(m, keyOf, tell).Execute(ctx, policy.CallOf(one))
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, err, errBusy)
	assert.Zero(t, m.Len())
}

func TestOfIsCalledOnceForEachValue(t *testing.T) {
	asked := map[*thing]int{}
	m := keyed.New(config{Max: 1, Make: func(string) *thing { return busy() }})
	of := func(v *thing) policy.Policy[int] {
		asked[v]++
		return pass{}
	}
	first, second := keyed.Policy(m, keyOf, of), keyed.Policy(m, keyOf, of)
	for _, k := range []string{"a", "b", "a", "c", "b"} {
		run(t, first, k)
	}
	assert.Equal(t, map[*thing]int{m.Get("a"): 1, m.Get("b"): 1}, asked)
	run(t, second, "a")
	run(t, second, "a")
	assert.Equal(t, 2, asked[m.Get("a")], "each Policy asks for itself")

	m.Forget("a")
	run(t, first, "a")
	assert.Equal(t, 1, asked[m.Get("a")], "a new value")
}

func TestConcurrentFirstCallsCallOfOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := keyed.New(config{Make: makeThing})
		var asked [3]atomic.Int64
		gate := make(chan struct{})
		var callers sync.WaitGroup
		for i := range asked {
			p := keyed.Policy(m, keyOf, func(*thing) policy.Policy[int] {
				asked[i].Add(1)
				<-gate
				return pass{}
			})
			for range 100 {
				callers.Go(func() { run(t, p, "a") })
			}
		}
		synctest.Wait()
		close(gate)
		callers.Wait()
		for i := range asked {
			assert.Equal(t, int64(1), asked[i].Load())
		}
	})
}

func TestAfterAPanicInOfTheNextCallCallsItAgain(t *testing.T) {
	broken := true
	p := keyed.Policy(keyed.New(config{Make: makeThing}), keyOf, func(*thing) policy.Policy[int] {
		if broken {
			panic("of")
		}
		return pass{}
	})
	assert.PanicsWithValue(t, "of", func() { run(t, p, "a") })
	broken = false
	run(t, p, "a")
}

func TestANilPolicyPanics(t *testing.T) {
	p := keyed.Policy(keyed.New(config{Make: makeThing}), keyOf, func(*thing) policy.Policy[int] { return nil })
	assert.PanicsWithValue(t, "keyed: Policy: of returned nil for the value of the key a: return a policy for every value",
		func() { run(t, p, "a") })
}

func TestPolicyPanicsForNilArguments(t *testing.T) {
	m := keyed.New(config{Make: makeThing})
	assert.PanicsWithValue(t, "keyed: Policy: m is nil, want a map made by New",
		func() { keyed.Policy[int, string, *thing](nil, keyOf, tell) })
	assert.PanicsWithValue(t, "keyed: Policy: m is a zero Map, want a map made by New",
		func() { keyed.Policy[int, string](new(keyed.Map[string, *thing]), keyOf, tell) })
	assert.PanicsWithValue(t, "keyed: Policy: key is nil, want a function that returns the key of a call",
		func() { keyed.Policy(m, nil, tell) })
	assert.PanicsWithValue(t, "keyed: Policy: of is nil, want a function that returns the policy for a value",
		func() { keyed.Policy[int](m, keyOf, nil) })
}

// observed returns a chain of p whose events rec records.
func observed(p policy.Policy[int], rec *fake.Recorder) *policy.Chain[int] {
	return policy.NewChain("calls", []policy.Listener{{Observe: rec.Observe}}, p)
}

func TestEventsCarryTheKey(t *testing.T) {
	type account struct {
		tenant string
		shard  int
	}
	m := keyed.New(keyed.Config[account, *thing]{Max: 2, Make: func(account) *thing { return busy() }})
	at := 0
	p := keyed.Policy(m, func(context.Context) (account, bool) { return account{"acme", at}, at >= 0 }, tell)
	rec := fake.NewRecorder()
	c := observed(p, rec)
	for _, at = range []int{1, 2, 1, 3, -1} { // of 2 members, so 3 is served by the overflow
		_, err := c.Call(one).Do(context.Background())
		require.NoError(t, err)
	}
	var keys []string
	for _, e := range rec.Events() {
		if e.Kind == policy.Judged {
			assert.Equal(t, "calls", e.Pipeline)
			keys = append(keys, e.Key)
		}
	}
	assert.Equal(t, []string{"{acme 1}", "{acme 2}", "{acme 1}", ""}, keys)
}

func TestRefusalAsksTheMemberAndAddsNothing(t *testing.T) {
	m := keyed.New(config{Make: makeThing})
	p := keyed.Policy(m, keyOf, tell)
	refused := func(p any, k string) error {
		return refusal.Of(withKey(context.Background(), k), p, time.Second)
	}
	require.NoError(t, refused(p, "a"), "an unknown key would be made anew")
	assert.Zero(t, m.Len())
	m.Get("a").active.Store(true)
	require.ErrorIs(t, refused(p, "a"), errBusy)
	require.NoError(t, refused(p, "b"))
	require.NoError(t, refusal.Of(context.Background(), p, time.Second), "a call without a key goes by")
	assert.Equal(t, []string{"a"}, keysOf(m))
	require.ErrorIs(t, refused(keyed.Policy(m, keyOf, passThrough), "a"), refusal.ErrUnknown, "its policy cannot be asked")
}

// TestRefusalAsksTheOverflowThatACallWouldGet fills the map with busy members, so that
// further keys share the overflow value. A key for which a member would make room gets a new
// value, which refuses nothing.
func TestRefusalAsksTheOverflowThatACallWouldGet(t *testing.T) {
	m := keyed.New(config{Make: makeThing, Max: 2, Overflow: busy})
	p := keyed.Policy(m, keyOf, tell)
	refused := func(k string) error { return refusal.Of(withKey(context.Background(), k), p, time.Second) }
	a, b := m.Get("a"), m.Get("b")
	a.active.Store(true)
	b.active.Store(true)
	require.NoError(t, refused("c"), "the overflow value is still to be made")
	run(t, p, "c")
	require.ErrorIs(t, refused("c"), errBusy)
	require.ErrorIs(t, refused("d"), errBusy)
	require.ErrorIs(t, refused("a"), errBusy)
	b.active.Store(false)
	require.NoError(t, refused("c"), "b would make room")
	pin := m.Pin("b")
	require.ErrorIs(t, refused("c"), errBusy, "b is in use")
	pin.Release()
	require.NoError(t, refused("c"))
	m.Forget("a")
	b.active.Store(true)
	require.NoError(t, refused("c"), "there is room")
	assert.Equal(t, []string{"b"}, keysOf(m))
}

func TestARetryAsksTheOverflowBeforeItSleeps(t *testing.T) {
	clk := fake.NewClock(fake.AutoAdvance())
	circuits := keyed.New(keyed.Config[string, *breaker.Circuit]{Max: 1, Clock: clk, Make: func(string) *breaker.Circuit {
		return breaker.NewCircuit(breaker.Config{FailureThreshold: 2, Clock: clk})
	}})
	circuits.Get("a").Isolate("busy")
	p := pipeline.New[int](retry.New[int](retry.Config{Clock: clk, JitterFactor: retry.NoJitter}),
		keyed.Policy(circuits, keyOf, func(c *breaker.Circuit) policy.Policy[int] { return breaker.New[int](c) }))
	_, err := p.Do(withKey(t.Context(), "b"), func(context.Context) (int, error) { return 0, errBusy })
	require.ErrorIs(t, err, errBusy)
	require.ErrorIs(t, err, breaker.ErrOpen)
	assert.Equal(t, []time.Duration{500 * time.Millisecond}, clk.Sleeps(), "the second failure opened the circuit")
}

func TestRefusalIsNoUse(t *testing.T) {
	m := keyed.New(config{Make: makeThing, Max: 2})
	p := keyed.Policy(m, keyOf, tell)
	get(m, "a", "b")
	require.NoError(t, refusal.Of(withKey(context.Background(), "a"), p, 0))
	get(m, "c")
	assert.Equal(t, []string{"b", "c"}, keysOf(m))
}

func TestDescribesItselfWithItsCurrentBounds(t *testing.T) {
	m := keyed.New(config{Make: makeThing})
	p := keyed.Policy(m, keyOf, tell)
	assert.Equal(t, "keyed", fmt.Sprint(p))
	text, err := json.Marshal(policy.Describe(p))
	require.NoError(t, err)
	assert.JSONEq(t, `{"kind": "keyed", "config": {"Max": 1024, "Idle": 900000000000}}`, string(text))
	m.Reconfigure(5, time.Second)
	text, err = json.Marshal(policy.Describe(p))
	require.NoError(t, err)
	assert.JSONEq(t, `{"kind": "keyed", "config": {"Max": 5, "Idle": 1000000000}}`, string(text))
}

func TestAPipelineIsMeasuredOnTheClockOfTheMap(t *testing.T) {
	clk, rec := fake.NewClock(), fake.NewRecorder()
	c := observed(keyed.Policy(keyed.New(config{Make: makeThing, Clock: clk}), keyOf, tell), rec)
	_, err := c.Call(func(context.Context) (int, error) {
		clk.Advance(time.Hour)
		return 1, nil
	}).Do(withKey(context.Background(), "a"))
	require.NoError(t, err)
	events := rec.Events()
	assert.Equal(t, time.Hour, events[len(events)-1].Elapsed)
}

func TestCallsContinueWithADroppedValue(t *testing.T) {
	m := keyed.New(config{Make: makeThing})
	var after []string
	p := keyed.Policy(m, keyOf, func(v *thing) policy.Policy[int] {
		return policy.Check(func(_ int, err error) error {
			after = append(after, v.key)
			return err
		})
	})
	_, err := p.Execute(withKey(context.Background(), "a"), policy.CallOf(func(context.Context) (int, error) {
		m.Forget("a")
		return 1, nil
	}))
	require.NoError(t, err)
	assert.Equal(t, []string{"a"}, after)
}

func TestAKeyedPolicyKeepsThePromisesOfEveryPolicy(t *testing.T) {
	for name, key := range map[string]func(context.Context) (string, bool){
		"a key":    func(context.Context) (string, bool) { return "a", true },
		"no key":   func(context.Context) (string, bool) { return "", false },
		"overflow": func(context.Context) (string, bool) { return "over", true },
	} {
		t.Run(name, func(t *testing.T) {
			policytest.Run(t, func() policy.Policy[int] {
				m := keyed.New(config{Max: 1, Make: func(string) *thing { return busy() }})
				if name == "overflow" {
					m.Get("member")
				}
				return keyed.Policy(m, key, tell)
			})
		})
	}
}
