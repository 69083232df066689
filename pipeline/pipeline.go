// Package pipeline composes policies into one thing that runs calls. It is the
// door that most callers come in by.
//
//	stripe := breaker.NewCircuit(breaker.Config{Name: "stripe"})
//	p := pipeline.New(
//		retry.New[*Session](retry.Config{}),
//		breaker.New[*Session](stripe),
//		policy.Timeout[*Session](10*time.Second),
//	)
//	session, err := p.Do(ctx, createSession)
//
// The first policy is the outermost. The order that most calls want is
// fallback > total timeout > retry > breaker > attempt timeout: each attempt
// has a time of its own and is counted by the breaker, and the fallback answers
// for the whole. [Standard] makes that, validated, from a config.
package pipeline

import (
	"context"
	"fmt"
	"reflect"

	"github.com/ductile-go/ductile/policy"
)

// Pipeline is policies composed. Make one with [New] or [Standard]. It is
// immutable and safe for concurrent use, and is itself a policy: pipelines
// nest, at no cost per call. The zero Pipeline is a pass-through, as New() is.
type Pipeline[T any] struct {
	chain    policy.Chain[T]    // what runs: nested pipelines are chains in it
	policies []policy.Policy[T] // as they were given
}

// New returns a pipeline of the given policies, the first outermost: New(a, b)
// runs a(b(fn)). With none it is a pass-through. The slice is copied. New panics
// when a policy is nil.
func New[T any](policies ...policy.Policy[T]) *Pipeline[T] {
	for i, p := range policies {
		if isNil(p) {
			panic(fmt.Sprintf("pipeline: New: policy %d of %d is nil, want a policy", i+1, len(policies)))
		}
	}
	return made("", nil, append([]policy.Policy[T](nil), policies...))
}

// made returns a pipeline of the policies, which it keeps.
func made[T any](name string, observer policy.Observer, policies []policy.Policy[T]) *Pipeline[T] {
	parts := append([]policy.Policy[T](nil), policies...)
	for i, p := range parts {
		if nested, ok := p.(*Pipeline[T]); ok {
			parts[i] = &nested.chain
		}
	}
	return &Pipeline[T]{*policy.NewChain(name, observer, parts...), policies}
}

// isNil reports whether p is nil or holds a nil pointer.
func isNil[T any](p policy.Policy[T]) bool {
	if p == nil {
		return true
	}
	v := reflect.ValueOf(p)
	return v.Kind() == reflect.Pointer && v.IsNil()
}

// Do runs fn through the pipeline. A context that has already ended runs
// nothing; the error then matches both ctx.Err() and its cause. Do panics when
// p or fn is nil.
func (p *Pipeline[T]) Do(ctx context.Context, fn policy.Func[T]) (T, error) {
	if ctx.Err() != nil {
		var zero T
		return zero, policy.Ended(ctx)
	}
	if fn == nil {
		panic("pipeline: Pipeline.Do: fn is nil, want a function")
	}
	if p == nil {
		panic("pipeline: Pipeline.Do: pipeline is nil, want one made by New")
	}
	return p.chain.Call(fn).Do(ctx)
}

// Wrap returns fn decorated: a function that runs fn through the pipeline.
func (p *Pipeline[T]) Wrap(fn policy.Func[T]) policy.Func[T] {
	if fn == nil {
		panic("pipeline: Pipeline.Wrap: fn is nil, want a function")
	}
	if p == nil {
		panic("pipeline: Pipeline.Wrap: pipeline is nil, want one made by New")
	}
	call := p.chain.Call(fn)
	return func(ctx context.Context) (T, error) {
		if ctx.Err() != nil {
			var zero T
			return zero, policy.Ended(ctx)
		}
		return call.Do(ctx)
	}
}

// WithName returns a copy whose events carry name.
func (p *Pipeline[T]) WithName(name string) *Pipeline[T] {
	return made(name, p.chain.Observer(), p.policies)
}

// WithObserver returns a copy that also tells o of events, after the observers added
// before. Events of a nested pipeline reach its own observers first. It panics
// when o is nil.
func (p *Pipeline[T]) WithObserver(o policy.Observer) *Pipeline[T] {
	if o == nil {
		panic("pipeline: Pipeline.WithObserver: observer is nil, want a function")
	}
	return made(p.chain.Name(), policy.Observers(p.chain.Observer(), o), p.policies)
}

// Execute runs next inside the pipeline.
func (p *Pipeline[T]) Execute(ctx context.Context, next policy.Call[T]) (T, error) {
	if ctx.Err() != nil {
		var zero T
		return zero, policy.Ended(ctx)
	}
	return p.chain.Execute(ctx, next)
}

// String describes the policies: "retry(3) > breaker(stripe) > timeout(10s)", or
// "pass-through" where there is none.
func (p *Pipeline[T]) String() string { return p.chain.String() }

// Policies returns a copy of the policies, outermost first.
func (p *Pipeline[T]) Policies() []policy.Policy[T] {
	return append([]policy.Policy[T](nil), p.policies...)
}

// Run runs fn, of any result type, through a pipeline of any. The policies see
// the value as an any. A policy that answers with a value of another type than
// T, such as a fallback, makes Run fail with an error that says so.
func Run[T any](ctx context.Context, p *Pipeline[any], fn policy.Func[T]) (T, error) {
	if fn == nil {
		panic("pipeline: Run: fn is nil, want a function")
	}
	if p == nil {
		panic("pipeline: Run: pipeline is nil, want one made by New")
	}
	v, err := p.Do(ctx, func(ctx context.Context) (any, error) { return fn(ctx) })
	t, ok := v.(T)
	if !ok && v != nil && err == nil {
		return t, fmt.Errorf("pipeline: Run: a policy answered with the type %T, want %v", v, reflect.TypeFor[T]())
	}
	return t, err
}

// Exec runs fn, which returns no value, through a pipeline of any.
func Exec(ctx context.Context, p *Pipeline[any], fn func(context.Context) error) error {
	if fn == nil {
		panic("pipeline: Exec: fn is nil, want a function")
	}
	if p == nil {
		panic("pipeline: Exec: pipeline is nil, want one made by New")
	}
	_, err := p.Do(ctx, func(ctx context.Context) (any, error) { return nil, fn(ctx) })
	return err
}
