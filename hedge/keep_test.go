package hedge_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/hedge"
)

// kept records the arguments of the function of WithKeep.
type kept struct {
	ctx     context.Context
	v       int
	release func()
}

func (k *kept) hold(ctx context.Context, v int, release func()) int {
	*k = kept{ctx, v, release}
	return 10 * v
}

func TestAKeptValueKeepsItsContextUntilItIsReleased(t *testing.T) {
	for name, run := range map[string]attempts{
		"in time":  {after(ms, 1, nil)},
		"first":    {deaf(20*ms, 1, nil), after(time.Second, 2, nil)},
		"an extra": {after(time.Second, 1, nil), after(ms, 2, nil)},
	} {
		for _, abandon := range []bool{false, true} {
			inBubble(t, func(t *testing.T) {
				var k kept
				h := hedge.New[int](hedge.Config{Delay: 10 * ms, Abandon: abandon}).WithKeep(k.hold)
				v, err := h.Do(t.Context(), run.run)
				require.NoError(t, err, name)
				assert.Equal(t, 10*k.v, v, name)
				assert.Equal(t, k.v, hedge.Attempt(k.ctx), name)
				assert.NoError(t, k.ctx.Err(), name)
				select {
				case <-k.ctx.Done():
					t.Error(name, "done")
				default:
				}
				k.release()
				k.release()
				<-k.ctx.Done()
				assert.ErrorIs(t, k.ctx.Err(), context.Canceled, name)
			})
		}
	}
}

func TestAKeptContextEndsWithTheCallersContext(t *testing.T) {
	for _, run := range []attempts{{after(ms, 1, nil)}, {after(time.Second, 1, nil), after(ms, 2, nil)}} {
		inBubble(t, func(t *testing.T) {
			var k kept
			ctx, cancel := context.WithCancelCause(t.Context())
			_, err := hedge.New[int](hedge.Config{Delay: 10 * ms}).WithKeep(k.hold).Do(ctx, run.run)
			require.NoError(t, err)
			cancel(errLeft)
			assert.ErrorIs(t, k.ctx.Err(), context.Canceled)
			assert.Equal(t, errLeft, context.Cause(k.ctx))
		})
	}
}

func TestFailedAndLateResultsAreNotKept(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		var kept, discarded notes[int]
		h := hedge.New[int](hedge.Config{Delay: ms}).WithDiscard(discarded.add).
			WithKeep(func(_ context.Context, v int, release func()) int { kept.add(v); release(); return v })
		_, err := h.Do(t.Context(), attempts{after(ms/2, 3, errDown)}.run)
		assert.Equal(t, errDown, err)
		v, err := h.Do(t.Context(), attempts{after(5*ms, 1, nil), deaf(time.Second, 2, nil)}.run)
		assert.NoError(t, err)
		assert.Equal(t, 1, v)
		time.Sleep(time.Minute)
		assert.Equal(t, []int{1}, kept.get())
		assert.Equal(t, []int{2}, discarded.get())
	})
}

func TestAPanicInHoldEndsTheContext(t *testing.T) {
	for _, run := range []attempts{{after(ms, 1, nil)}, {after(time.Second, 1, nil), after(ms, 2, nil)}} {
		inBubble(t, func(t *testing.T) {
			var of context.Context
			h := hedge.New[int](hedge.Config{Delay: 10 * ms}).WithKeep(func(ctx context.Context, v int, _ func()) int {
				of = ctx
				panic(boom{v})
			})
			assert.Panics(t, func() { _, _ = h.Do(t.Context(), run.run) })
			assert.Error(t, of.Err())
		})
	}
}

func TestWithoutKeepTheWinnersContextEndsWithTheCall(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		var contexts [2]context.Context
		_, err := hedge.New[int](hedge.Config{Delay: 10 * ms}).Do(t.Context(), func(ctx context.Context) (int, error) {
			contexts[hedge.Attempt(ctx)-1] = ctx
			return attempts{after(time.Second, 1, nil), after(ms, 2, nil)}.run(ctx)
		})
		require.NoError(t, err)
		for _, ctx := range contexts {
			assert.Error(t, ctx.Err())
		}
		assert.Equal(t, hedge.ErrLost, context.Cause(contexts[0]))
		assert.Equal(t, context.Canceled, context.Cause(contexts[1]))
	})
}
