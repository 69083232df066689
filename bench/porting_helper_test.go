package bench_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// handmade is the retry that many teams have written.
type handmade struct {
	attempts       int
	base, max      time.Duration
	factor, jitter float64
}

// usual is that helper with its usual defaults, and no jitter.
var usual = handmade{attempts: 3, base: 500 * time.Millisecond, max: 4 * time.Second, factor: 2}

func (h handmade) run(_ context.Context, tr *trail) error {
	delay := float64(h.base)
	for n := 1; ; n++ {
		err := tr.call()
		if err == nil || n == h.attempts {
			return err
		}
		time.Sleep(time.Duration(min(delay, float64(h.max)) * (1 + h.jitter*(2*rand.Float64()-1))))
		delay *= h.factor
	}
}

// shutter is the breaker that they have beside it.
type shutter struct {
	threshold, probes, enough int
	recovery                  time.Duration
	state                     string
	failures, out, good       int
	opened                    time.Time
}

func usualShutter() *shutter {
	return &shutter{threshold: 5, probes: 3, enough: 1, recovery: 30 * time.Second, state: "closed"}
}

func (s *shutter) enter() bool {
	if s.state == "open" && time.Since(s.opened) >= s.recovery {
		s.state, s.out, s.good = "half-open", 0, 0
	}
	if s.state == "open" || s.state == "half-open" && s.out == s.probes {
		return false
	}
	s.out++
	return true
}

func (s *shutter) leave(err error) {
	s.out--
	switch {
	case err == nil && s.state == "half-open":
		if s.good++; s.good == s.enough {
			s.state, s.failures = "closed", 0
		}
	case err == nil:
		s.failures = 0
	default:
		if s.failures++; s.failures >= s.threshold || s.state == "half-open" {
			s.state, s.opened = "open", time.Now()
		}
	}
}

func (s *shutter) run(fn func() error) {
	if s.enter() {
		s.leave(fn())
	}
}

// helperDelays asserts that a helper and a retry make n attempts at the same times.
func helperDelays(n int, theirs handmade, ours retry.Config) func(*testing.T) {
	return func(t *testing.T) { sameWay(t, n, nil, theirs.run, viaRetry(ours)) }
}

func with(h handmade, change func(*handmade)) handmade {
	change(&h)
	return h
}

var helperRows = map[string]func(*testing.T){
	"`max_attempts`": func(t *testing.T) {
		const n = 5
		helperDelays(3, usual, retry.Config{})(t)
		helperDelays(n, with(usual, func(h *handmade) { h.attempts = n }), retry.Config{MaxAttempts: n})(t)
	},
	"`base_delay`": func(t *testing.T) {
		const d = time.Second
		helperDelays(3, usual, retry.Config{})(t)
		helperDelays(3, with(usual, func(h *handmade) { h.base = d }), retry.Config{BaseDelay: d})(t)
	},
	"`max_delay`": func(t *testing.T) {
		const d = 700 * time.Millisecond
		six := with(usual, func(h *handmade) { h.attempts = 6 })
		helperDelays(6, six, retry.Config{MaxAttempts: 6})(t)
		helperDelays(6, with(six, func(h *handmade) { h.max = d }), retry.Config{MaxAttempts: 6, MaxDelay: d})(t)
	},
	"exponential factor": func(t *testing.T) {
		const factor = 3
		five := with(usual, func(h *handmade) { h.attempts = 5 })
		helperDelays(5, five, retry.Config{MaxAttempts: 5})(t)
		helperDelays(5, with(five, func(h *handmade) { h.factor = factor }), retry.Config{MaxAttempts: 5, Multiplier: factor})(t)
	},
	"`jitter_factor`": func(t *testing.T) {
		const n = 300
		many := with(usual, func(h *handmade) { h.attempts, h.base, h.max, h.jitter = n, time.Second, time.Second, 0.1 })
		theirs := follow(t, nil, many.run)
		ours := func(cfg retry.Config) way {
			cfg.MaxAttempts, cfg.BaseDelay, cfg.MaxDelay = n, time.Second, time.Second
			return follow(t, nil, func(ctx context.Context, tr *trail) error {
				_, err := retry.Do(ctx, cfg, tr.fn)
				return err
			})
		}
		for _, w := range []way{theirs, ours(retry.Config{}), ours(retry.Config{JitterFactor: 0.1})} {
			assert.GreaterOrEqual(t, slices.Min(w.gaps()), 900*time.Millisecond)
			assert.Less(t, slices.Min(w.gaps()), 920*time.Millisecond)
		}
		assert.Greater(t, slices.Max(theirs.gaps()), time.Second, "beyond max_delay")
		assert.Equal(t, time.Second, slices.Max(ours(retry.Config{}).gaps()))
		assert.Equal(t, time.Second, slices.Min(ours(retry.Config{JitterFactor: retry.NoJitter}).gaps()))
	},
	"`name`": func(t *testing.T) {
		c := breaker.NewCircuit(breaker.Config{Name: "openai"})
		c.Isolate("")
		assert.Equal(t, "openai", c.Name())
		assert.Equal(t, "openai", c.Snapshot().Name)
		assert.ErrorContains(t, refusal(c, succeeding), "openai")
	},
	"`failure_threshold`": bubble(func(t *testing.T) {
		const n = 3
		assert.Equal(t, 5, refusedAt("FFFFFF", 0, usualShutter().run))
		assert.Equal(t, 5, refusedAt("FFFFFF", 0, through(breaker.NewCircuit(breaker.Config{}))))
		three := usualShutter()
		three.threshold = n
		assert.Equal(t, 6, refusedAt("FFSFFFS", 0, three.run))
		assert.Equal(t, 6, refusedAt("FFSFFFS", 0, through(breaker.NewCircuit(breaker.Config{FailureThreshold: n}))))
		windowed := breaker.NewCircuit(breaker.Config{FailureThreshold: n, WindowCalls: 10})
		assert.Equal(t, 4, refusedAt("FFSFFFS", 0, through(windowed)), "within the window")
	}),
	"`recovery_timeout`": bubble(func(t *testing.T) {
		for _, d := range []time.Duration{30 * time.Second, 7 * time.Second} {
			theirs, cfg := usualShutter(), breaker.Config{}
			if d != 30*time.Second {
				theirs.recovery, cfg = d, breaker.Config{RecoveryTimeout: d}
			}
			ours := through(breaker.NewCircuit(cfg))
			for _, run := range []func(func() error){theirs.run, ours} {
				refusedAt("FFFFF", 0, run)
			}
			time.Sleep(d - 1)
			assert.Equal(t, []int{0, 0}, []int{refusedAt("S", 0, theirs.run), refusedAt("S", 0, ours)})
			time.Sleep(time.Nanosecond)
			assert.Equal(t, []int{1, 1}, []int{refusedAt("S", 0, theirs.run), refusedAt("S", 0, ours)})
		}
	}),
	"`half_open_max_calls`": bubble(func(t *testing.T) {
		const n = 2
		for _, places := range []int{3, n} {
			theirs, cfg := usualShutter(), breaker.Config{}
			if places == n {
				theirs.probes, cfg = n, breaker.Config{HalfOpenMaxCalls: n}
			}
			ours := breaker.NewCircuit(cfg)
			refusedAt("FFFFF", 0, theirs.run)
			refusedAt("FFFFF", 0, through(ours))
			time.Sleep(30 * time.Second)
			assert.Equal(t, places, admitted(9, theirs.enter))
			assert.Equal(t, places, admitted(9, func() bool { _, err := ours.Acquire(); return err == nil }))
		}
	}),
	"successes to close": bubble(func(t *testing.T) {
		const n = 2
		for _, enough := range []int{1, n} {
			theirs, cfg := usualShutter(), breaker.Config{}
			if enough == n {
				theirs.enough, cfg = n, breaker.Config{SuccessThreshold: n}
			}
			ours := breaker.NewCircuit(cfg)
			refusedAt("FFFFF", 0, theirs.run)
			refusedAt("FFFFF", 0, through(ours))
			time.Sleep(30 * time.Second)
			for range enough {
				assert.NotEqual(t, breaker.Closed, ours.State())
				theirs.run(succeeding)
				through(ours)(succeeding)
			}
			assert.Equal(t, "closed", theirs.state)
			assert.Equal(t, breaker.Closed, ours.State())
		}
	}),
	"`timeout`": func(t *testing.T) {
		const d = 2 * time.Second
		waits := func(ctx context.Context) (T, error) { <-ctx.Done(); return 0, ctx.Err() }
		theirs := follow(t, nil, func(ctx context.Context, _ *trail) error {
			ctx, cancel := context.WithTimeout(ctx, d)
			defer cancel()
			_, err := waits(ctx)
			return err
		})
		once := retry.Config{MaxAttempts: 1}
		for over, p := range map[time.Duration]*pipeline.Pipeline[T]{
			d:                pipeline.New(policy.Timeout[T](d)),
			d + 1:            pipeline.Standard[T](pipeline.StandardConfig{AttemptTimeout: d + 1, Retry: once}),
			10 * time.Second: pipeline.Standard[T](pipeline.StandardConfig{Retry: once}),
		} {
			ours := follow(t, nil, func(ctx context.Context, _ *trail) error { _, err := p.Do(ctx, waits); return err })
			assert.Equal(t, over, ours.over)
			assert.ErrorIs(t, ours.err, context.DeadlineExceeded)
		}
		assert.Equal(t, d, theirs.over)
		assert.ErrorIs(t, theirs.err, context.DeadlineExceeded)
	},
	"closed": bubble(func(t *testing.T) {
		theirs, ours := usualShutter(), breaker.NewCircuit(breaker.Config{})
		for range 5 {
			assert.Equal(t, "closed", theirs.state)
			assert.Equal(t, breaker.Closed, ours.State())
			theirs.run(failing)
			through(ours)(failing)
		}
		assert.Equal(t, "open", theirs.state)
		assert.Equal(t, breaker.Open, ours.State())
	}),
	"open": bubble(func(t *testing.T) {
		ours := breaker.NewCircuit(breaker.Config{})
		ours.Trip(0, "")
		assert.Equal(t, breaker.Open, ours.State())
		time.Sleep(30 * time.Second)
		assert.Equal(t, breaker.HalfOpen, ours.State(), "when looked at")
	}),
	"half-open": bubble(func(t *testing.T) {
		for outcome, state := range map[policy.Outcome]breaker.State{policy.Success: breaker.Closed, policy.Failure: breaker.Open} {
			ours := breaker.NewCircuit(breaker.Config{})
			ours.Trip(1, "")
			time.Sleep(time.Nanosecond)
			assert.Equal(t, breaker.HalfOpen, ours.State())
			report(t, ours, outcome)
			assert.Equal(t, state, ours.State())
		}
	}),
	"none": bubble(func(t *testing.T) {
		ours := breaker.NewCircuit(breaker.Config{})
		ours.Isolate("")
		time.Sleep(time.Hour)
		require.Equal(t, breaker.Isolated, ours.State())
		assert.ErrorIs(t, refusal(ours, succeeding), breaker.ErrOpen)
		ours.Reset()
		assert.Equal(t, breaker.Closed, ours.State())
	}),
}
