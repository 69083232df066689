package policy_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/internal/readings"
	"github.com/ductile-go/ductile/policy"
)

func TestAFunctionThatIsDueStartsAndCannotBeStopped(t *testing.T) {
	var ran sync.WaitGroup
	for range 100 {
		ran.Add(1)
		require.False(t, policy.AfterFunc(nil, 0, ran.Done)())
	}
	ran.Wait()
}

func TestAKindMayBeAnyText(t *testing.T) {
	for _, kind := range []policy.EventKind{"", "\x00", "ends with zero\x00", "ÿ"} {
		var got []policy.EventKind
		only := []policy.Listener{{Observe: func(_ context.Context, e policy.Event) { got = append(got, e.Kind) }, Kinds: []policy.EventKind{kind}}}
		emits := each(func(ctx context.Context, next policy.Call[int]) (int, error) {
			next.Emit(ctx, policy.Event{Kind: kind})
			next.Emit(ctx, policy.Event{Kind: "other"})
			return next.Do(ctx)
		})
		_, err := policy.NewChain[int]("p", only, emits).Call(one).Do(t.Context())
		require.NoError(t, err)
		assert.Equal(t, []policy.EventKind{kind}, got)
	}
}

func TestAChainSharesNoKindsWithItsCaller(t *testing.T) {
	rec := fake.NewRecorder()
	kinds := []policy.EventKind{policy.Finished}
	chain := policy.NewChain[int]("p", []policy.Listener{{Observe: rec.Observe, Kinds: kinds}}, named("a"))
	kinds[0] = policy.Started
	chain.Listeners()[0].Kinds[0] = policy.Started
	assert.Equal(t, []policy.EventKind{policy.Finished}, chain.Listeners()[0].Kinds)
	_, err := chain.Call(one).Do(t.Context())
	require.NoError(t, err)
	assert.Equal(t, policy.Event{Kind: policy.Finished, Pipeline: "p", Attempt: 1}, timeless(finished(rec)))
}

// A chain makes links anew for a place only if something there needs them.
func TestAChainInTwoPlacesThatNothingObservesAllocatesNothing(t *testing.T) {
	inner := policy.NewChain[int]("in", nil, policy.FallbackValue(7))
	empty := policy.NewChain[int]("", nil)
	chains := []*policy.Chain[int]{
		policy.NewChain[int]("1", nil, stranger{inner}),
		policy.NewChain[int]("2", nil, stranger{inner}, empty),
		policy.NewChain[int]("3", nil, stranger{inner}, empty),
	}
	ctx, fn := t.Context(), policy.Func[int](one)
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		for _, c := range chains {
			_, _ = c.Call(fn).Do(ctx)
		}
	}))
}

var errRenamed = errors.New("renamed")

// renaming is a context whose error is of its own making.
type renaming struct{ context.Context }

func (renaming) Err() error { return errRenamed }

func TestTheCauseIsFoundThroughAContextWithAnErrorOfItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, err := policy.Timeout[int](time.Second).Do(t.Context(), func(ctx context.Context) (int, error) {
			require.Equal(t, errRenamed, context.Cause(renaming{ctx}))
			time.Sleep(time.Second)
			var timeout *policy.TimeoutError
			require.ErrorAs(t, context.Cause(renaming{ctx}), &timeout)
			return 1, nil
		})
		require.NoError(t, err)
	})
}

// A cancel counts as first if nothing has asked before it how the context ended; see
// TimeoutPolicy. A look at a value does not ask.
func TestALookAtAValueDoesNotDecideHowAContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		parent, cancel := context.WithCancel(context.WithValue(t.Context(), userKey{}, "value"))
		_, err := policy.Timeout[int](time.Second).Do(parent, func(ctx context.Context) (int, error) {
			time.Sleep(time.Minute)
			assert.Equal(t, "value", ctx.Value(userKey{}))
			cancel()
			return 0, ctx.Err()
		})
		assert.Equal(t, context.Canceled, err)
	})
}

func TestALookAtAContextOfATimeoutAllocatesOnlyOnce(t *testing.T) {
	_, err := policy.Timeout[int](time.Hour).Do(t.Context(), func(ctx context.Context) (int, error) {
		ctx.Done()
		assert.Zero(t, testing.AllocsPerRun(100, func() { ctx.Done() }), "Done")
		return 1, nil
	})
	require.NoError(t, err)

	clk := fake.NewClock()
	_, err = policy.NewTimeout[int](policy.TimeoutConfig{After: time.Second, Clock: clk}).Do(t.Context(), func(ctx context.Context) (int, error) {
		clk.Advance(time.Minute)
		assert.Equal(t, context.DeadlineExceeded, ctx.Err())
		assert.Zero(t, testing.AllocsPerRun(100, func() { _ = ctx.Err() }), "Err on a clock")
		return 1, nil
	})
	require.NoError(t, err)
}

func TestATimeoutThatNothingObservesReadsItsClockOnce(t *testing.T) {
	clk := readings.NewClock()
	_, err := policy.NewTimeout[int](policy.TimeoutConfig{After: time.Second, Clock: clk}).Do(t.Context(), func(ctx context.Context) (int, error) {
		clk.Advance(time.Minute)
		return 0, ctx.Err()
	})
	var timeout *policy.TimeoutError
	require.ErrorAs(t, err, &timeout)
	assert.Equal(t, 1, clk.Count())
}

// parent is a context that counts how often it is asked.
type parent struct {
	context.Context
	errs, dones int
}

func (p *parent) Err() error {
	p.errs++
	return p.Context.Err()
}

func (p *parent) Done() <-chan struct{} {
	p.dones++
	return p.Context.Done()
}

func TestAContextOfATimeoutAsksItsParentNoMoreThanItMust(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	p := &parent{Context: ctx}
	_, err := policy.Timeout[int](time.Hour).Do(p, func(ctx context.Context) (int, error) {
		p.errs = 0
		require.NoError(t, ctx.Err())
		assert.Equal(t, 1, p.errs, "while it has not ended")
		cancel()
		<-ctx.Done()
		assert.Zero(t, p.dones, "when it has ended")
		return 1, nil
	})
	require.NoError(t, err)
}

// fmt, and with it testify's mock, reads all fields of a context without a String method.
// The race detector finds that another goroutine writes some.
func TestAContextIsPrintedWithoutALookAtItsFields(t *testing.T) {
	clk := fake.NewClock()
	for name, cfg := range map[string]policy.TimeoutConfig{
		"in real time": {After: time.Second},
		"on a clock":   {After: time.Second, Clock: clk},
		"abandoned":    {After: time.Second, Clock: clk, Abandon: true},
	} {
		_, err := policy.NewTimeout[int](cfg).Do(context.Background(), func(ctx context.Context) (int, error) {
			var asked sync.WaitGroup
			asked.Go(func() { ctx.Done() })
			assert.Equal(t, "context.Background.Timeout(1s)", fmt.Sprint(ctx), name)
			asked.Wait()
			return 1, nil
		})
		require.NoError(t, err, name)
	}
}
