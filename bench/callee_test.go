package bench_test

import (
	"context"
	"errors"
	"sync/atomic"
)

// callee is one function in the shapes that libraries ask for, so that none
// pays for an adapter.
type callee struct {
	fn    func(ctx context.Context) (int, error)
	value func() (int, error)
	ctx   func(ctx context.Context) error
	plain func() error
}

var errDown = errors.New("down")

// succeed and the callees below are package-level variables, so that no
// compiler sees through them.
var succeed = callee{
	fn:    func(context.Context) (int, error) { return 1, nil },
	value: func() (int, error) { return 1, nil },
	ctx:   func(context.Context) error { return nil },
	plain: func() error { return nil },
}

var fail = callee{
	fn:    func(context.Context) (int, error) { return 0, errDown },
	value: func() (int, error) { return 0, errDown },
	ctx:   func(context.Context) error { return errDown },
	plain: func() error { return errDown },
}

// ready is closed, so that a select on it and a live context returns at once.
var ready = func() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

var wait = ofContext(func(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-ready:
		return nil
	}
})

var derive = ofContext(func(ctx context.Context) error {
	child, cancel := context.WithCancel(ctx)
	defer cancel()
	return child.Err()
})

// ofContext makes a callee of what needs a context; a library that has none to
// give cannot run it.
func ofContext(fn func(ctx context.Context) error) callee {
	return callee{ctx: fn, fn: func(ctx context.Context) (int, error) { return 1, fn(ctx) }}
}

func always(f callee) func() callee { return func() callee { return f } }

// third succeeds at every third call.
func third() callee {
	n := 0
	return from(func() error {
		if n++; n%3 != 0 {
			return errDown
		}
		return nil
	})
}

// mostlyFail succeeds at the first of every four calls.
func mostlyFail() callee {
	n := 0
	return from(func() error {
		if n++; n%4 != 1 {
			return errDown
		}
		return nil
	})
}

func from(plain func() error) callee {
	return callee{
		plain: plain,
		ctx:   func(context.Context) error { return plain() },
		value: func() (int, error) { return 1, plain() },
		fn:    func(context.Context) (int, error) { return 1, plain() },
	}
}

// counted counts the calls of f.
func counted(f callee, calls *atomic.Int64) callee {
	return callee{
		plain: func() error { calls.Add(1); return f.plain() },
		ctx:   func(ctx context.Context) error { calls.Add(1); return f.ctx(ctx) },
		value: func() (int, error) { calls.Add(1); return f.value() },
		fn:    func(ctx context.Context) (int, error) { calls.Add(1); return f.fn(ctx) },
	}
}
