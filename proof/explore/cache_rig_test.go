//go:build ductile_explore

package explore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ductile-go/ductile/cache"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
)

// larder is a cache with one key under exploration. Its function returns the version of a
// source when it began.
type larder struct {
	*stage
	c       *cache.Cache[int, int]
	store   cache.Store[int, int]
	err     error // what the function returns, if it fails
	version int
	deleted int  // the least version that was read after a Delete or Refresh that has returned
	served  bool // stale values may be served, so calls may return what is older
	out     int  // threads of callers that have not ended

	calls      int // functions that began
	refreshes  int // those of them that are refreshes
	refreshing int // refreshes that run
	closed     bool
	faults     []string
}

var errGone = errors.New("the source is gone")

// newLarder returns a larder with an entry of version 0 that is stale, or none.
func newLarder(own, stale bool) *larder {
	s := &larder{stage: &stage{Clock: fake.NewClock()}}
	cfg := cache.Config[int, int]{
		Key: func(context.Context) (int, bool) { return 1, true },
		TTL: time.Minute, Stale: time.Hour, StaleIfError: time.Hour, Jitter: cache.NoJitter, Clock: s.stage,
	}
	s.store = cache.NewMemory[int, int](cache.MemoryConfig{Clock: s.stage})
	if own {
		s.store = &touchy{Store: s.store}
	}
	cfg.Store = s.store
	s.c = cache.New(cfg)
	if stale {
		now := s.Clock.Now()
		_ = s.store.Set(context.Background(), 1, cache.Entry[int]{
			Made: now.Add(-time.Minute), Fresh: now, Stale: now.Add(time.Hour), Keep: now.Add(2 * time.Hour),
		})
	}
	return s
}

// touchy is a store whose methods are steps of a thread.
type touchy struct{ cache.Store[int, int] }

func (t *touchy) Get(ctx context.Context, k int) (cache.Entry[int], bool, error) {
	touch(t)
	return t.Store.Get(ctx, k)
}

func (t *touchy) Set(ctx context.Context, k int, e cache.Entry[int]) error {
	touch(t)
	return t.Store.Set(ctx, k, e)
}

func (t *touchy) Delete(ctx context.Context, k int) error {
	touch(t)
	return t.Store.Delete(ctx, k)
}

func (s *larder) fault(format string, args ...any) {
	s.faults = append(s.faults, fmt.Sprintf(format, args...))
}

// run is the function. Only a refresh has a deadline.
func (s *larder) run(ctx context.Context) (int, error) {
	touch(s)
	v, err := s.version, s.err
	s.calls++
	if _, refresh := ctx.Deadline(); refresh {
		s.refreshes++
		if s.refreshing++; s.refreshing > 1 {
			s.fault("%d refreshes of one key run", s.refreshing)
		}
		if s.closed {
			s.fault("a refresh runs after Close has returned")
		}
		defer func() { s.refreshing-- }()
	}
	touch(s)
	return v, err
}

// thread returns a thread that ends as a caller's does.
func (s *larder) thread(f func()) func() {
	s.out++
	return func() {
		f()
		touch(s)
		s.out--
	}
}

// read returns a thread that calls the cache. A call must not return what was deleted
// before it began.
func (s *larder) read(times int) func() {
	return s.thread(func() {
		for range times {
			touch(s)
			least := s.deleted
			v, err := s.c.Execute(context.Background(), policy.CallOf(s.run))
			if err == nil && v < least && !s.served {
				s.fault("a call returned version %d, and what is older than %d was deleted before it began", v, least)
			}
		}
	})
}

// change returns a thread that changes the source, and then the cache.
func (s *larder) change(in func(ctx context.Context, k int) error) func() {
	return s.thread(func() {
		touch(s)
		s.version++
		v := s.version
		if err := in(context.Background(), 1); err != nil {
			s.fault("%v", err)
		}
		touch(s)
		s.deleted = v
	})
}

// close returns a thread that closes the cache.
func (s *larder) close() func() {
	return s.thread(func() {
		if err := s.c.Close(context.Background()); err != nil {
			s.fault("%v", err)
		}
		touch(s)
		if s.closed = true; s.refreshing > 0 {
			s.fault("a refresh runs when Close has returned")
		}
	})
}

// program is the larder with its threads, and a check of its own.
func (s *larder) program(check func(s *larder), threads ...func()) Program {
	return Program{Threads: append(threads, s.goroutine), Check: func() error {
		e, ok, _ := s.store.Get(context.Background(), 1)
		if fresh := s.Clock.Now().Before(e.Fresh); ok && fresh && e.Value < s.deleted {
			s.fault("version %d is kept and fresh, and what is older than %d was deleted", e.Value, s.deleted)
		}
		if err := s.c.Close(context.Background()); err != nil {
			s.fault("%v", err)
		}
		if check != nil {
			check(s)
		}
		if len(s.faults) > 0 {
			return fmt.Errorf("%v", s.faults)
		}
		return nil
	}}
}

// goroutine is a thread on which flights and refreshes run, one after another.
func (s *larder) goroutine() {
	for {
		Wait(nil, func() bool { return len(s.runs) > 0 || s.out == 0 })
		if len(s.runs) == 0 {
			return
		}
		f := s.runs[0]
		s.runs = s.runs[1:]
		f()
	}
}
