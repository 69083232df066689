package cache_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ductile-go/ductile/cache"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
)

var (
	errDown    = errors.New("down")
	errMissing = errors.New("missing")
)

func isMissing(err error) bool { return errors.Is(err, errMissing) }

type keyOf struct{}

// with returns a context whose calls have the key.
func with[K any](ctx context.Context, key K) context.Context {
	return context.WithValue(ctx, keyOf{}, key)
}

// keyIn returns the key of a context, and false if it has none.
func keyIn[K comparable](ctx context.Context) (K, bool) {
	k, ok := ctx.Value(keyOf{}).(K)
	return k, ok
}

// config is a Config of string keys whose times are exact.
type config = cache.Config[string, int]

// exactly returns cfg with the key of the context and no jitter.
func exactly(cfg config) config {
	cfg.Key, cfg.Jitter = keyIn[string], cache.NoJitter
	if cfg.TTL == 0 {
		cfg.TTL = time.Minute
	}
	return cfg
}

// inBubble runs a test in virtual time.
func inBubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, f)
}

// source is a function whose results a test scripts, and that counts its calls.
type source struct {
	mu    sync.Mutex
	v     int
	err   error
	took  time.Duration
	calls int
	last  context.Context
	held  chan struct{} // if not nil, calls wait until it is closed, or their context ends
}

func (s *source) set(v int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.v, s.err = v, err
}

func (s *source) do(ctx context.Context) (int, error) {
	s.mu.Lock()
	s.calls++
	s.last = ctx
	v, err, took, held := s.v, s.err, s.took, s.held
	s.mu.Unlock()
	if ended := policy.Sleep(ctx, nil, took); ended != nil {
		return 0, ended
	}
	if held != nil {
		select {
		case <-held:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
	return v, err
}

func (s *source) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls
}

// observed returns p as the policy of a chain, and the events that it emits.
func observed[T any](p policy.Policy[T]) (func(ctx context.Context, fn policy.Func[T]) (T, error), *fake.Recorder) {
	rec := fake.NewRecorder()
	chain := policy.NewChain("", []policy.Listener{{Observe: rec.Observe}}, p)
	return func(ctx context.Context, fn policy.Func[T]) (T, error) { return chain.Call(fn).Do(ctx) }, rec
}

// only returns the events of a kind.
func only(rec *fake.Recorder, kind policy.EventKind) (of []policy.Event) {
	for _, e := range rec.Events() {
		if e.Kind == kind {
			of = append(of, e)
		}
	}
	return of
}
