package chaos_test

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

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/chaos"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
)

// through runs the rest of the call and changes nothing.
func through(ctx context.Context, rest policy.Func[int]) (int, error) { return rest(ctx) }

func TestADetourMayRunTheFunctionAndLoseItsAnswer(t *testing.T) {
	fn := fake.NewFunc[int]().Return(1)
	p := chaos.Detour[int](always, func(ctx context.Context, rest policy.Func[int]) (int, error) {
		_, _ = rest(ctx)
		return 0, errDown
	})
	v, err := p.Do(t.Context(), fn.Do)
	assert.Equal(t, &chaos.Error{Name: "stripe", Kind: "detour", Err: errDown}, err)
	assert.Zero(t, v)
	assert.Equal(t, 1, fn.Calls())
	assert.Equal(t, chaos.Snapshot{Name: "stripe", Kind: "detour", Enabled: true, Calls: 1, Injected: 1}, p.Snapshot())
}

func TestADetourMayLeaveTheFunctionOut(t *testing.T) {
	fn := fake.NewFunc[int]().Return(1)
	v, err := chaos.Detour[int](always, func(context.Context, policy.Func[int]) (int, error) { return 7, nil }).Do(t.Context(), fn.Do)
	require.NoError(t, err)
	assert.Equal(t, 7, v)
	assert.Zero(t, fn.Calls())
}

// uncomparable is an error that == cannot compare.
type uncomparable []string

func (u uncomparable) Error() string { return fmt.Sprint([]string(u)) }

func TestTheFunctionsOwnErrorComesOutOfADetourUntouched(t *testing.T) {
	for _, own := range []error{errDown, uncomparable{"a"}, policy.ErrRejected, breaker.Judge(errDown, policy.Ignored)} {
		p := chaos.Detour[int](always, through)
		_, err := p.Execute(t.Context(), policy.CallOf(fake.NewFunc[int]().Fail(own).Do))
		assert.Equal(t, own, err)
		assert.NotErrorIs(t, err, chaos.ErrInjected)

		wrapping := chaos.Detour[int](always, func(ctx context.Context, rest policy.Func[int]) (int, error) {
			v, err := rest(ctx)
			return v, fmt.Errorf("worse: %w", err)
		})
		_, err = wrapping.Execute(t.Context(), policy.CallOf(fake.NewFunc[int]().Fail(own).Do))
		assert.ErrorIs(t, err, chaos.ErrInjected)
		assert.ErrorContains(t, err, "worse: "+own.Error())
	}
}

func TestADetourMayRunTheFunctionTwice(t *testing.T) {
	rec := fake.NewRecorder()
	twice := chaos.Detour[int](always, func(ctx context.Context, rest policy.Func[int]) (int, error) {
		_, first := rest(ctx)
		v, err := rest(ctx)
		return v, errors.Join(err, first)
	})
	fn := fake.NewFunc[int]().Fail(errDown).Return(2)
	v, err := pipeline.New[int](twice).WithObserver(rec.Observe, policy.Finished).Do(t.Context(), fn.Do)
	assert.ErrorIs(t, err, errDown)
	assert.Equal(t, 2, v)
	assert.Equal(t, 2, fn.Calls())
	assert.Equal(t, 2, rec.Events()[0].Attempt)
}

func TestADetourMayRunTheFunctionOnSeveralGoroutines(t *testing.T) {
	p := chaos.Detour[int](always, func(ctx context.Context, rest policy.Func[int]) (int, error) {
		var runs sync.WaitGroup
		errs := make([]error, 8)
		for i := range errs {
			runs.Go(func() { _, errs[i] = rest(ctx) })
		}
		runs.Wait()
		return 0, errs[3]
	})
	_, err := p.Do(t.Context(), func(context.Context) (int, error) { return 0, uncomparable{"x"} })
	assert.Equal(t, uncomparable{"x"}, err)
}

func TestAFunctionMayFailAfterItsDetourHasReturned(t *testing.T) {
	begun, release, ended := make(chan struct{}), make(chan struct{}), make(chan error)
	p := chaos.Detour[int](always, func(ctx context.Context, rest policy.Func[int]) (int, error) {
		go func() {
			_, err := rest(ctx)
			ended <- err
		}()
		<-begun
		return 0, errors.New("lost")
	})
	_, err := p.Do(t.Context(), func(context.Context) (int, error) {
		close(begun)
		<-release
		return 0, errDown
	})
	require.ErrorIs(t, err, chaos.ErrInjected)
	close(release)
	assert.ErrorIs(t, <-ended, errDown)
}

func TestADetourDoesNotRunTheFunctionUnderAnEndedContext(t *testing.T) {
	fn := fake.NewFunc[int]().Return(1)
	p := chaos.Detour[int](always, func(ctx context.Context, rest policy.Func[int]) (int, error) {
		ctx, cancel := context.WithCancelCause(ctx)
		cancel(errLeft)
		return rest(ctx)
	})
	_, err := p.Do(t.Context(), fn.Do)
	assert.ErrorIs(t, err, errLeft)
	assert.Zero(t, fn.Calls())
}

// A pipeline that times its calls lets circuits share readings of the clock. They do not
// share one across a detour.
func TestACircuitMeasuresWhatADetourDoesAfterTheFunction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec := fake.NewRecorder()
		circuit := func() *breaker.Circuit {
			return breaker.NewCircuit(breaker.Config{Window: time.Hour, FailureRate: 0.5})
		}
		slow := chaos.Detour[int](always, func(ctx context.Context, rest policy.Func[int]) (int, error) {
			v, err := rest(ctx)
			time.Sleep(time.Minute)
			return v, err
		})
		_, err := pipeline.New[int](breaker.New[int](circuit()), slow, breaker.New[int](circuit())).
			WithObserver(rec.Observe, policy.Judged, policy.Finished).Do(t.Context(), answer(1))
		require.NoError(t, err)
		require.Len(t, rec.Events(), 3)
		assert.Zero(t, rec.Events()[0].Took)
		assert.Equal(t, time.Minute, rec.Events()[1].Took)
		assert.Equal(t, time.Minute, rec.Events()[2].Elapsed)
	})
}
