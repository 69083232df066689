package keyed

import (
	"context"
	"sync"

	atomic "github.com/ductile-go/ductile/internal/atomicx"
	"github.com/ductile-go/ductile/policy"
)

// lazy is a value that is made when it is first needed, once, unless making it
// panics. The zero lazy is ready to use.
type lazy[V any] struct {
	// made is set by the one goroutine that makes the value. Others read it without a
	// lock: they see nil, or the value whole.
	made   atomic.Pointer[V]
	mu     sync.Mutex
	making policy.Waiter // of the goroutine that makes it; nil if none does
}

// get returns the value. If build panics, the panic goes on, and a goroutine that
// waits, or comes later, calls its own build.
func (l *lazy[V]) get(clock policy.Clock, build func() *V) *V {
	for {
		if v := l.made.Load(); v != nil {
			return v
		}
		switch w, mine := l.claim(policy.NewWaiter(clock)); {
		case mine:
			return l.build(w, build)
		case w != nil:
			_ = w.Wait(context.Background()) // which never ends
		}
	}
}

// claim returns the waiter of the goroutine that makes the value, and whether that
// is the caller. It looks at made again: the value may have been made between the
// caller's look and the lock. Then it returns no waiter.
func (l *lazy[V]) claim(fresh policy.Waiter) (w policy.Waiter, mine bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.making != nil:
		return l.making, false
	case l.made.Load() != nil:
		return nil, false
	}
	l.making = fresh
	return fresh, true
}

func (l *lazy[V]) build(w policy.Waiter, build func() *V) *V {
	defer func() {
		l.mu.Lock()
		l.making = nil
		l.mu.Unlock()
		w.Wake()
	}()
	v := build()
	l.made.Store(v)
	return v
}
