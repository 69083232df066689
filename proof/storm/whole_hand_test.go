package storm

import (
	"context"
	"sync"
	"time"

	"github.com/ductile-go/ductile/policy"
)

// handFlights is a coalesce with faults: its flights stay until they have landed, also when
// their last caller has left.
type handFlights struct {
	sees    func(key string) string
	mu      sync.Mutex
	flights map[string]*handFlight
}

type handFlight struct {
	waiting int
	cancel  context.CancelCauseFunc
	landed  chan struct{}
	v       worth
	err     error
}

func (h *handFlights) Execute(ctx context.Context, next policy.Call[worth]) (worth, error) {
	key, keyed := keyOf(ctx)
	if ctx.Err() != nil {
		return worth{}, policy.Ended(ctx)
	}
	if !keyed {
		return next.Do(ctx)
	}
	f := h.join(ctx, h.sees(key), next)
	select {
	case <-f.landed:
		return f.v, f.err
	case <-ctx.Done():
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if f.waiting--; f.waiting == 0 {
		f.cancel(context.Cause(ctx))
	}
	return worth{}, policy.Ended(ctx)
}

func (h *handFlights) join(ctx context.Context, key string, next policy.Call[worth]) *handFlight {
	h.mu.Lock()
	defer h.mu.Unlock()
	if f := h.flights[key]; f != nil {
		f.waiting++
		return f
	}
	inside, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	f := &handFlight{waiting: 1, cancel: cancel, landed: make(chan struct{}), err: errDown}
	h.flights[key] = f
	go func() {
		defer func() {
			_ = recover()
			cancel(nil)
			h.mu.Lock()
			defer h.mu.Unlock()
			delete(h.flights, key)
			close(f.landed)
		}()
		f.v, f.err = next.Do(inside)
	}()
	return f
}

// handCache is a cache with faults.
type handCache struct {
	forgets   bool // stores what began before it was deleted
	refreshes bool // refreshes at each stale read
	mu        sync.Mutex
	entries   map[string]handEntry
	deletions map[string]int
}

type handEntry struct {
	v    worth
	made time.Time
}

func handCached(fault func(*handCache)) wholeDouble {
	caches := map[*whole]*handCache{}
	d := of(atCache, func(w *whole, _ policy.Policy[worth]) policy.Policy[worth] {
		c := &handCache{entries: map[string]handEntry{}, deletions: map[string]int{}}
		fault(c)
		caches[w] = c
		return c
	})
	d.invalidate = func(w *whole, _ context.Context, key string) error {
		w.coalesce.Forget(key)
		caches[w].mu.Lock()
		defer caches[w].mu.Unlock()
		delete(caches[w].entries, key)
		caches[w].deletions[key]++
		return nil
	}
	return d
}

func (c *handCache) Execute(ctx context.Context, next policy.Call[worth]) (worth, error) {
	key, keyed := keyOf(ctx)
	if ctx.Err() != nil {
		return worth{}, policy.Ended(ctx)
	}
	if !keyed {
		return next.Do(ctx)
	}
	c.mu.Lock()
	e, ok := c.entries[key]
	c.mu.Unlock()
	switch age := time.Since(e.made); {
	case ok && age < time.Millisecond:
		return e.v, nil
	case ok && c.refreshes && age < time.Second:
		go func() {
			defer func() { _ = recover() }()
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), refreshTime)
			defer cancel()
			_, _ = c.run(ctx, key, next)
		}()
		return e.v, nil
	}
	return c.run(ctx, key, next)
}

func (c *handCache) run(ctx context.Context, key string, next policy.Call[worth]) (worth, error) {
	c.mu.Lock()
	before := c.deletions[key]
	c.mu.Unlock()
	v, err := next.Do(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil && (c.forgets || c.deletions[key] == before) {
		c.entries[key] = handEntry{v, time.Now()}
	}
	return v, err
}
