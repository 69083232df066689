package cache_test

import (
	"bytes"
	"context"
	"log"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/cache"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// logged returns what f logs.
func logged(f func()) string {
	var out bytes.Buffer
	was := log.Writer()
	log.SetOutput(&out)
	defer log.SetOutput(was)
	f()
	return out.String()
}

// lost has calls that run fn, and whose callers do not get its result.
var lost = map[string]func(t *testing.T, listeners []policy.Listener, fn policy.Func[int]){
	"refresh": func(t *testing.T, listeners []policy.Listener, fn policy.Func[int]) {
		c, _, ctx := aged(t, config{Name: "users"})
		_, err := policy.NewChain("", listeners, policy.Policy[int](c)).Call(fn).Do(ctx)
		require.NoError(t, err)
		closes(t, c)
	},
	"function whose last caller had left": func(t *testing.T, listeners []policy.Listener, fn policy.Func[int]) {
		c := cache.New(exactly(config{Name: "users"}))
		ctx, cancel := context.WithTimeout(with(t.Context(), "a"), time.Second)
		defer cancel()
		_, err := policy.NewChain("", listeners, policy.Policy[int](c)).Call(func(ctx context.Context) (int, error) {
			time.Sleep(time.Minute)
			return fn(ctx)
		}).Do(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		time.Sleep(time.Hour)
	},
}

func TestAPanicThatNoCallerGetsIsLogged(t *testing.T) {
	for what, lose := range lost {
		t.Run(what, func(t *testing.T) {
			out := logged(func() {
				inBubble(t, func(t *testing.T) { lose(t, nil, func(context.Context) (int, error) { panic("boom") }) })
			})
			assert.Contains(t, out, "cache: cache(users, 1m0s): a "+what+" panicked: boom\n")
			assert.Contains(t, out, "tell_test.go", "the stack of the function")
		})
	}
}

func TestOnlyPanicsAreLogged(t *testing.T) {
	for what, lose := range lost {
		for name, fn := range map[string]policy.Func[int]{
			"value":        one,
			"error":        func(context.Context) (int, error) { return 0, errDown },
			"error of one": func(context.Context) (int, error) { return 0, &policy.PanicError{Value: "boom"} },
			"Goexit":       func(context.Context) (int, error) { runtime.Goexit(); return 0, nil },
		} {
			t.Run(what+" "+name, func(t *testing.T) {
				assert.Empty(t, logged(func() { inBubble(t, func(t *testing.T) { lose(t, nil, fn) }) }))
			})
		}
	}
}

func TestAPanicOfARefreshThatIsObservedIsNotLogged(t *testing.T) {
	observer := []policy.Listener{{Observe: func(context.Context, policy.Event) {}, Kinds: []policy.EventKind{policy.Refreshed}}}
	assert.Empty(t, logged(func() {
		inBubble(t, func(t *testing.T) {
			lost["refresh"](t, observer, func(context.Context) (int, error) { panic("boom") })
		})
	}))
}

func TestAPanicOfAnObserverIsLogged(t *testing.T) {
	for what, kind := range map[string]policy.EventKind{"refresh": policy.Refreshed, "function whose last caller had left": policy.FinishedLate} {
		for _, panics := range []bool{true, false} {
			observer := []policy.Listener{{Kinds: []policy.EventKind{kind}, Observe: func(context.Context, policy.Event) {
				if panics {
					panic("no luck")
				}
			}}}
			out := logged(func() { inBubble(t, func(t *testing.T) { lost[what](t, observer, one) }) })
			if panics {
				assert.Contains(t, out, "cache: cache(users, 1m0s): an observer of "+string(kind)+" panicked: no luck\n")
			} else {
				assert.Empty(t, out)
			}
		}
	}
}

func TestEventsHaveNoOuterMarksOnTheirError(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c, _, ctx := aged(t, config{})
		do, rec := observed[int](c)
		_, err := do(ctx, func(context.Context) (int, error) {
			return 0, breaker.Judge(retry.Permanent(errDown), policy.Success)
		})
		require.NoError(t, err)
		synctest.Wait()
		assert.Equal(t, []policy.Event{{Kind: policy.Refreshed, Policy: "cache", Err: errDown}}, only(rec, policy.Refreshed))
	})
}
