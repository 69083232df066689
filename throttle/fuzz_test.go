package throttle_test

import (
	"testing"
	"time"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/throttle"
)

// FuzzConfig checks that every config accepted by Validate throttles as documented: not
// below MinCalls, at the rate of the formula up to MaxReject, and no longer when the window
// has passed.
func FuzzConfig(f *testing.F) {
	f.Add(0., int64(0), 0, 0., uint16(10), uint16(0))
	f.Add(1., int64(10), 1, 0.5, uint16(1), uint16(1))
	f.Add(1.1, int64(time.Second), 30, 0.999, uint16(20), uint16(15))
	f.Add(1e6, int64(1<<62), 1<<31-1, 5e-324, uint16(1000), uint16(999))
	f.Fuzz(func(t *testing.T, k float64, length int64, minCalls int, maxReject float64, failures, accepts uint16) {
		clk := fake.NewClock()
		number := 0.
		cfg := throttle.Config{
			K: k, Window: time.Duration(length), MinCalls: minCalls, MaxReject: maxReject, Clock: clk,
			Rand: func() float64 { return number },
		}
		if cfg.Validate() != nil {
			return
		}
		th := throttle.NewThrottle(cfg)
		full := th.Config()
		if full.Validate() != nil || !th.Idle() {
			t.Fatalf("%+v: a new throttle is not idle, or its config not valid", full)
		}
		fill(th, policy.Normal, int(failures), int(accepts))
		requests := int64(failures) + int64(accepts)
		want := 0.
		if requests >= int64(full.MinCalls) {
			want = min(full.MaxReject, max(0, (float64(requests)-full.K*float64(accepts))/float64(requests+1)))
		}
		s := th.Snapshot()
		if s.Requests != requests || s.Accepts != int64(accepts) || s.Rate != want || th.Rate(policy.Normal) != want {
			t.Fatalf("%+v: %+v, want a rate of %v", full, s, want)
		}
		if _, err := th.Acquire(t.Context()); (err != nil) != (want > 0) {
			t.Fatalf("%+v at a rate of %v: %v", full, want, err)
		}
		number = want // the least number that is not below the rate
		if _, err := th.Acquire(t.Context()); want > 0 && th.Rate(policy.Normal) == want && err != nil {
			t.Fatalf("%+v at a rate of %v: %v", full, want, err)
		}
		number = 0
		clk.Advance(full.Window)
		if _, err := th.Acquire(t.Context()); err != nil || !th.Idle() {
			t.Fatalf("%+v: a window later: %v", full, err)
		}
	})
}
