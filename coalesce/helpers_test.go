package coalesce_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ductile-go/ductile/coalesce"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

var (
	errDown = errors.New("down")
	errLeft = errors.New("the caller left")
)

// inBubble runs a test in virtual time.
func inBubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, f)
}

// plainClock has the methods of policy.Clock alone.
type plainClock struct{ policy.Clock }

type keyOf struct{}

// with returns a context whose calls have the key.
func with[K any](ctx context.Context, key K) context.Context {
	return context.WithValue(ctx, keyOf{}, key)
}

// byKey coalesces calls by the key of their context. Calls without one are not shared.
func byKey[K comparable, T any]() *coalesce.Coalesce[K, T] {
	return coalesce.New[K, T](func(ctx context.Context) (K, bool) {
		k, ok := ctx.Value(keyOf{}).(K)
		return k, ok
	})
}

// oneKey coalesces all calls.
func oneKey() *coalesce.Coalesce[string, int] {
	return coalesce.New[string, int](func(context.Context) (string, bool) { return "key", true })
}

// after returns a function that sleeps and then returns v and err, or the cause of its
// context if that ends first.
func after(d time.Duration, v int, err error) policy.Func[int] {
	return func(ctx context.Context) (int, error) {
		if policy.Sleep(ctx, nil, d) != nil {
			return 0, context.Cause(ctx)
		}
		return v, err
	}
}

// markPermanent marks err as retry.Permanent does.
func markPermanent(err error) error { return retry.Permanent(err) }
