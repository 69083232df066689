package cachetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ductile-go/ductile/cache"
	"github.com/ductile-go/ductile/fake"
)

func TestTheBuiltInStoreKeepsItsPromises(t *testing.T) {
	for name, cfg := range map[string]cache.MemoryConfig{
		"default": {}, "small": {MaxEntries: 100}, "on a clock": {Clock: fake.NewClock()},
	} {
		t.Run(name, func(t *testing.T) {
			TestStore(t, func() cache.Store[string, int] { return cache.NewMemory[string, int](cfg) })
		})
	}
}

// texts is a store that keeps entries as a remote one would: without the error itself, and
// without monotonic readings. It honors contexts.
type texts struct{ sync.Map }

func (s *texts) Get(ctx context.Context, k string) (e cache.Entry[int], ok bool, err error) {
	if ctx.Err() != nil {
		return e, false, fmt.Errorf("texts: %w", ctx.Err())
	}
	v, ok := s.Load(k)
	if ok {
		e = v.(cache.Entry[int])
	}
	return e, ok, nil
}

func (s *texts) Set(ctx context.Context, k string, e cache.Entry[int]) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if e.Err != nil {
		e.Err = errors.New(e.Err.Error())
	}
	e.Made, e.Fresh, e.Stale, e.Keep = e.Made.Round(0).UTC(), e.Fresh.Round(0), e.Stale.Round(0), e.Keep.Round(0)
	s.Store(k, e)
	return nil
}

func (s *texts) Delete(ctx context.Context, k string) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	s.Map.Delete(k)
	return nil
}

func TestARemoteStoreKeepsItsPromises(t *testing.T) {
	TestStore(t, func() cache.Store[string, int] { return new(texts) })
}

// broken is a store with one fault.
type broken struct {
	*cache.Memory[string, int]
	get func(e cache.Entry[int], ok bool) (cache.Entry[int], bool, error)
	set func(e *cache.Entry[int]) error
	key func(k string) string
	del func(ctx context.Context) error
}

func (s *broken) Get(ctx context.Context, k string) (cache.Entry[int], bool, error) {
	if s.key != nil {
		k = s.key(k)
	}
	e, ok, err := s.Memory.Get(ctx, k)
	if s.get != nil {
		return s.get(e, ok)
	}
	return e, ok, err
}

func (s *broken) Set(ctx context.Context, k string, e cache.Entry[int]) error {
	if s.key != nil {
		k = s.key(k)
	}
	if s.set != nil {
		if err := s.set(&e); err != nil {
			return err
		}
	}
	return s.Memory.Set(ctx, k, e)
}

func (s *broken) Delete(ctx context.Context, k string) error {
	if s.key != nil {
		k = s.key(k)
	}
	if s.del != nil {
		return s.del(ctx)
	}
	return s.Memory.Delete(ctx, k)
}

// report collects what a check finds.
type report struct {
	mu    sync.Mutex
	found []string
}

func (r *report) Helper() {}

func (r *report) Errorf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.found = append(r.found, fmt.Sprintf(format, args...))
}

func TestABrokenStoreIsFound(t *testing.T) {
	type entry = cache.Entry[int]
	for want, s := range map[string]*broken{
		"want none: nothing was set": {get: func(e entry, _ bool) (entry, bool, error) { return e, true, nil }},
		"another Value (1":           {get: func(e entry, ok bool) (entry, bool, error) { e.Value |= 1; return e, ok, nil }},
		"found no entry":             {get: func(e entry, ok bool) (entry, bool, error) { return e, ok && e.Value != 0, nil }},
		"came back as a success":     {set: func(e *entry) error { e.Err = nil; return nil }},
		"another Err (\"other\"":     {get: func(e entry, ok bool) (entry, bool, error) { e.Err = errors.New("other"); return e, ok, nil }},
		"another Keep":               {set: func(e *entry) error { e.Keep = e.Keep.Add(-1); return nil }},
		"another Made":               {set: func(e *entry) error { e.Made = e.Made.Truncate(1000); return nil }},
		"it was deleted":             {del: func(context.Context) error { return nil }},
		"also if there is no entry":  {del: func(context.Context) error { return errors.New("none") }},
		"does not match ctx.Err()": {del: func(ctx context.Context) error {
			if ctx.Err() != nil {
				return errors.New("cancelled")
			}
			return nil
		}},
		"Set(\"a\") returned an error": {set: func(*entry) error { return errors.New("full") }},
		"Get(\"a\") returned an error": {get: func(e entry, ok bool) (entry, bool, error) { return e, ok, errors.New("down") }},
		"Get(\"8\") found no entry":    {key: func(string) string { return "one for all" }},
		"had returned": {get: func(e entry, ok bool) (entry, bool, error) {
			e.Value, e.Made = e.Value-1, e.Made.Add(-1) // the one before the last
			return e, ok, nil
		}},
	} {
		t.Run(want, func(t *testing.T) {
			r := &report{}
			for _, c := range checks {
				s.Memory = cache.NewMemory[string, int](cache.MemoryConfig{})
				c.on(t.Context(), r, s)
			}
			assert.Contains(t, strings.Join(r.found, "\n"), want)
		})
	}
}

// writesBack is a store whose first Get of a key brings back what Delete has removed
// meanwhile.
type writesBack struct {
	*cache.Memory[string, int]
	looked, deleted chan struct{}
	look, deletion  sync.Once
}

const written = "owned 0"

func (s *writesBack) Get(ctx context.Context, k string) (cache.Entry[int], bool, error) {
	e, ok, err := s.Memory.Get(ctx, k)
	if ok && k == written {
		s.look.Do(func() {
			close(s.looked)
			<-s.deleted
			err = s.Set(ctx, k, e)
		})
	}
	return e, ok, err
}

func (s *writesBack) Delete(ctx context.Context, k string) error {
	if k == written {
		<-s.looked
		defer s.deletion.Do(func() { close(s.deleted) })
	}
	return s.Memory.Delete(ctx, k)
}

func TestAGetThatBringsBackADeletedEntryIsFound(t *testing.T) {
	r := &report{}
	check{run: getsFindNothingDeleted}.on(t.Context(), r, &writesBack{
		Memory: cache.NewMemory[string, int](cache.MemoryConfig{}), looked: make(chan struct{}), deleted: make(chan struct{}),
	})
	assert.Equal(t, []string{`cachetest: Get("owned 0") found an entry after Delete had returned`}, r.found)
}

func TestABuildThatReturnsNilIsFound(t *testing.T) {
	r := &report{}
	checks[0].on(t.Context(), r, nil)
	assert.Equal(t, []string{"cachetest: build returned nil, want a Store"}, r.found)
	assert.PanicsWithValue(t, "cachetest: TestStore: build is nil, want a function that returns a Store", func() { TestStore(t, nil) })
}
