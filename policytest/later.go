package policytest

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// sample is how many calls are compared with as many. Of two samples of the same
// policy, all of one come below all of the other once in C(32, 16), which is 6e8:
// whatever a policy draws, this does not fail by chance. It takes that much, for a
// retry with jitter and a limit of time never goes twice as it went.
const sample = 16

// laterCallsAreAlike counts the runs that a failing call takes with new policies,
// and with one that has made calls. Successes and a day lie between one and the
// next, so that what a policy keeps on purpose, a circuit's row or a budget, is as
// it was.
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
	later = later[len(later)-sample:] // what is kept may show late
	if slices.Max(later) < slices.Min(first) || slices.Min(later) > slices.Max(first) {
		p.Errorf("policytest: a failing function ran %d to %d times in the first call of a policy and %d to %d times in later ones, want alike: something of a call was kept",
			slices.Min(first), slices.Max(first), slices.Min(later), slices.Max(later))
	}
}

// countRuns adds the runs of a failing call, unless one of its attempts was refused:
// that has a reason which is not the call's own, such as a circuit's window.
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
