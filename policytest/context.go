package policytest

import (
	"context"
	"errors"
	"runtime"
	"sync/atomic"
	"testing/synctest"
	"time"
)

type valueKey struct{}

// fails fails, after a while. The checks below have it fail for the sake of what
// the policy gives to another run.
func fails(context.Context) (int, error) {
	time.Sleep(takes)
	return 0, &failure{}
}

func valuesReachEveryRun(p *probe) {
	ctx := context.WithValue(context.Background(), valueKey{}, "here")
	var run atomic.Int64
	p.do(ctx, func(ctx context.Context) (int, error) {
		n := run.Add(1)
		if got := ctx.Value(valueKey{}); got != "here" {
			p.Errorf("policytest: the function's context has %v for a value of the caller's in run %d, want it", got, n)
		}
		return fails(ctx)
	})
}

func deadlineReachesEveryRun(p *probe) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	want, _ := ctx.Deadline()
	var run atomic.Int64
	p.do(ctx, func(ctx context.Context) (int, error) {
		n := run.Add(1)
		if got, ok := ctx.Deadline(); !ok || got.After(want) {
			p.Errorf("policytest: the function's context has deadline %v (%v) in run %d, want no later than the caller's, %v", got, ok, n, want)
		}
		return fails(ctx)
	})
}

// cancelReachesEveryRun has the caller leave in the first run, and another one in
// the second, and so on, if there are so many.
func cancelReachesEveryRun(p *probe) {
	for run := range int64(3) {
		p.leaveIn(run + 1)
		time.Sleep(day)
	}
}

func (p *probe) leaveIn(last int64) {
	caller := newCountedCtx()
	var run, late atomic.Int64
	var left time.Duration
	start := time.Now()
	e := p.do(caller, func(ctx context.Context) (int, error) {
		n := run.Add(1)
		if caller.Err() != nil {
			late.Add(1)
			return 0, &failure{}
		}
		time.Sleep(takes) // what begins at the same time has begun
		switch {
		case ctx.Err() != nil:
			return 0, ctx.Err() // for reasons of the policy's own
		case n < last:
			return 0, &failure{}
		case n == last:
			left = time.Since(start)
			caller.leave()
		}
		select {
		case <-ctx.Done():
		case <-time.After(day):
			p.Errorf("policytest: the function's context did not end in run %d when the caller's did", n)
			return 0, errLeft
		}
		if err, cause := ctx.Err(), context.Cause(ctx); !errors.Is(err, context.Canceled) || !errors.Is(cause, errLeft) {
			p.Errorf("policytest: the function's context ended with %v and cause %v in run %d, want the caller's, %v and %v", err, cause, n, context.Canceled, errLeft)
		}
		return 0, ctx.Err()
	})
	if n := late.Load(); n > 0 {
		p.Errorf("policytest: the function began for a caller who had left, want it not to: %d times", n)
	}
	if caller.Err() != nil && e.took >= left && !errors.Is(e.err, context.Canceled) {
		p.Errorf("policytest: the caller's context was cancelled and the call came back as %v, want an error that matches context.Canceled", e)
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
