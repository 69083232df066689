package throttle_test

import (
	"context"
	"errors"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/throttle"
)

var errDown = errors.New("down")

func succeed(context.Context) (int, error) { return 1, nil }
func fail(context.Context) (int, error)    { return 0, errDown }

// always and never are sources of randomness: the first rejects every call whose rate is
// above 0, the second none.
func always() float64 { return 0 }
func never() float64  { return 1 }

// filled returns a throttle that has counted failures and accepts.
func filled(cfg throttle.Config, failures, accepts int) *throttle.Throttle {
	t := throttle.NewThrottle(cfg)
	fill(t, policy.Normal, failures, accepts)
	return t
}

// fill counts failures and accepts of a class. None of the calls may be rejected: all of
// them begin before the first ends.
func fill(t *throttle.Throttle, class policy.Priority, failures, accepts int) {
	ctx := policy.WithPriority(context.Background(), class)
	permits := make([]throttle.Permit, failures+accepts)
	for i := range permits {
		var err error
		if permits[i], err = t.Acquire(ctx); err != nil {
			panic(err)
		}
	}
	for i := range permits {
		if i < failures {
			permits[i].Record(policy.Failure)
		} else {
			permits[i].Record(policy.Success)
		}
	}
}

// observed returns a chain with one policy, and the recorder of its events.
func observed(p policy.Policy[int]) (*policy.Chain[int], *fake.Recorder) {
	rec := fake.NewRecorder()
	return policy.NewChain[int]("", []policy.Listener{{Observe: rec.Observe, Kinds: []policy.EventKind{policy.Rejected}}}, p), rec
}
