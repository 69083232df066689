package adaptive_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/adaptive"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
)

const ms = time.Millisecond

var errDown = errors.New("down")

func one(context.Context) (int, error) { return 1, nil }

func bubble(t *testing.T, f func(t *testing.T)) { t.Helper(); synctest.Test(t, f) }

// rig is a limiter on a fake clock. Its windows are of 10 ms and, with a Target, of 10
// calls; without, of as many calls as the limit.
type rig struct {
	*adaptive.Limiter
	t   testing.TB
	clk *fake.Clock
}

func newRig(t testing.TB, cfg adaptive.Config) *rig {
	clk := fake.NewClock()
	cfg.Clock, cfg.MinCalls, cfg.Window = clk, 10, 10*ms
	if cfg.Target == 0 {
		cfg.MinCalls = 1
	}
	return &rig{adaptive.NewLimiter(cfg), t, clk}
}

// take takes n places.
func (r *rig) take(n int) []*adaptive.Permit {
	r.t.Helper()
	permits := make([]*adaptive.Permit, n)
	for i := range permits {
		permits[i] = new(adaptive.Permit)
		var err error
		*permits[i], err = r.Acquire(context.Background())
		require.NoError(r.t, err, "place %d of %d", i+1, n)
	}
	return permits
}

func recordAll(permits []*adaptive.Permit, o policy.Outcome) {
	for _, p := range permits {
		p.Record(o)
	}
}

// wave runs n calls at once that take d and succeed.
func (r *rig) wave(n int, d time.Duration) {
	r.t.Helper()
	permits := r.take(n)
	r.clk.Advance(d)
	recordAll(permits, policy.Success)
}

// call runs a call that takes d and returns err, and returns its error.
func (r *rig) call(ctx context.Context, d time.Duration, err error) error {
	_, got := adaptive.Do(ctx, r.Limiter, func(context.Context) (int, error) {
		r.clk.Advance(d)
		return 0, err
	})
	return got
}

// taken returns a limiter whose only place is taken, and the permit.
func taken(t testing.TB, cfg adaptive.Config) (*adaptive.Limiter, *adaptive.Permit) {
	t.Helper()
	cfg.Initial = 1
	l := adaptive.NewLimiter(cfg)
	p := new(adaptive.Permit)
	var err error
	*p, err = l.Acquire(context.Background())
	require.NoError(t, err)
	return l, p
}
