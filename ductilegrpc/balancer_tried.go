package ductilegrpc

import (
	"context"
	"slices"
	"sync"

	atomic "github.com/ductile-go/ductile/internal/atomicx"
	std "github.com/ductile-go/ductile/internal/ending"
)

// spreading is set by RoundRobin: only its balancers read what a call has tried.
var spreading atomic.Bool

// tried is the context of one call, with the addresses that its attempts were sent to. A nil
// tried is empty and stays so.
type tried struct {
	context.Context
	mu    sync.Mutex // a hedge's attempts pick side by side
	addrs []string
}

type triedKey struct{}

// Value returns t for its key. It is part of the context to save an allocation for each call.
func (t *tried) Value(key any) any {
	if key == (triedKey{}) {
		return t
	}
	return t.Context.Value(key)
}

// String returns the text of the caller's context, so that a context is printed without a look
// at its fields.
func (t *tried) String() string { return std.Text(t.Context) }

// apart returns a context for one call, whose attempts go to different addresses.
func apart(ctx context.Context) context.Context {
	if !spreading.Load() {
		return ctx
	}
	return &tried{Context: ctx}
}

func (t *tried) has(addr string) bool {
	if t == nil {
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Contains(t.addrs, addr)
}

func (t *tried) add(addr string) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.addrs = append(t.addrs, addr)
}
