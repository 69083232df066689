package policytest

import (
	"context"
	"errors"
	"runtime"
	"sync/atomic"
	"testing/synctest"
	"time"

	"github.com/ductile-go/ductile/policy"
)

type valueKey struct{}

func valuesReachTheFunction(p *probe) {
	ctx := context.WithValue(context.Background(), valueKey{}, "here")
	p.do(ctx, func(ctx context.Context) (int, error) {
		if got := ctx.Value(valueKey{}); got != "here" {
			p.Errorf("policytest: the function's context has %v for a value of the caller's, want it", got)
		}
		return 0, nil
	})
}

func deadlineReachesTheFunction(p *probe) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	want, _ := ctx.Deadline()
	p.do(ctx, func(ctx context.Context) (int, error) {
		if got, ok := ctx.Deadline(); !ok || got.After(want) {
			p.Errorf("policytest: the function's context has deadline %v (%v), want no later than the caller's, %v", got, ok, want)
		}
		return 0, nil
	})
}

func cancelReachesTheFunction(p *probe) {
	caller := newCountedCtx()
	var late atomic.Int64
	e := p.do(caller, func(ctx context.Context) (int, error) {
		if caller.Err() != nil {
			late.Add(1)
			return 0, &failure{}
		}
		time.Sleep(takes) // what begins at the same time has begun
		if ctx.Err() != nil {
			return 0, ctx.Err() // for reasons of the policy's own
		}
		caller.leave()
		select {
		case <-ctx.Done():
		case <-time.After(day):
			p.Errorf("policytest: the function's context did not end when the caller's did")
			return 0, errLeft
		}
		if err, cause := ctx.Err(), context.Cause(ctx); !errors.Is(err, context.Canceled) || !errors.Is(cause, errLeft) {
			p.Errorf("policytest: the function's context ended with %v and cause %v, want the caller's, %v and %v", err, cause, context.Canceled, errLeft)
		}
		return 0, ctx.Err()
	})
	if n := late.Load(); n > 0 {
		p.Errorf("policytest: the function began for a caller who had left, want it not to: %d times", n)
	}
	if caller.Err() != nil && e.took >= takes && !errors.Is(e.err, context.Canceled) {
		p.Errorf("policytest: the caller's context was cancelled and the call came back as %v, want an error that matches context.Canceled", e)
	}
}

func leaverIsLetGo(p *probe) {
	caller := newCountedCtx()
	time.AfterFunc(patience, caller.leave)
	var late atomic.Int64
	e := p.do(caller, func(ctx context.Context) (int, error) {
		if caller.Err() != nil {
			late.Add(1)
		}
		_ = policy.Sleep(ctx, nil, takes)
		return 0, &failure{}
	})
	if e.took > patience {
		p.Errorf("policytest: the caller left after %v and the call returned after %v, want at once", patience, e.took)
	}
	if n := late.Load(); n > 0 {
		p.Errorf("policytest: the function began for a caller who had left, want it not to: %d times", n)
	}
}

// nothingIsLeft leaves goroutines to the bubble, which every check runs in.
func nothingIsLeft(p *probe) {
	for how, fn := range map[string]func(context.Context) (int, error){
		"succeeded":             func(context.Context) (int, error) { return 42, nil },
		"failed":                func(context.Context) (int, error) { return 0, &failure{} },
		"panicked":              func(context.Context) (int, error) { panic("boom") },
		"called runtime.Goexit": func(context.Context) (int, error) { runtime.Goexit(); return 0, nil },
		"used its context":      useContext,
	} {
		caller := newCountedCtx()
		p.do(caller, fn)
		synctest.Wait()
		if n := caller.attached(); n > 0 {
			p.Errorf("policytest: after a function that %s, %d children of the caller's context are left, want 0: a cancel function was not called", how, n)
		}
	}
}

// useContext makes contexts that are made when they are needed.
func useContext(ctx context.Context) (int, error) {
	child, cancel := context.WithCancel(ctx)
	defer cancel()
	select {
	case <-child.Done():
	default:
	}
	return 42, nil
}
