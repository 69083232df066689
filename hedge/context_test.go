package hedge_test

import (
	"context"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/hedge"
)

// firstOf returns the context of a first attempt after the call has ended. It calls
// during with that context inside the call.
func firstOf(ctx context.Context, t *testing.T, during func(ctx context.Context)) context.Context {
	t.Helper()
	var first context.Context
	_, err := hedge.New[int](hedge.Config{Delay: time.Hour}).Do(ctx, func(ctx context.Context) (int, error) {
		first = ctx
		during(ctx)
		return 1, nil
	})
	require.NoError(t, err)
	return first
}

type valueKey struct{}

func TestAFirstAttemptsContextEndsWithTheCall(t *testing.T) {
	for name, during := range map[string]func(context.Context){
		"unasked":       func(context.Context) {},
		"asked for Err": func(ctx context.Context) { assert.NoError(t, ctx.Err()) },
		"waited on": func(ctx context.Context) {
			select {
			case <-ctx.Done():
				t.Error("done")
			default:
			}
		},
	} {
		ctx := context.WithValue(t.Context(), valueKey{}, 7)
		first := firstOf(ctx, t, func(ctx context.Context) { assert.NoError(t, context.Cause(ctx)); during(ctx) })
		<-first.Done()
		assert.Equal(t, context.Canceled, first.Err(), name)
		assert.Equal(t, context.Canceled, context.Cause(first), name)
		assert.Equal(t, 7, first.Value(valueKey{}), name)
	}
}

func TestAnObservedErrOfTheContextDoesNotChange(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeoutCause(t.Context(), ms, errLeft)
		defer cancel()
		first := firstOf(ctx, t, func(first context.Context) {
			time.Sleep(2 * ms)
			assert.Equal(t, context.DeadlineExceeded, first.Err())
		})
		assert.Equal(t, context.DeadlineExceeded, first.Err(), "still not Canceled after the call has returned")
		assert.Equal(t, errLeft, context.Cause(first))
	})
}

func TestContextsDerivedFromAFirstAttemptStartNoGoroutine(t *testing.T) {
	firstOf(t.Context(), t, func(first context.Context) {
		const derived = 100
		before := runtime.NumGoroutine()
		for range derived {
			child, cancel := context.WithTimeout(context.WithValue(first, valueKey{}, 1), time.Hour)
			defer cancel()
			assert.NoError(t, child.Err())
		}
		// Half of them, since goroutines of the runtime and of other tests come and go.
		assert.Less(t, runtime.NumGoroutine(), before+derived/2)
	})
}

func TestTheDeadlineOfAFirstAttemptIsTheCallers(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	firstOf(ctx, t, func(first context.Context) {
		want, _ := ctx.Deadline()
		got, ok := first.Deadline()
		assert.True(t, ok)
		assert.Equal(t, want, got)
	})
}

func TestOneContextMayBeArmedConcurrently(t *testing.T) {
	for range 200 {
		firstOf(t.Context(), t, func(first context.Context) {
			var wg sync.WaitGroup
			channels := make([]<-chan struct{}, 4)
			for i := range channels {
				wg.Go(func() { channels[i] = first.Done() })
			}
			wg.Wait()
			for _, c := range channels {
				require.Equal(t, channels[0], c)
			}
		})
	}
}
