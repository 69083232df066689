package flight

import (
	"context"
	"time"

	atomic "github.com/ductile-go/ductile/internal/atomicx"
	"github.com/ductile-go/ductile/internal/ending"
)

// lifetime is the part of a flight's context that ends. It makes a context of the standard
// library only when Done is called: package context attaches derived contexts to it
// without a goroutine. For a function that ignores its context it costs one
// compare-and-swap.
type lifetime struct {
	// state changes once, by compare-and-swap, from nil to a context that can end or to
	// one that has ended. Done on one goroutine races with the end of the flight on
	// another: whichever is first, the other sees it, so no context outlives its flight,
	// and no answer changes.
	state atomic.Pointer[state]
}

type state struct {
	context.Context
	source *source            // nil if the context had ended when it was made
	cancel context.CancelFunc // of a context that is not used
}

// landed is the state of a flight whose function returned before Done was called.
var landed = &state{Context: ending.With(nil)}

// Done returns the channel that is closed when the flight ends.
func (l *lifetime) Done() <-chan struct{} {
	if s := l.state.Load(); s != nil {
		return s.Done()
	}
	s := newState()
	if !l.state.CompareAndSwap(nil, s) {
		s.cancel()
		return l.state.Load().Done()
	}
	return s.Done()
}

// Err returns nil until the flight ends.
func (l *lifetime) Err() error {
	if s := l.state.Load(); s != nil {
		return s.Err()
	}
	return nil
}

// cause returns what package context looks for under key, which is its own.
func (l *lifetime) cause(key any) any {
	if s := l.state.Load(); s != nil {
		return s.Value(key)
	}
	return nil
}

// end ends the context, once.
func (l *lifetime) end(err, cause error) {
	s := l.state.Load()
	if s == nil {
		s = landed
		if err != context.Canceled || cause != context.Canceled { //nolint:errorlint // identity
			s = &state{Context: &ended{ending.With(cause), err}}
		}
		if l.state.CompareAndSwap(nil, s) {
			return
		}
		s = l.state.Load()
	}
	if s.source != nil {
		s.source.end(err, cause)
	}
}

// ended is a context that has ended with any error.
type ended struct {
	context.Context // of the standard library, for the cause
	err             error
}

func (e *ended) Err() error { return e.err }

// source is the parent of a context of the standard library, which ends with the error of
// our choice: a cancel function of package context can only make it context.Canceled.
type source struct {
	done   chan struct{} // never closed
	cancel func()        // ends the context
	once   atomic.Bool   // set by the first call of end; a second could change the error
	ended  *ended        // set by end before it calls cancel
}

// newState returns a context that can end.
func newState() *state {
	p := &source{done: make(chan struct{})}
	ctx, cancel := context.WithCancel(p)
	return &state{Context: ctx, source: p, cancel: cancel}
}

// Done returns a channel, so that package context asks for AfterFunc.
func (p *source) Done() <-chan struct{} { return p.done }

// AfterFunc stores what ends the context that is derived from p. Package context calls it
// once, in newState.
func (p *source) AfterFunc(f func()) (stop func() bool) {
	p.cancel = f
	return func() bool { return false }
}

// Err and Value are called by the function of AfterFunc.

func (p *source) Err() error {
	if p.ended == nil {
		return nil
	}
	return p.ended.err
}

func (p *source) Value(key any) any {
	if p.ended == nil {
		return nil
	}
	return p.ended.Value(key)
}

// Deadline returns none: the flight knows its deadline.
func (p *source) Deadline() (time.Time, bool) { return time.Time{}, false }

func (p *source) end(err, cause error) {
	if !p.once.CompareAndSwap(false, true) {
		return
	}
	p.ended = &ended{ending.With(cause), err}
	p.cancel()
}
