//go:build ductile_explore

package explore

import (
	"context"
	"slices"
	"time"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/policy"
)

// kept is a call through a breaker with WithKeep whose value is recorded later.
type kept struct {
	ctx    *stepped
	record func(policy.Outcome)
}

func (r *rig) keepValue(k *kept) {
	b := breaker.New[int](r.Circuit).WithKeep(func(_ context.Context, v int, record func(policy.Outcome)) int {
		touch(k)
		k.record = record
		return v
	})
	_, err := b.Execute(k.ctx, policy.CallOf(func(context.Context) (int, error) { return 1, nil }))
	if err != nil {
		r.fault("the call came to %v", err)
	}
}

// later returns a thread that records the value if it has been kept by then.
func (k *kept) later(o policy.Outcome) func() {
	return func() {
		if touch(k); k.record != nil {
			k.record(o)
		}
	}
}

// keepings returns the scenes in which a value is recorded beside something else.
func keepings() map[string]scenario {
	counted := func(r *rig, want ...breaker.Counts) {
		got := r.Snapshot().Counts
		got.Rejected = 0
		if !slices.Contains(want, got) {
			r.fault("counted %+v, want one of %+v", got, want)
		}
	}
	cfg := breaker.Config{SuccessThreshold: 9, HalfOpenMaxCalls: 1}
	return map[string]scenario{
		"WithKeep: of two records, one counts": {
			func() (*rig, []func()) {
				r, k := newRig(cfg).halfOpen(), &kept{ctx: newStepped()}
				r.keepValue(k)
				r.atEnd = k.ctx.nothingAttached(r)
				return r, []func(){k.later(good), k.later(good)}
			}, func(r *rig) { counted(r, breaker.Counts{Successes: 1}); r.take(1) },
		},
		"WithKeep: a record beside the end of the context": {
			func() (*rig, []func()) {
				r, k := newRig(cfg).halfOpen(), &kept{ctx: newStepped()}
				r.keepValue(k)
				r.atEnd = k.ctx.nothingAttached(r)
				return r, []func(){k.later(neutral), k.ctx.cancel}
			}, func(r *rig) { counted(r, breaker.Counts{Successes: 1}, breaker.Counts{Ignored: 1}); r.take(1) },
		},
		"WithKeep: a record beside the call and the end of its context": {
			func() (*rig, []func()) {
				r, k := newRig(cfg).halfOpen(), &kept{ctx: newStepped()}
				r.atEnd = k.ctx.nothingAttached(r)
				return r, []func(){func() { r.keepValue(k) }, k.later(neutral), func() { Wait(k, func() bool { return k.record != nil }); k.ctx.cancel() }}
			}, func(r *rig) { counted(r, breaker.Counts{Successes: 1}, breaker.Counts{Ignored: 1}); r.take(1) },
		},
		"WithKeep: a record beside the end of its state": {
			func() (*rig, []func()) {
				r, k := newRig(breaker.Config{FailureThreshold: 1}), &kept{ctx: newStepped()}
				r.keepValue(k)
				r.atEnd = k.ctx.nothingAttached(r)
				return r, []func(){k.later(bad), func() { r.Trip(time.Hour, "test"); r.Reset() }}
			}, oneOf("open, closed", "open, closed, open"),
		},
	}
}
