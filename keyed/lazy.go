package keyed

import (
	"context"
	"sync"

	atomic "github.com/ductile-go/ductile/internal/atomicx"
	"github.com/ductile-go/ductile/policy"
)

// lazy is a value that is built once, at its first use. If building it panics, the next
// use builds it again. The zero lazy is ready to use.
type lazy[V any] struct {
	// made is stored by the goroutine that has built the value and read without a lock.
	// A plain pointer would let a reader see it before the value behind it.
	made   atomic.Pointer[V]
	mu     sync.Mutex
	making policy.Waiter // for the end of build; nil if no goroutine builds
}

// get returns the value, and builds it if necessary. If build panics, the panic continues
// in this caller, and another caller calls its own build.
func (l *lazy[V]) get(clock policy.Clock, build func() *V) *V {
	for {
		if v := l.made.Load(); v != nil {
			return v
		}
		switch w, mine := l.claim(policy.NewWaiter(clock)); {
		case mine:
			return l.build(w, build)
		case w != nil:
			_ = w.Wait(context.Background()) // a context that never ends
		}
	}
}

// claim returns the waiter for the end of build. If mine is true, the caller must build
// the value. If w is nil, the value was built after the caller had looked at made and
// before it got the lock.
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
