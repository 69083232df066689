package policytest

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// sample is the number of calls in each of the two samples that are compared. If both
// come from the same distribution, all of one lie below all of the other with a
// probability of 1 in C(32, 16), about 6e8. So the check does not fail by chance for
// policies that draw random numbers, such as a retry with jitter and MaxElapsed.
const sample = 16

// laterCallsAreAlike counts how often a failing function runs under new policies, and
// under one policy that has made calls before. A day and some successes between the
// calls restore what a policy keeps on purpose: the failures of a circuit, a budget.
func laterCallsAreAlike(p *probe) {
	var first, later []int64
	for range sample {
		p.policy = p.build()
		first = p.countRuns(first)
	}
	for range 2 * sample {
		later = p.countRuns(later)
		time.Sleep(day)
		for range sample {
			p.do(context.Background(), func(context.Context) (int, error) { return 42, nil })
		}
		time.Sleep(day)
	}
	if len(first) < sample || len(later) < sample {
		return
	}
	later = later[len(later)-sample:] // the effect of what was kept may come late
	if slices.Max(later) < slices.Min(first) || slices.Min(later) > slices.Max(first) {
		p.Errorf("policytest: a failing function ran %d to %d times in the first call of a policy and %d to %d times in later calls, want no difference: state of a call was kept in the policy",
			slices.Min(first), slices.Max(first), slices.Min(later), slices.Max(later))
	}
}

// countRuns adds the runs of a failing call. It leaves out a call with a refused attempt:
// the reason for that lies in other calls, as with a circuit's window.
func (p *probe) countRuns(to []int64) []int64 {
	if e := p.do(context.Background(), fails); !refused(e.err) {
		to = append(to, e.runs)
	}
	return to
}

// refused reports whether a call ended because a policy refused it, or refused a
// further attempt of it.
func refused(err error) bool {
	var ended *retry.Error
	return errors.Is(err, policy.ErrRejected) || errors.As(err, &ended) && errors.Is(ended.Reason, policy.ErrRejected)
}
