// Package pipeline composes policies and runs calls through them. Most programs start
// here.
//
//	stripe := breaker.NewCircuit(breaker.Config{Name: "stripe"})
//	p := pipeline.New(
//		retry.New[*Session](retry.Config{}),
//		breaker.New[*Session](stripe),
//		policy.Timeout[*Session](10*time.Second),
//	)
//	session, err := p.Do(ctx, createSession)
//
// The first policy is the outermost. The usual order is
//
//	fallback > total timeout > retry > breaker > attempt timeout
//
// so that each attempt has its own time limit and is counted by the breaker, and the
// fallback handles the failure of the whole. [Standard] builds this order from a
// config, and validates it. docs/policies.md in the repository has the order of all
// policies.
//
// A pipeline serves one result type. [Run] and [Exec] run functions of any type through
// a Pipeline[any].
package pipeline

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/ductile-go/ductile/internal/mark"
	"github.com/ductile-go/ductile/internal/same"
	"github.com/ductile-go/ductile/policy"
)

// Pipeline is a sequence of policies. Make one with [New] or [Standard]. It is
// immutable and safe for concurrent use. A pipeline is itself a policy, and nesting
// costs nothing per call. The zero Pipeline has no policies.
type Pipeline[T any] struct {
	chain    policy.Chain[T]    // what runs; nested pipelines are chains in it
	policies []policy.Policy[T] // as they were given
}

// New returns a pipeline of policies, the first outermost: New(a, b) runs a(b(fn)).
// Without policies it only runs the function. The slice is copied. New panics if a
// policy is nil.
func New[T any](policies ...policy.Policy[T]) *Pipeline[T] {
	notNil("New", policies)
	return made("", nil, slices.Clone(policies))
}

// made returns a pipeline that keeps the slice policies.
func made[T any](name string, listeners []policy.Listener, policies []policy.Policy[T]) *Pipeline[T] {
	parts := slices.Clone(policies)
	for i, p := range parts {
		if nested, ok := p.(*Pipeline[T]); ok {
			parts[i] = &nested.chain
		}
	}
	return &Pipeline[T]{*policy.NewChain(name, listeners, parts...), policies}
}

// notNil panics if a policy given to fn is nil.
func notNil[T any](fn string, policies []policy.Policy[T]) {
	for i, p := range policies {
		if same.Nil(p) {
			panic(fmt.Sprintf("pipeline: %s: policy %d of %d is nil, want a policy", fn, i+1, len(policies)))
		}
	}
}

// Do runs fn through the pipeline. If ctx has already ended, nothing runs, and the
// error matches ctx.Err() and [context.Cause] of ctx. Do panics if p or fn is nil.
func (p *Pipeline[T]) Do(ctx context.Context, fn policy.Func[T]) (T, error) {
	if fn == nil {
		panic("pipeline: Pipeline.Do: fn is nil, want a function")
	}
	if p == nil {
		panic("pipeline: Pipeline.Do: pipeline is nil, want one made by New")
	}
	if ctx.Err() != nil {
		var zero T
		return zero, policy.Ended(ctx)
	}
	v, err := p.chain.Call(fn).Do(ctx)
	if err != nil {
		err = mark.Without(err)
	}
	return v, err
}

// Wrap returns a function that runs fn through the pipeline. It panics if p or fn is
// nil.
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
		v, err := call.Do(ctx)
		if err != nil {
			err = mark.Without(err)
		}
		return v, err
	}
}

// WithName returns a copy with a name, for its events.
func (p *Pipeline[T]) WithName(name string) *Pipeline[T] {
	return made(name, p.chain.Listeners(), p.policies)
}

// Name returns the pipeline's name, or "" if it has none.
func (p *Pipeline[T]) Name() string { return p.chain.Name() }

// WithObserver returns a copy that also passes events of the given kinds to o, or all
// events if no kind is given. Observers are called in the order added, those of a
// nested pipeline first. Events that no observer wants cost nothing: with StateChanged
// alone, calls are as fast as without an observer. WithObserver panics if o is nil.
func (p *Pipeline[T]) WithObserver(o policy.Observer, kinds ...policy.EventKind) *Pipeline[T] {
	if o == nil {
		panic("pipeline: Pipeline.WithObserver: observer is nil, want a function")
	}
	listeners := append(p.chain.Listeners(), policy.Listener{Observe: o, Kinds: slices.Clone(kinds)})
	return made(p.chain.Name(), listeners, p.policies)
}

// With returns a copy with the policies that change returns, and the same name and
// observers. change gets a copy of the policies, outermost first, and may modify it.
// With panics if change is nil or returns a nil policy.
func (p *Pipeline[T]) With(change func([]policy.Policy[T]) []policy.Policy[T]) *Pipeline[T] {
	if change == nil {
		panic("pipeline: Pipeline.With: change is nil, want a function")
	}
	policies := change(p.Policies())
	notNil("Pipeline.With", policies)
	return made(p.chain.Name(), p.chain.Listeners(), slices.Clone(policies))
}

// Execute runs next inside the pipeline.
func (p *Pipeline[T]) Execute(ctx context.Context, next policy.Call[T]) (T, error) {
	if ctx.Err() != nil {
		var zero T
		return zero, policy.Ended(ctx)
	}
	return p.chain.Execute(ctx, next)
}

// Refusal asks the policies in order; see [policy.Call.Refusal].
func (p *Pipeline[T]) Refusal(ctx context.Context, after time.Duration) error {
	return p.chain.Refusal(ctx, after)
}

// Describe returns the pipeline's name and policies, outermost first.
func (p *Pipeline[T]) Describe() policy.Description { return p.chain.Describe() }

// String returns the policies, "retry(3) > breaker(stripe) > timeout(10s)", or
// "pass-through" if there are none.
func (p *Pipeline[T]) String() string { return p.chain.String() }

// Policies returns a copy of the policies, outermost first.
func (p *Pipeline[T]) Policies() []policy.Policy[T] {
	return slices.Clone(p.policies)
}

// Run runs fn, of any result type, through a pipeline of any. The policies see the
// value as an any. If a policy, such as a fallback, returns nil or a value of a type
// other than T, Run returns an error. It panics if p or fn is nil.
func Run[T any](ctx context.Context, p *Pipeline[any], fn policy.Func[T]) (T, error) {
	if fn == nil {
		panic("pipeline: Run: fn is nil, want a function")
	}
	if p == nil {
		panic("pipeline: Run: pipeline is nil, want one made by New")
	}
	v, err := p.Do(ctx, func(ctx context.Context) (any, error) { return fn(ctx) })
	t, ok := v.(T)
	if !ok && err == nil && !nilOf[T](v) {
		return t, fmt.Errorf("pipeline: Run: a policy returned %s, want %v", typeOf(v), reflect.TypeFor[T]())
	}
	return t, err
}

// nilOf reports whether v is nil and T is an interface type, so that v is a valid T.
func nilOf[T any](v any) bool { return v == nil && reflect.TypeFor[T]().Kind() == reflect.Interface }

func typeOf(v any) string {
	if v == nil {
		return "nil"
	}
	return fmt.Sprintf("the type %T", v)
}

// Exec runs fn, which returns no value, through a pipeline of any. It panics if p or fn
// is nil.
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
