package coalesce_test

import (
	"bytes"
	"context"
	"log"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/coalesce"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
)

type boom struct{ at int }

func TestAPanicReachesEveryCaller(t *testing.T) {
	for _, value := range []any{errDown, "boom", boom{1}} {
		inBubble(t, func(t *testing.T) {
			c := oneKey()
			var all sync.WaitGroup
			for range 5 {
				all.Go(func() {
					assert.PanicsWithValue(t, value, func() {
						_, _ = c.Do(t.Context(), func(context.Context) (int, error) { time.Sleep(time.Second); panic(value) })
					})
				})
			}
			all.Wait()
			assert.Equal(t, coalesce.Snapshot{Flights: 1, Joined: 4}, c.Snapshot())
			v, err := c.Do(t.Context(), after(0, 42, nil))
			require.NoError(t, err)
			assert.Equal(t, 42, v, "the next call begins anew")
		})
	}
}

func TestANilPanicReachesEveryCaller(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := oneKey()
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() {
				defer func() { assert.IsType(t, &runtime.PanicNilError{}, recover()) }()
				_, _ = c.Do(t.Context(), func(context.Context) (int, error) { time.Sleep(time.Second); panic(nil) })
			})
		}
		all.Wait()
	})
}

func TestGoexitReachesEveryCaller(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := oneKey()
		var all sync.WaitGroup
		var returned atomic.Int32
		for range 5 {
			all.Go(func() {
				_, _ = c.Do(t.Context(), func(context.Context) (int, error) {
					time.Sleep(time.Second)
					runtime.Goexit()
					return 1, nil
				})
				returned.Add(1)
			})
		}
		all.Wait()
		assert.Zero(t, returned.Load(), "no caller gets a zero success")
		assert.Equal(t, coalesce.Snapshot{Flights: 1, Joined: 4}, c.Snapshot())
	})
}

// logged is what was logged. A flight that an earlier test has left may still write to it.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// captureLog returns what is logged until the test ends.
func captureLog(t *testing.T) *logged {
	l := &logged{}
	log.SetOutput(l)
	t.Cleanup(func() { log.SetOutput(os.Stderr) })
	return l
}

// leaveBehind makes a call and leaves it, so that fn goes on without a caller.
func leaveBehind(t *testing.T, p interface {
	Do(ctx context.Context, fn policy.Func[int]) (int, error)
}, fn func() (int, error)) {
	ctx, leave := context.WithCancel(t.Context())
	var call sync.WaitGroup
	call.Go(func() {
		_, err := p.Do(ctx, func(context.Context) (int, error) { time.Sleep(time.Minute); return fn() })
		assert.ErrorIs(t, err, context.Canceled)
	})
	synctest.Wait()
	leave()
	call.Wait()
	time.Sleep(time.Minute)
	synctest.Wait()
}

func TestAPanicWithoutACallerIsLogged(t *testing.T) {
	logged := captureLog(t)
	inBubble(t, func(t *testing.T) {
		leaveBehind(t, oneKey().WithName("users"), func() (int, error) { panic(boom{7}) })
	})
	assert.Contains(t, logged.String(), "coalesce(users): a function panicked after its last caller had left: {7}")
	assert.Contains(t, logged.String(), "TestAPanicWithoutACallerIsLogged")
}

// events collects events.
type events struct {
	mu  sync.Mutex
	all []policy.Event
}

func (e *events) observe(_ context.Context, ev policy.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.all = append(e.all, ev)
}

func (e *events) of(kind policy.EventKind) (all []policy.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, ev := range e.all {
		if ev.Kind == kind {
			all = append(all, ev)
		}
	}
	return all
}

func TestAFlightThatEndsWithoutACallerIsTold(t *testing.T) {
	captureLog(t)
	inBubble(t, func(t *testing.T) {
		var seen events
		p := pipeline.New[int](oneKey().WithName("users")).WithName("p").WithObserver(seen.observe)
		for _, fn := range []func() (int, error){
			func() (int, error) { return 42, nil },
			func() (int, error) { return 0, markPermanent(errDown) },
			func() (int, error) { runtime.Goexit(); return 0, nil },
			func() (int, error) { panic(boom{7}) },
		} {
			leaveBehind(t, p, fn)
		}
		got := seen.of(policy.FinishedLate)
		require.Len(t, got, 4)
		for n, want := range []error{nil, errDown, policy.ErrNoReturn} {
			assert.Equal(t, policy.Event{Kind: policy.FinishedLate, Pipeline: "p", Policy: "coalesce", Name: "users", Err: want}, got[n])
		}
		var crash *policy.PanicError
		require.ErrorAs(t, got[3].Err, &crash)
		assert.Equal(t, boom{7}, crash.Value)
		assert.Contains(t, string(crash.Stack), "panic_test.go")
	})
}

func TestAPanickingObserverOfALateFlightIsLogged(t *testing.T) {
	logged := captureLog(t)
	inBubble(t, func(t *testing.T) {
		p := pipeline.New[int](oneKey()).WithObserver(func(context.Context, policy.Event) { panic(boom{1}) }, policy.FinishedLate)
		leaveBehind(t, p, func() (int, error) { return 0, nil })
	})
	assert.Contains(t, logged.String(), "coalesce: an observer of finished_late panicked: {1}")
}

func TestACallThatJoinsTellsSo(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		var seen events
		p := pipeline.New[int](oneKey().WithName("users")).WithName("p").WithObserver(seen.observe)
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() { _, _ = p.Do(t.Context(), after(time.Second, 42, nil)) })
		}
		all.Wait()
		joined := policy.Event{Kind: policy.Joined, Pipeline: "p", Policy: "coalesce", Name: "users"}
		assert.Equal(t, []policy.Event{joined, joined}, seen.of(policy.Joined))
		assert.Len(t, seen.of(policy.Finished), 3, "each call has its own start and end")
		assert.Empty(t, seen.of(policy.FinishedLate))
	})
}

func TestAPanickingObserverOfJoinedGivesUpItsPlace(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		p := pipeline.New[int](oneKey()).WithObserver(func(context.Context, policy.Event) { panic(boom{1}) }, policy.Joined)
		first, leave := context.WithCancelCause(t.Context())
		var all sync.WaitGroup
		var end ends
		all.Go(func() {
			_, err := p.Do(first, func(ctx context.Context) (int, error) {
				<-ctx.Done()
				end = ends{ctx.Err(), context.Cause(ctx)}
				return 0, nil
			})
			assert.ErrorIs(t, err, errLeft)
		})
		synctest.Wait()
		assert.PanicsWithValue(t, boom{1}, func() { _, _ = p.Do(t.Context(), after(0, 0, nil)) })
		leave(errLeft)
		all.Wait()
		synctest.Wait()
		assert.Equal(t, ends{context.Canceled, errLeft}, end, "the first caller was the last")
	})
}

func TestAPanickingCloneReachesItsCallerAlone(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		var calls atomic.Int32
		c := oneKey().WithClone(func(v int) int {
			if calls.Add(1) == 1 {
				panic(boom{1})
			}
			return v + 1
		})
		var raised atomic.Int32
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				defer func() {
					if r := recover(); r != nil {
						raised.Add(1)
					}
				}()
				v, err := c.Do(t.Context(), after(time.Second, 41, nil))
				assert.Equal(t, 42, v)
				assert.NoError(t, err)
			})
		}
		all.Wait()
		assert.EqualValues(t, 1, raised.Load())
		assert.EqualValues(t, 4, calls.Load())
	})
}

func TestAKeyFunctionThatDoesNotReturnLeavesNothingRegistered(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		fail := func() {}
		c := coalesce.New[string, int](func(context.Context) (string, bool) { fail(); return "", true })
		never := func(context.Context) (int, error) { t.Error("the function ran"); return 0, nil }
		fail = func() { panic(boom{1}) }
		assert.PanicsWithValue(t, boom{1}, func() { _, _ = c.Do(t.Context(), never) })
		fail = runtime.Goexit
		var exited sync.WaitGroup
		exited.Go(func() { _, _ = c.Do(t.Context(), never) })
		exited.Wait()
		assert.Zero(t, c.Snapshot())
		fail = func() {}
		_, err := c.Do(t.Context(), after(0, 1, nil))
		assert.NoError(t, err)
	})
}
