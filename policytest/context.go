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

// fails returns an error after a while, so that policies that retry run it again: the
// checks below look at every run.
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
			p.Errorf("policytest: in run %[2]d the function's context has the value %[1]v, want the caller's, %[3]q: derive the context from the caller's", got, n, "here")
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
			p.Errorf("policytest: in run %[3]d the function's context has the deadline %[1]v (%[2]v), want the caller's, %[4]v, or an earlier one: derive the context from the caller's", got, ok, n, want)
		}
		return fails(ctx)
	})
}

// cancelReachesEveryRun cancels one call in its first run, the next call in its second
// run, and a third in its third, if there are so many.
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
		time.Sleep(takes) // let concurrent runs begin
		switch {
		case ctx.Err() != nil:
			return 0, ctx.Err() // the policy ended it, for a reason of its own
		case n < last:
			return 0, &failure{}
		case n == last:
			left = time.Since(start)
			caller.leave()
		}
		select {
		case <-ctx.Done():
		case <-time.After(day):
			p.Errorf("policytest: in run %d the function's context did not end when the caller's did: derive it from the caller's", n)
			return 0, errLeft
		}
		if err, cause := ctx.Err(), context.Cause(ctx); !errors.Is(err, context.Canceled) || !errors.Is(cause, errLeft) {
			p.Errorf("policytest: in run %[3]d the function's context ended with %[1]v and the cause %[2]v, want the caller's, %[4]v and %[5]v", err, cause, n, context.Canceled, errLeft)
		}
		return 0, ctx.Err()
	})
	if n := late.Load(); n > 0 {
		p.Errorf("policytest: the function began %d times after the caller's context had ended, want 0: check the context before each run", n)
	}
	if caller.Err() != nil && e.took >= left && !errors.Is(e.err, context.Canceled) {
		p.Errorf("policytest: the caller's context was cancelled and the call returned %v, want an error that matches context.Canceled", e)
	}
}

// nothingIsLeft looks for children of the caller's context. Goroutines that are left are
// found by the bubble.
func nothingIsLeft(p *probe) {
	for how, fn := range map[string]func(context.Context) (int, error){
		"succeeded":             func(context.Context) (int, error) { return 42, nil },
		"failed":                func(context.Context) (int, error) { return 0, &failure{} },
		"panicked":              func(context.Context) (int, error) { panic(boom) },
		"called runtime.Goexit": func(context.Context) (int, error) { runtime.Goexit(); return 0, nil },
		"used its context":      useContext,
	} {
		caller := newCountedCtx()
		p.do(caller, fn)
		synctest.Wait()
		if n := caller.attached(); n > 0 {
			p.Errorf("policytest: after a function that %s, %d children of the caller's context are left, want 0: call their cancel functions", how, n)
		}
	}
}

// useContext uses its context, because some policies create a child context only then.
func useContext(ctx context.Context) (int, error) {
	child, cancel := context.WithCancel(ctx)
	defer cancel()
	select {
	case <-child.Done():
	default:
	}
	return 42, nil
}
