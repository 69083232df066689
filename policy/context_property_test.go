package policy_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/policy"
)

// twins holds a call's context and the context of the standard library for the same
// parent and limit. Both must always give the same answers.
type twins struct {
	cancelParent context.CancelFunc
	ours, std    []context.Context // the call's own context, then those derived from it
	cancel       [][2]context.CancelFunc
	heard        map[string]int
}

type twinKey struct{}

// derive adds a pair of contexts derived from pair i.
func (w *twins) derive(i int, how func(context.Context) (context.Context, context.CancelFunc)) {
	ours, a := how(w.ours[i])
	std, b := how(w.std[i])
	w.ours, w.std = append(w.ours, ours), append(w.std, std)
	w.cancel = append(w.cancel, [2]context.CancelFunc{a, b})
}

// step does one random thing to both contexts.
func (w *twins) step(rnd *rand.Rand) string {
	i := rnd.IntN(len(w.ours))
	switch rnd.IntN(9) {
	case 0:
		w.derive(i, func(c context.Context) (context.Context, context.CancelFunc) {
			c, cancel := context.WithCancelCause(c)
			return c, func() { cancel(errDown) }
		})
		return fmt.Sprint("derive from ", i)
	case 1:
		d := time.Duration(rnd.IntN(1500)) * time.Millisecond
		w.derive(i, func(c context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(c, d)
		})
		return fmt.Sprint("derive from ", i, " for ", d)
	case 2:
		stopOurs := context.AfterFunc(w.ours[i], w.hear("ours"))
		stopStd := context.AfterFunc(w.std[i], w.hear("std"))
		if rnd.IntN(2) == 0 {
			synctest.Wait()
			if stopOurs() != stopStd() {
				return "stop of AfterFunc differs"
			}
		}
		return fmt.Sprint("AfterFunc of ", i)
	case 3:
		if len(w.cancel) > 0 {
			i := rnd.IntN(len(w.cancel))
			w.cancel[i][0]()
			w.cancel[i][1]()
			return fmt.Sprint("cancel ", i+1)
		}
	case 4:
		if rnd.IntN(4) == 0 {
			w.cancelParent()
			return "cancel the parent"
		}
	case 5, 6:
		d := time.Duration(rnd.IntN(400)) * time.Millisecond
		time.Sleep(d)
		return fmt.Sprint("sleep ", d)
	case 7:
		return fmt.Sprint("look at Err of ", i, ": ", w.ours[i].Err())
	case 8:
		return fmt.Sprint("look at Cause of ", i, ": ", context.Cause(w.ours[i]))
	}
	return "nothing"
}

var heardLock sync.Mutex

func (w *twins) hear(who string) func() {
	return func() {
		heardLock.Lock()
		defer heardLock.Unlock()
		w.heard[who]++
	}
}

// alike compares the answers of each pair.
func (w *twins) alike(t *testing.T, history []string) {
	t.Helper()
	synctest.Wait()
	for i, ours := range w.ours {
		std := w.std[i]
		require.Equal(t, std.Err(), ours.Err(), "Err of %d after %q", i, history)
		require.Equal(t, closed(std), closed(ours), "Done of %d after %q", i, history)
		// The limit has two cause values; every other cause is the same value.
		causeStd, causeOurs := context.Cause(std), context.Cause(ours)
		if errors.Is(causeStd, errLimit) {
			var timeout *policy.TimeoutError
			require.ErrorAs(t, causeOurs, &timeout, "Cause of %d after %q", i, history)
		} else {
			require.Equal(t, causeStd, causeOurs, "Cause of %d after %q", i, history)
		}
		ourDeadline, ok := ours.Deadline()
		stdDeadline, stdOK := std.Deadline()
		require.Equal(t, stdOK, ok)
		require.True(t, ourDeadline.Equal(stdDeadline), "Deadline of %d after %q: %v, want %v", i, history, ourDeadline, stdDeadline)
		require.Equal(t, std.Value(twinKey{}), ours.Value(twinKey{}))
	}
	heardLock.Lock()
	defer heardLock.Unlock()
	require.Equal(t, w.heard["std"], w.heard["ours"], "AfterFuncs after %q", history)
}

var errLimit = errors.New("the twin's limit")

func closed(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return true
	default:
		return false
	}
}

func TestContextsBehaveLikeTheStandardLibrarys(t *testing.T) {
	for seed := range uint64(400) {
		synctest.Test(t, func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(seed, 7))
			parent, cancelParent := context.WithCancel(context.WithValue(t.Context(), twinKey{}, seed))
			if rnd.IntN(3) == 0 { // a caller's deadline before or after the limit, but never equal to it
				parent, cancelParent = context.WithTimeout(parent, time.Duration(500+300*rnd.IntN(5))*time.Millisecond)
			}
			defer cancelParent()
			std, cancelStd := context.WithTimeoutCause(parent, time.Second, errLimit)
			w := &twins{cancelParent: cancelParent, heard: map[string]int{}}
			history := []string{fmt.Sprint("seed ", seed)}
			_, _ = policy.Timeout[int](time.Second).Do(parent, func(ctx context.Context) (int, error) {
				w.ours, w.std = []context.Context{ctx}, []context.Context{std}
				for range 25 {
					history = append(history, w.step(rnd))
					if rnd.IntN(3) == 0 {
						w.alike(t, history)
					}
				}
				return 0, nil
			})
			cancelStd() // because the call has returned
			w.alike(t, append(history, "return"))
			for _, c := range w.cancel {
				c[0]()
				c[1]()
			}
		})
	}
}

func TestTheCallersCancelIsSeenImmediatelyInRealTime(t *testing.T) {
	ctx, cancel := context.WithCancelCause(context.Background())
	_, _ = policy.Timeout[int](time.Hour).Do(ctx, func(ctx context.Context) (int, error) {
		done := ctx.Done()
		cancel(errDown)
		assert.ErrorIs(t, ctx.Err(), context.Canceled)
		assert.ErrorIs(t, context.Cause(ctx), errDown)
		<-done
		return 0, nil
	})
}

func TestNestedTimeoutsNeedNoGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, _ = policy.Timeout[int](time.Second).Do(t.Context(), func(outer context.Context) (int, error) {
			return policy.Timeout[int](time.Hour).Do(outer, func(inner context.Context) (int, error) {
				before := watchers()
				var child context.Context
				for range 10 { // more than may end meanwhile of those that tests before left
					var cancel context.CancelFunc
					child, cancel = context.WithCancel(inner)
					defer cancel()
				}
				assert.LessOrEqual(t, watchers(), before)
				<-child.Done()
				assert.ErrorIs(t, child.Err(), context.DeadlineExceeded)
				return 0, child.Err()
			})
		})
	})
}

// Goroutines that arm, derive, cancel and return at the same time must not deadlock,
// leave a timer, or end a context twice.
func TestContextsSurviveConcurrentUse(t *testing.T) {
	for range 200 {
		parent, cancel := context.WithCancel(context.Background())
		var wg sync.WaitGroup
		_, _ = policy.Timeout[int](50*time.Microsecond).Do(parent, func(ctx context.Context) (int, error) {
			for range 8 {
				wg.Go(func() {
					child, cancelChild := context.WithCancel(ctx)
					stop := context.AfterFunc(child, func() {})
					_ = ctx.Err()
					_ = context.Cause(child)
					stop()
					cancelChild()
					<-child.Done()
					assert.Error(t, child.Err())
				})
			}
			wg.Go(cancel)
			return 0, nil
		})
		wg.Wait()
	}
}
