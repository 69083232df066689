package ductileotel

import (
	"context"
	"sync"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	atomic "github.com/ductile-go/ductile/internal/atomicx"
	std "github.com/ductile-go/ductile/internal/ending"
	"github.com/ductile-go/ductile/policy"
)

// tracing is what the policies of one traced pipeline share.
type tracing struct {
	tracer     trace.Tracer
	attributes func(ctx context.Context, e policy.Event) []attribute.KeyValue
}

// call is one call whose span is recorded.
type call struct {
	span trace.Span
	// rescuer is the kind of the policy that rescued the call last. Attempts of a hedge run
	// at the same time, so it is written and read by several goroutines.
	rescuer atomic.Pointer[string]
}

type scopeKey struct{}

// scope is the context of a part of a recorded call: of the call, of the attempts of a
// retry or a hedge, or of one attempt. A scope without tracing hides those around it.
type scope struct {
	context.Context
	tracing *tracing
	call    *call
	span    trace.Span // the innermost one
	run     *run       // set directly around a retry or a hedge
}

// Value returns the caller's value.
func (s *scope) Value(key any) any {
	if key == (scopeKey{}) {
		return s
	}
	return s.Context.Value(key)
}

// String returns the text of the context inside, so that a context is printed without a look at
// the fields of a scope.
func (s *scope) String() string { return std.Text(s.Context) }

// scopeOf returns the innermost scope of ctx, or nil.
func scopeOf(ctx context.Context) *scope {
	s, _ := ctx.Value(scopeKey{}).(*scope)
	return s
}

// scope returns the innermost scope of ctx if it belongs to t, or nil.
func (t *tracing) scope(ctx context.Context) *scope {
	if s := scopeOf(ctx); s != nil && s.tracing == t {
		return s
	}
	return nil
}

// run is one run of a retry or a hedge.
type run struct {
	// mu guards began: the attempts of a hedge may begin at the same time, and of two that
	// add themselves to the list, one would otherwise be lost.
	mu    sync.Mutex
	began *began
}

// began is an attempt that has begun.
type began struct {
	number int
	span   trace.SpanContext
	older  *began // nil for a retry, which needs the last one alone
}

// before returns the attempt of the highest number below n that has begun, or nil.
func (r *run) before(n int) (last *began) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for one := r.began; one != nil; one = one.older {
		if one.number < n && (last == nil || one.number > last.number) {
			last = one
		}
	}
	return last
}

// add adds an attempt, and keeps those before only if keep is true.
func (r *run) add(number int, span trace.SpanContext, keep bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	one := &began{number: number, span: span}
	if keep {
		one.older = r.began
	}
	r.began = one
}
