package chaos

import (
	"context"
	"slices"
	"time"

	atomic "github.com/ductile-go/ductile/internal/atomicx"
	"github.com/ductile-go/ductile/internal/same"
	"github.com/ductile-go/ductile/policy"
)

// Fault returns an injector that ends a call with the error of fn. The call's function does
// not run. If fn returns nil, nothing is injected and the call goes on.
//
// fn gets the call's context and runs on its goroutine. It must be safe for concurrent use.
// It may mark its error with retry.Permanent, retry.After or breaker.Judge. Fault panics
// with the error of Validate if cfg is invalid, and if fn is nil.
func Fault[T any](cfg Config, fn func(ctx context.Context) error) *Injector[T] {
	mustNotBeNil("Fault", fn == nil)
	return newInjector(cfg, faults, func(ctx context.Context, p *Injector[T], next policy.Call[T]) (v T, err error) {
		if err := p.ask(ctx, next, nil, fn); err != nil {
			return v, err
		}
		return proceed(ctx, next)
	})
}

// Latency returns an injector that makes a call wait for the duration that fn returns, and
// then runs its function. It waits on Config.Clock. A call whose context ends meanwhile
// returns at once, and its function does not run. A duration of 0 or less injects nothing.
//
// fn gets the call's context and runs on its goroutine. It must be safe for concurrent use.
// Latency panics with the error of Validate if cfg is invalid, and if fn is nil.
func Latency[T any](cfg Config, fn func(ctx context.Context) time.Duration) *Injector[T] {
	mustNotBeNil("Latency", fn == nil)
	return newInjector(cfg, latencies, func(ctx context.Context, p *Injector[T], next policy.Call[T]) (v T, err error) {
		d := p.last(ctx, next, fn)
		if d > 0 && ctx.Err() == nil {
			p.tell(ctx, next, policy.Event{Delay: d})
			err = policy.Sleep(ctx, p.cfg.Clock, d)
		}
		if err != nil {
			return v, err
		}
		return proceed(ctx, next)
	})
}

// Outcome returns an injector that ends a call with the result of fn. The call's function
// does not run. A nil error makes the value the call's success.
//
// fn gets the call's context and runs on its goroutine. It must be safe for concurrent use.
// It may mark its error with retry.Permanent, retry.After or breaker.Judge. Outcome panics
// with the error of Validate if cfg is invalid, and if fn is nil.
func Outcome[T any](cfg Config, fn func(ctx context.Context) (T, error)) *Injector[T] {
	mustNotBeNil("Outcome", fn == nil)
	return newInjector(cfg, outcomes, func(ctx context.Context, p *Injector[T], next policy.Call[T]) (v T, err error) {
		err = p.ask(ctx, next, nil, func(ctx context.Context) (err error) {
			v, err = fn(ctx)
			return err
		})
		return v, err
	})
}

// Behavior returns an injector that calls fn and then runs the call's function. If fn
// returns an error, the call ends with it and its function does not run.
//
// fn gets the call's context and runs on its goroutine. It must be safe for concurrent use.
// It may panic: the panic passes through, as one of the call's function would. Behavior
// panics with the error of Validate if cfg is invalid, and if fn is nil.
func Behavior[T any](cfg Config, fn func(ctx context.Context) error) *Injector[T] {
	mustNotBeNil("Behavior", fn == nil)
	return newInjector(cfg, behaviors, func(ctx context.Context, p *Injector[T], next policy.Call[T]) (v T, err error) {
		if err := p.ask(ctx, next, nil, fn); err != nil {
			return v, err
		}
		return proceed(ctx, next)
	})
}

// Detour returns an injector that ends a call with the result of fn. Through rest, fn can run
// the call's function: first, to lose its answer; with another context; or twice. An error
// of rest that fn returns as it is remains the function's own, and every other error is an
// injected one.
//
// fn gets the call's context and runs on its goroutine. It must be safe for concurrent use,
// as rest is, and must not call rest after it has returned. It may mark its error with
// retry.Permanent, retry.After or breaker.Judge. Detour panics with the error of Validate if
// cfg is invalid, and if fn is nil.
func Detour[T any](cfg Config, fn func(ctx context.Context, rest policy.Func[T]) (T, error)) *Injector[T] {
	mustNotBeNil("Detour", fn == nil)
	return newInjector(cfg, detours, func(ctx context.Context, p *Injector[T], next policy.Call[T]) (v T, err error) {
		d := &detour[T]{next: next}
		err = p.ask(ctx, next, d.failedWith, func(ctx context.Context) (err error) {
			v, err = fn(ctx, d.rest)
			return err
		})
		next.Delayed() // fn may have gone on after rest
		return v, err
	})
}

// detour is the rest of a call that a Detour may run.
type detour[T any] struct {
	next policy.Call[T]

	// mu guards the fields below. fn may call rest on several goroutines: of two first runs
	// none would count as a further attempt, and of two errors one would be lost.
	mu   atomic.Mutex
	ran  bool
	errs []error
}

// rest runs the rest of the call.
func (d *detour[T]) rest(ctx context.Context) (v T, err error) {
	d.mu.Lock()
	again := d.ran
	d.ran = true
	d.mu.Unlock()
	switch {
	case ctx.Err() != nil:
		err = policy.Ended(ctx)
	case again:
		v, err = d.next.Again(ctx)
	default:
		v, err = d.next.Do(ctx)
	}
	if err != nil {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.errs = append(d.errs, err)
	}
	return v, err
}

// failedWith reports whether err is what rest has returned.
func (d *detour[T]) failedWith(err error) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.ContainsFunc(d.errs, func(own error) bool { return same.Values(own, err) })
}

func mustNotBeNil(of string, isNil bool) {
	if isNil {
		panic("chaos: " + of + ": fn is nil, want a function")
	}
}

func newInjector[T any](cfg Config, kind string, act func(context.Context, *Injector[T], policy.Call[T]) (T, error)) *Injector[T] {
	p := &Injector[T]{act: act}
	p.init(cfg, kind)
	return p
}

// ask calls an author's function, and counts and tells the injection. It wraps the error
// unless own says that it is one of the call's function. A Fault that returns nil is no
// injection. A function that panics or calls runtime.Goexit is reported as policy.ErrNoReturn.
func (p *Injector[T]) ask(ctx context.Context, next policy.Call[T], own func(error) bool, fn func(context.Context) error) (err error) {
	err = policy.ErrNoReturn
	defer func() {
		if err != nil || p.kind != faults {
			p.tell(ctx, next, policy.Event{Err: err})
		}
	}()
	if err = fn(ctx); own == nil || !own(err) {
		err = p.wrap(err)
	}
	return err
}

// last calls an author's function of a Latency. If it panics or calls runtime.Goexit, it has
// acted, as that of every other kind.
func (p *Injector[T]) last(ctx context.Context, next policy.Call[T], fn func(context.Context) time.Duration) (d time.Duration) {
	returned := false
	defer func() {
		if !returned {
			p.tell(ctx, next, policy.Event{Err: policy.ErrNoReturn})
		}
	}()
	d = fn(ctx)
	returned = true
	return d
}

// tell counts an injection and emits an event.
func (p *Injector[T]) tell(ctx context.Context, next policy.Call[T], e policy.Event) {
	p.injected.Inc()
	if next.Observed(policy.Injected) {
		e.Kind, e.Policy, e.Name, e.Reason = policy.Injected, kind, p.cfg.Name, p.kind
		next.Emit(ctx, e)
	}
}
