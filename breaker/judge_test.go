package breaker_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
)

var errNotFound = errors.New("not found")

func TestAMarkedErrorMeansWhatItsMarkSays(t *testing.T) {
	for way, do := range ways {
		for name, cfg := range map[string]breaker.Config{
			"plain":   {WindowCalls: 9, FailureThreshold: 9},
			"guarded": {WindowCalls: 9, FailureThreshold: 9, Classify: func(error) policy.Outcome { return policy.Failure }},
		} {
			c := breaker.NewCircuit(cfg)
			b := breaker.New[int](c)
			for _, err := range []error{
				breaker.Judge(errNotFound, policy.Success),
				fmt.Errorf("get: %w", breaker.Judge(errNotFound, policy.Success)),
				breaker.Judge(errNotFound, policy.Ignored),
				breaker.Judge(policy.ErrRejected, policy.Failure),
			} {
				_, got := do(b, fake.NewFunc[int]().Fail(err).Do)
				require.Error(t, got)
			}
			assert.Equal(t, breaker.Counts{Successes: 2, Failures: 1, Ignored: 1}, c.Snapshot().Counts, "%s by %s", name, way)
		}
	}
}

func TestAMarkPrecedesTheCancellationOfTheCaller(t *testing.T) {
	c := breaker.NewCircuit(breaker.Config{FailureThreshold: 1})
	ctx, cancel := context.WithCancel(t.Context())
	_, err := breaker.Do(ctx, c, func(context.Context) (int, error) {
		cancel()
		return 0, breaker.Judge(errDown, policy.Failure)
	})
	require.Equal(t, errDown, err)
	assert.Equal(t, breaker.Open, c.State())
}

func TestDoRemovesMarksAndExecuteKeepsThem(t *testing.T) {
	marked := breaker.Judge(errNotFound, policy.Success)
	fn := fake.NewFunc[int]().Fail(marked).Fail(marked).Fail(marked).Fail(marked).Do
	c := breaker.NewCircuit(breaker.Config{})
	b := breaker.New[int](c)
	_, err := breaker.Do(t.Context(), c, fn)
	assert.Equal(t, errNotFound, err)
	_, err = b.Do(t.Context(), fn)
	assert.Equal(t, errNotFound, err)
	_, err = b.WithClassifier(func(int, error) policy.Outcome { return policy.Undecided }).Do(t.Context(), fn)
	assert.Equal(t, errNotFound, err)
	_, err = b.Execute(t.Context(), policy.CallOf(fn))
	assert.Equal(t, marked, err)
}

func TestAJudgedErrorStillMatches(t *testing.T) {
	assert.NoError(t, breaker.Judge(nil, policy.Failure))
	err := breaker.Judge(breaker.Judge(errNotFound, policy.Failure), policy.Success)
	assert.ErrorIs(t, err, errNotFound)
	assert.EqualError(t, err, "not found")
	c := breaker.NewCircuit(breaker.Config{FailureThreshold: 1})
	_, _ = breaker.Do(t.Context(), c, fake.NewFunc[int]().Fail(err).Do)
	assert.Equal(t, breaker.Closed, c.State(), "the later mark")
	_, _ = breaker.Do(t.Context(), c, fake.NewFunc[int]().Fail(breaker.Judge(err, policy.Undecided)).Do)
	assert.Equal(t, breaker.Open, c.State(), "no mark any more")
}

func TestUndecidedLeavesTheDecisionToTheNextRule(t *testing.T) {
	var asked []string
	say := func(who string, o policy.Outcome) policy.Outcome { asked = append(asked, who); return o }
	classify := policy.Undecided
	c := breaker.NewCircuit(breaker.Config{WindowCalls: 9, FailureThreshold: 9, Classify: func(error) policy.Outcome {
		return say("Classify", classify)
	}})
	b := breaker.New[int](c).WithClassifier(func(int, error) policy.Outcome { return say("typed", policy.Undecided) })
	for _, fn := range []policy.Func[int]{succeed, down, fake.NewFunc[int]().Fail(policy.ErrRejected).Do} {
		_, _ = b.Do(t.Context(), fn)
	}
	assert.Equal(t, []string{"typed", "Classify", "typed", "Classify", "typed", "Classify"}, asked)
	assert.Equal(t, breaker.Counts{Successes: 1, Failures: 1, Ignored: 1}, c.Snapshot().Counts)
	classify = policy.Ignored
	_, _ = b.Do(t.Context(), down)
	assert.EqualValues(t, 2, c.Snapshot().Counts.Ignored)
}

// picky is an error whose Is method decides what it matches.
type picky struct{ rejected bool }

func (p picky) Error() string        { return "picky" }
func (p picky) Is(target error) bool { return p.rejected && target == policy.ErrRejected }

// listed is an error whose type == cannot compare.
type listed []string

func (l listed) Error() string { return "listed" }

func TestTheFastPathJudgesErrorsOfEveryShape(t *testing.T) {
	for _, c := range []struct {
		err  error
		want policy.Outcome
	}{
		{errDown, policy.Failure},
		{listed{"a"}, policy.Failure},
		{picky{}, policy.Failure},
		{picky{true}, policy.Ignored},
		{policy.ErrRejected, policy.Ignored},
		{errors.Join(errDown, policy.ErrRejected), policy.Ignored},
		{errors.Join(errDown, breaker.Judge(errNotFound, policy.Success)), policy.Success},
		{fmt.Errorf("x: %w", errDown), policy.Failure},
	} {
		circuit := breaker.NewCircuit(breaker.Config{WindowCalls: 3, FailureThreshold: 3})
		for range 2 { // the second finds the first as the last failure
			_, _ = breaker.Do(t.Context(), circuit, fake.NewFunc[int]().Fail(c.err).Do)
		}
		counts := circuit.Snapshot().Counts
		assert.Equal(t, map[policy.Outcome]int64{
			policy.Success: counts.Successes, policy.Failure: counts.Failures, policy.Ignored: counts.Ignored,
		}[c.want], int64(2), "%#v", c.err)
	}
}

func TestANilFunctionPanicsEvenIfTheContextHasEnded(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c := breaker.NewCircuit(breaker.Config{})
	const want = "breaker: Breaker.Do: fn is nil, want a function"
	assert.PanicsWithValue(t, want, func() { _, _ = breaker.Do[int](ctx, c, nil) })
	assert.PanicsWithValue(t, want, func() { _, _ = breaker.New[int](c).Do(ctx, nil) })
}

func TestRefusalIsTheErrorOfACircuitThatStaysOpenForLonger(t *testing.T) {
	clk := fake.NewClock()
	c := breaker.NewCircuit(breaker.Config{FailureThreshold: 1, RecoveryTimeout: time.Minute, Clock: clk})
	b := breaker.New[int](c)
	refusal := func(after time.Duration) error { return b.Refusal(t.Context(), after) }
	assert.NoError(t, refusal(0))
	record(t, c, policy.Failure)
	_, refused := c.Acquire()
	assert.Same(t, refused, refusal(time.Minute-1))
	assert.NoError(t, refusal(time.Minute))
	clk.Advance(30 * time.Second)
	assert.Error(t, refusal(30*time.Second-1))
	assert.NoError(t, refusal(30*time.Second))
	clk.Advance(30 * time.Second)
	assert.NoError(t, refusal(0))
	var moved []breaker.Transition
	defer c.Watch(func(tr breaker.Transition) { moved = append(moved, tr) })()
	require.Equal(t, breaker.HalfOpen, c.State())
	require.Len(t, moved, 1, "State moved it, and no Refusal before")
	assert.Equal(t, breaker.Counts{Rejected: 1}, moved[0].Counts, "of Acquire alone")
	assert.NoError(t, refusal(0))
	c.Isolate("")
	assert.ErrorIs(t, refusal(time.Hour), breaker.ErrOpen)
}

func TestCallRefusalReturnsTheRefusalOfTheBreaker(t *testing.T) {
	c := breaker.NewCircuit(breaker.Config{})
	c.Trip(time.Hour, "")
	var asked error
	outer := asking{func(next policy.Call[int]) { asked = next.Refusal(t.Context(), time.Minute) }}
	_, _ = policy.NewChain("", nil, policy.Policy[int](outer), breaker.New[int](c)).Call(succeed).Do(t.Context())
	assert.ErrorIs(t, asked, breaker.ErrOpen)
}

type asking struct{ ask func(policy.Call[int]) }

func (a asking) Execute(_ context.Context, next policy.Call[int]) (int, error) {
	a.ask(next)
	return 0, nil
}

func TestABreakerDescribesItself(t *testing.T) {
	c := breaker.NewCircuit(breaker.Config{Name: "stripe"})
	assert.Equal(t, policy.Description{Kind: "breaker", Name: "stripe", Config: c.Config()}, breaker.New[int](c).Describe())
}
