package policytest

import (
	"context"
	"errors"
	"time"

	"github.com/ductile-go/ductile/policy"
)

// policyIsBuilt is the first check. Without a policy, the others would panic.
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
			p.Errorf("policytest: the function ran %d times under a context that had ended with %v, want 0: check the context first", e.runs, ctx.Err())
		}
		if !errors.Is(e.err, ctx.Err()) || !errors.Is(e.err, errLeft) {
			p.Errorf("policytest: under a context that had ended the error is %v, want one that matches both %v and the cause, %v: return policy.Ended(ctx)",
				e.err, ctx.Err(), errLeft)
		}
		if e.took != 0 {
			p.Errorf("policytest: under a context that had ended the call took %v, want 0s: check the context before waiting", e.took)
		}
	}
}

func successComesBack(p *probe) {
	e := p.do(context.Background(), func(context.Context) (int, error) { return 42, nil })
	if e.v != 42 || e.err != nil || !e.returned {
		p.Errorf("policytest: the function returned 42 and nil and the call returned %v, want 42 and nil", e)
	}
	if e.runs == 0 {
		p.Errorf("policytest: a new policy did not run the function, want a policy from build that admits calls")
	}
	e = p.do(context.Background(), func(context.Context) (int, error) {
		time.Sleep(takes)
		return 42, nil
	})
	if e.again > 0 {
		p.Errorf("policytest: the function began %d times after it had succeeded, want 0: return the success", e.again)
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

// succeedsAfter makes the function sleep between the end of the caller's context and its
// own success. In the meantime a policy that returns when the context ends has done so,
// and a policy that waits for its function still waits.
func (p *probe) succeedsAfter(caller context.Context, at time.Duration, end func()) {
	e := p.do(caller, func(context.Context) (int, error) {
		time.Sleep(takes)
		end()
		time.Sleep(takes)
		return 42, nil
	})
	switch {
	case e.runs == 0 && caller.Err() != nil:
		p.Errorf("policytest: a new policy had not run the function when its caller left, after %v, want it to run before: build a policy whose waits are shorter", e.took)
	case e.runs == 0:
		p.Errorf("policytest: a new policy did not run the function and the call returned %v, want a policy from build that admits calls", e)
	case e.left() && (e.took < at || e.err == nil): // at a limit of its own, or with another answer
	case e.left():
		if !errors.Is(e.err, caller.Err()) || !errors.Is(e.err, errLeft) {
			p.Errorf("policytest: the call returned before its function because the caller's context had ended, with %v, want an error that matches both %v and the cause: return policy.Ended(ctx)", e, caller.Err())
		}
	case e.v != 42 || e.err != nil:
		p.Errorf("policytest: the function returned 42 and nil and the call returned %v because the caller's context had ended with %v, want 42 and nil: a success stays a success", e, caller.Err())
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

// matches checks the error of a call whose function returns own. If the function did
// not run, the error may be that of another call, as with policies that share results.
func (p *probe) matches(e ending, own *failure) {
	if e.err == nil || errors.Is(e.err, policy.ErrRejected) || e.left() {
		return
	}
	var got *failure
	switch matched := errors.As(e.err, &got); {
	case e.runs == 0 && !matched:
		p.Errorf("policytest: the function did not run and the error is %v, want one that matches policy.ErrRejected, or the error of another call's function: wrap policy.ErrRejected", e.err)
	case !matched:
		p.Errorf("policytest: the error is %v, want one that matches the function's own by errors.Is and errors.As: wrap it with %%w", e.err)
	case e.runs > 0 && got != own:
		p.Errorf("policytest: call %d returned the error of call %d, want its own: do not keep results in the policy", own.call, got.call)
	}
}
