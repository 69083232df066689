package ratelimit_test

import (
	"testing"
	"time"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/ratelimit"
)

// FuzzConfig checks that every config accepted by Validate limits as documented: the
// burst at once, then no token before its time, and each token at its time.
func FuzzConfig(f *testing.F) {
	f.Add(100, int64(time.Second), 10, int64(0))
	f.Add(3, int64(0), 0, int64(-1))
	f.Add(1, int64(year), 2, int64(time.Hour))
	f.Add(16, int64(1), 1<<30, int64(1))
	f.Add(7, int64(12345), 3, int64(1<<62))
	f.Fuzz(func(t *testing.T, limit int, per int64, burst int, wait int64) {
		clk := fake.NewClock()
		cfg := ratelimit.Config{Limit: limit, Per: time.Duration(per), Burst: burst, MaxWait: time.Duration(wait), Clock: clk}
		if cfg.Validate() != nil {
			return
		}
		l := ratelimit.NewLimiter(cfg)
		s := l.Snapshot()
		if s.Tokens != s.Burst || !l.Idle() {
			t.Fatalf("%+v: a new bucket is not full", s)
		}
		if !l.Allow(s.Burst) || l.Allow(1) || l.Allow(s.Burst+1) {
			t.Fatalf("%+v: the first calls do not get the burst, or get more", s)
		}
		// A token takes Per/Limit, up to 1/16 ns more.
		cost := (int64(s.Per)*16 + int64(s.Limit) - 1) / int64(s.Limit)
		due := time.Duration((cost + 15) / 16)
		r, err := l.Reserve(1, -1)
		if err != nil || r.Delay() != due {
			t.Fatalf("%+v: a token is due in %v, want %v: %v", s, r.Delay(), due, err)
		}
		r.Cancel()
		clk.Advance(due - 1)
		if cost > 16 && l.Allow(1) {
			t.Fatalf("%+v: a token comes before its time", s)
		}
		clk.Advance(1)
		if !l.Allow(1) {
			t.Fatalf("%+v: a token does not come at its time", s)
		}
		l.Pause(time.Duration(wait))
		l.SetRate(s.Limit, s.Per, 1)
		if s = l.Snapshot(); s.Burst != 1 || s.Tokens > 1 {
			t.Fatalf("%+v after SetRate", s)
		}
	})
}
