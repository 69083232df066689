package policytest

import (
	"context"
	"errors"
	"time"

	"github.com/ductile-go/ductile/policy"
)

// policyIsBuilt comes first: without a policy there is nothing to check.
func policyIsBuilt(p *probe) {
	if p.policy == nil {
		p.Errorf("policytest: build returned nil, want a policy")
	}
}

func endedContextRunsNothing(p *probe) {
	cancelled, cancel := context.WithCancelCause(context.Background())
	cancel(errLeft)
	late, release := context.WithTimeoutCause(context.Background(), -time.Second, errLeft)
	defer release()
	for _, ctx := range []context.Context{cancelled, late} {
		e := p.do(ctx, func(context.Context) (int, error) { return 1, nil })
		if e.runs != 0 {
			p.Errorf("policytest: the function ran %d times under a context that had ended with %v, want 0", e.runs, ctx.Err())
		}
		if !errors.Is(e.err, ctx.Err()) || !errors.Is(e.err, errLeft) {
			p.Errorf("policytest: under a context that had ended the error is %v, want one that matches both %v and the cause, %v; see policy.Ended",
				e.err, ctx.Err(), errLeft)
		}
		if e.took != 0 {
			p.Errorf("policytest: under a context that had ended the call took %v, want to return at once", e.took)
		}
	}
}

func successComesBack(p *probe) {
	e := p.do(context.Background(), func(context.Context) (int, error) { return 42, nil })
	if e.v != 42 || e.err != nil || !e.returned {
		p.Errorf("policytest: a function that returned 42 and nil came back as %v, want 42 and nil", e)
	}
	if e.runs == 0 {
		p.Errorf("policytest: a new policy did not run the function, want it to")
	}
	e = p.do(context.Background(), func(context.Context) (int, error) {
		time.Sleep(takes)
		return 42, nil
	})
	if e.again > 0 {
		p.Errorf("policytest: a function that had succeeded began again, want no more of it: %d times", e.again)
	}
}

func successSurvivesACancel(p *probe) {
	caller := newCountedCtx()
	p.succeedsAfter(caller, takes, caller.leave)
}

func successSurvivesADeadline(p *probe) {
	caller, cancel := context.WithTimeoutCause(context.Background(), patience, errLeft)
	defer cancel()
	p.succeedsAfter(caller, patience, func() { <-caller.Done() })
}

// succeedsAfter lets a function sleep between the end of its caller's context and
// its success. By then everybody else has come to rest: a policy that waits for
// its function is still there, and one that returns when its caller leaves has
// returned.
func (p *probe) succeedsAfter(caller context.Context, at time.Duration, end func()) {
	e := p.do(caller, func(context.Context) (int, error) {
		time.Sleep(takes)
		end()
		time.Sleep(takes)
		return 42, nil
	})
	switch {
	case e.runs == 0:
		p.Errorf("policytest: a new policy did not run the function: %v", e)
	case e.left() && (e.took < at || e.err == nil): // for a limit of its own, or with an answer
	case e.left():
		if !errors.Is(e.err, caller.Err()) || !errors.Is(e.err, errLeft) {
			p.Errorf("policytest: the call left its function because the caller's context had ended, and came back as %v, want an error that matches both %v and the cause", e, caller.Err())
		}
	case e.v != 42 || e.err != nil:
		p.Errorf("policytest: 42 and nil came back as %v because the caller's context ended meanwhile with %v, want 42 and nil", e, caller.Err())
	}
}

func errorIsMatched(p *probe) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	own := &failure{1}
	e := p.do(ctx, func(context.Context) (int, error) {
		time.Sleep(takes)
		return 0, own
	})
	p.matches(e, own)
}

// matches checks the error of a call whose function failed with own. One that did
// not run it may have been given what another call came to, as by a policy that
// shares results; that is as good as an answer.
func (p *probe) matches(e ending, own *failure) {
	if e.err == nil || errors.Is(e.err, policy.ErrRejected) || e.left() {
		return
	}
	var got *failure
	switch matched := errors.As(e.err, &got); {
	case e.runs == 0 && !matched:
		p.Errorf("policytest: the function did not run and the error is %v, want one that matches policy.ErrRejected, or the error of another call's function", e.err)
	case !matched:
		p.Errorf("policytest: the error is %v, want one that matches the function's own by errors.Is and errors.As", e.err)
	case e.runs > 0 && got != own:
		p.Errorf("policytest: the error is that of call %d, want that of call %d", got.call, own.call)
	}
}
