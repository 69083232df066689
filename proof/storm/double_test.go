package storm

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/ductile-go/ductile/breaker"
	instep "github.com/ductile-go/ductile/internal/ending"
	"github.com/ductile-go/ductile/internal/mark"
	"github.com/ductile-go/ductile/internal/raced"
	"github.com/ductile-go/ductile/internal/stopwatch"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// planted says why a test that looks for planted faults does not need the race detector. make
// prove runs it, also the short one.
const planted = "it checks the search, which takes ten times as long"

// doubles replace policies and have one fault each. want is part of what the storm must report.
var doubles = []struct {
	name, want string
	double
}{
	{"a panic is ignored", "had counted", double{instead: likeBreaker(func(v *result) policy.Outcome {
		if !v.returned {
			return policy.Ignored
		}
		return v.outcome()
	})}},
	{"any cancellation is ignored", "had counted", double{instead: likeBreaker(func(v *result) policy.Outcome {
		if errors.Is(v.err, context.Canceled) {
			return policy.Ignored
		}
		return v.outcome()
	})}},
	{"a caller's leaving is a failure", "had counted", double{instead: likeBreaker(func(v *result) policy.Outcome {
		if v.returned && v.err != nil {
			return policy.Failure
		}
		return v.outcome()
	})}},
	{"a success is not recorded", "had counted", double{instead: likeBreaker(func(v *result) policy.Outcome {
		if v.returned && v.err == nil {
			return policy.Ignored
		}
		return v.outcome()
	})}},
	{"the recovery time does not double", "open for", double{circuit: func(cfg *breaker.Config) {
		cfg.MaxRecoveryTimeout = 0
	}}},
	{"the recovery time is too long", "after the circuit's recovery time was over", double{circuit: func(cfg *breaker.Config) {
		cfg.RecoveryTimeout *= 2
		cfg.MaxRecoveryTimeout = 0
	}}},
	{"the recovery time ends a nanosecond late", "after the circuit's recovery time was over", double{circuit: func(cfg *breaker.Config) {
		cfg.RecoveryTimeout++
		cfg.MaxRecoveryTimeout = 0
	}}},
	{"one failure more is needed", "must be open", double{circuit: func(cfg *breaker.Config) {
		if cfg.FailureThreshold > 0 && cfg.WindowCalls == 0 {
			cfg.FailureThreshold++
		}
	}}},
	{"Rejected is missing", "\"rejected\" was told 0 times", double{observer: hears(policy.Rejected, 0)}},
	{"StateChanged is doubled", "changes of state were told", double{observer: hears(policy.StateChanged, 2)}},
	{"abandoning drops a success", "one thing", double{instead: around(func(_ context.Context, r rules, v int, err error) (int, error) {
		if t, ok := r.(*timeoutRules); ok && t.Abandon && err == nil {
			return 0, &policy.TimeoutError{After: t.After, Name: t.Name}
		}
		return v, err
	})}},
	{"abandoning returns before the limit", "no result within", double{instead: around(func(_ context.Context, r rules, v int, err error) (int, error) {
		if t, ok := r.(*timeoutRules); ok && t.Abandon && same(err, errDown) {
			return 0, &policy.TimeoutError{After: t.After, Name: t.Name}
		}
		return v, err
	})}},
	{"a late success is a timeout", "made it 0", double{instead: around(func(_ context.Context, r rules, v int, err error) (int, error) {
		if t, ok := r.(*timeoutRules); ok && !t.Abandon && err == nil {
			return 0, &policy.TimeoutError{After: t.After, Name: t.Name}
		}
		return v, err
	})}},
	{"a fallback answers a caller who left", "and the policy made it 7", double{instead: around(func(ctx context.Context, r rules, v int, err error) (int, error) {
		if f, ok := r.(*fallbackRules); ok && gaveUp(ctx, err) {
			return f.value, f.err
		}
		return v, err
	})}},
	{"a caller's leaving is our timeout", "caller's end: context canceled", double{instead: around(func(ctx context.Context, r rules, v int, err error) (int, error) {
		if t, ok := r.(*timeoutRules); ok && gaveUp(ctx, err) {
			return v, &policy.TimeoutError{After: t.After, Name: t.Name}
		}
		return v, err
	})}},
	{"OnLate is missing", "OnLate was not given", double{late: func(func(int, error)) func(int, error) {
		return func(int, error) {}
	}}},
	{"OnLate is doubled", "returned or told before", double{late: func(tell func(int, error)) func(int, error) {
		return func(v int, err error) { tell(v, err); tell(v, err) }
	}}},
	{"FinishedLate is missing", "\"finished_late\" was told 0 times", double{observer: hears(policy.FinishedLate, 0)}},
	{"FinishedLate is doubled", "\"finished_late\" was told", double{observer: hears(policy.FinishedLate, 2)}},
	{"Attempted is missing", "\"attempted\" was told 0 times", double{observer: hears(policy.Attempted, 0)}},
	{"Retried is doubled", "retries were told", double{observer: hears(policy.Retried, 2)}},
	{"Discard is never called", "was discarded 0 times", double{instead: likeRetry(func(r *retryRules) policy.Policy[int] {
		return retry.New[int](r.Config)
	})}},
	{"Judged is missing", "\"judged\" was told 0 times", double{observer: hears(policy.Judged, 0)}},
	{"Judged is doubled", "\"judged\" was told 2 times", double{observer: hears(policy.Judged, 2)}},
	{"Recovered is missing", "\"recovered\" was told 0 times", double{observer: hears(policy.Recovered, 0)}},
	{"Started is missing", "0 Started events", double{observer: hears(policy.Started, 0)}},
	{"an event lacks its name", "is of", double{observer: changes(func(e *policy.Event) { e.Name = "" })}},
	{"Finished counts an attempt too many", "attempts, and there were", double{observer: changes(func(e *policy.Event) { e.Attempt++ })}},
	{"Finished says that nothing rescued the call", "rescued it", double{observer: changes(func(e *policy.Event) { e.Reason = "" })}},
	{"Took is since the first attempt began", "and Judged says", double{observer: changes(func(e *policy.Event) { e.Took++ })}},
	{"Judged has another outcome", "was judged as", double{observer: changes(func(e *policy.Event) { e.Outcome = policy.Ignored })}},
	{"a rejection is retried", "it tried again after", double{instead: likeRetry(func(r *retryRules) policy.Policy[int] {
		cfg := r.Config
		cfg.RetryRejected = true
		return retry.New[int](cfg).WithDiscard(func(int) {})
	})}},
	{"a hint is not followed", "it waited", double{instead: likeRetry(func(r *retryRules) policy.Policy[int] {
		return does(func(ctx context.Context, next policy.Call[int]) (int, error) {
			return retry.New[int](r.Config).Do(ctx, func(ctx context.Context) (int, error) {
				v, err := next.Do(ctx)
				return v, unmarked(err)
			})
		})
	})}},
	{"an attempt that would be refused is made", "and circuit", double{instead: likeRetry(func(r *retryRules) policy.Policy[int] {
		return does(func(ctx context.Context, next policy.Call[int]) (int, error) { // it cannot ask what is inside
			v, err := retry.New[int](r.Config).Do(ctx, next.Do)
			return v, err
		})
	})}},
	{"errors are not kept", "it keeps", double{instead: likeRetry(func(r *retryRules) policy.Policy[int] {
		cfg := r.Config
		cfg.KeepErrors = 0
		return retry.New[int](cfg).WithDiscard(func(int) {})
	})}},
	{"one probe more is waited for", "must be", double{circuit: func(cfg *breaker.Config) {
		if cfg.ProbeCalls > 0 {
			cfg.ProbeCalls++
		}
	}}},
	{"hold is not called", "was given to hold", double{instead: func(r rules, of policy.Policy[int]) policy.Policy[int] {
		if b, ok := r.(*breakerRules); ok && b.keeps && b.when == nil {
			return breaker.New[int](b.tally.circuit)
		}
		return of
	}}},
	{"a kept value is judged as it is returned", "was told 1 times, want 0", double{keep: func(record func(policy.Outcome)) func(policy.Outcome) {
		record(policy.Success)
		return func(policy.Outcome) {}
	}}},
	{"what is recorded is lost", "was told 0 times", double{keep: func(func(policy.Outcome)) func(policy.Outcome) {
		return func(policy.Outcome) {}
	}}},
	{"a value that is not recorded in full is a success", "and judged as", double{keep: func(record func(policy.Outcome)) func(policy.Outcome) {
		return func(policy.Outcome) { record(policy.Success) }
	}}},
	{"Reconfigure leaves the threshold as it was", "must be", double{changed: func(was breaker.Config, is *breaker.Config) {
		is.FailureThreshold = was.FailureThreshold
	}}},
	{"OnRetry is never called", "OnRetry was called 0 times", double{instead: likeRetry(func(r *retryRules) policy.Policy[int] {
		cfg := r.Config
		cfg.OnRetry = nil
		return retry.New[int](cfg).WithDiscard(func(int) {})
	})}},
	{"one attempt more is made", "attempts, want 1 to", double{instead: likeRetry(func(r *retryRules) policy.Policy[int] {
		cfg := r.Config
		cfg.MaxAttempts++
		return retry.New[int](cfg).WithDiscard(func(int) {})
	})}},
}

func TestTheAuditFindsEachFaultyDouble(t *testing.T) {
	raced.Skip(t, planted)
	for _, d := range doubles {
		t.Run(d.name, func(t *testing.T) { requireFound(t, d.want, d.double) })
	}
}

func TestTheAuditAcceptsACorrectDouble(t *testing.T) {
	raced.Skip(t, planted)
	for seed := uint64(1); seed < 100; seed++ {
		requireNoFault(t, seed, enact(t, seed, double{instead: likeBreaker((*result).outcome)}))
	}
}

// around returns a double that changes what policies return.
func around(change func(ctx context.Context, r rules, v int, err error) (int, error)) func(rules, policy.Policy[int]) policy.Policy[int] {
	return func(r rules, of policy.Policy[int]) policy.Policy[int] {
		return does(func(ctx context.Context, next policy.Call[int]) (int, error) {
			v, err := of.Execute(ctx, next)
			return change(ctx, r, v, err)
		})
	}
}

// hears returns an observer that gets each event of a kind so many times.
func hears(kind policy.EventKind, times int) func(policy.Observer) policy.Observer {
	return func(o policy.Observer) policy.Observer {
		return func(ctx context.Context, e policy.Event) {
			n := 1
			if e.Kind == kind {
				n = times
			}
			for range n {
				o(ctx, e)
			}
		}
	}
}

// changes returns an observer that gets altered events.
func changes(off func(*policy.Event)) func(policy.Observer) policy.Observer {
	return func(o policy.Observer) policy.Observer {
		return func(ctx context.Context, e policy.Event) {
			off(&e)
			o(ctx, e)
		}
	}
}

func likeRetry(made func(r *retryRules) policy.Policy[int]) func(rules, policy.Policy[int]) policy.Policy[int] {
	return func(r rules, of policy.Policy[int]) policy.Policy[int] {
		if r, ok := r.(*retryRules); ok {
			return made(r)
		}
		return of
	}
}

// result is what a breaker judges.
type result struct {
	ctx      context.Context
	v        int
	err      error
	returned bool
	rules    *breakerRules
}

// outcome returns the correct outcome.
func (r *result) outcome() policy.Outcome {
	switch {
	case !r.returned:
		return policy.Failure
	case judgedAs(r.err) != policy.Undecided:
		return judgedAs(r.err)
	case gaveUp(r.ctx, r.err):
		return policy.Ignored
	case r.rules.when != nil && r.rules.when(r.v, r.err) != policy.Undecided:
		return r.rules.when(r.v, r.err)
	case r.rules.tally.fixed.Classify != nil && r.rules.tally.fixed.Classify(r.err) != policy.Undecided:
		return r.rules.tally.fixed.Classify(r.err)
	case r.err == nil:
		return policy.Success
	case errors.Is(r.err, policy.ErrRejected):
		return policy.Ignored
	}
	return policy.Failure
}

// likeBreaker returns doubles of breakers that use permits and a judge of their own. They emit no
// StateChanged, since Record does not return whether the circuit moved.
func likeBreaker(judge func(*result) policy.Outcome) func(rules, policy.Policy[int]) policy.Policy[int] {
	return func(r rules, of policy.Policy[int]) policy.Policy[int] {
		b, ok := r.(*breakerRules)
		if !ok || b.tally.fixed.SlowCall > 0 { // a Permit counts what is Ignored late as slow
			return of
		}
		b.tally.deaf = true
		return does(func(ctx context.Context, next policy.Call[int]) (int, error) {
			if ctx.Err() != nil {
				return 0, policy.Ended(ctx)
			}
			permit, err := b.tally.circuit.Acquire()
			if err != nil {
				next.Emit(ctx, policy.Event{Kind: policy.Rejected, Policy: "breaker", Name: b.tally.fixed.Name, Err: err})
				return 0, err
			}
			res := &result{ctx: ctx, rules: b}
			watch := stopwatch.New(b.tally.fixed.Clock)
			// Once, and not Record's result alone: if the context ends while a value is recorded,
			// the second to come must not return before the first has emitted its event.
			var once sync.Once
			ends := func(o policy.Outcome, took time.Duration, err error) {
				once.Do(func() {
					permit.Record(o)
					next.Emit(ctx, policy.Event{Kind: policy.Judged, Policy: "breaker", Name: b.tally.fixed.Name, Outcome: countsAs(o), Took: took, Err: mark.Without(err)})
				})
			}
			kept := false
			defer func() {
				if !kept {
					ends(judge(res), watch.Elapsed(), res.err)
				}
			}()
			res.v, res.err = next.Do(ctx)
			res.returned = true
			if kept = b.keeps && judge(res) == policy.Success; kept {
				took := watch.Elapsed()
				stop := instep.AfterFunc(ctx, func() { ends(policy.Success, took, nil) })
				res.v = b.hold(ctx, res.v, func(o policy.Outcome) { stop(); ends(o, took, nil) })
			}
			return res.v, res.err
		})
	}
}
