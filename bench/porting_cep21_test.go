package bench_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cep21/circuit/v4"
	"github.com/cep21/circuit/v4/closers/hystrix"
	"github.com/cep21/circuit/v4/closers/simplelogic"
	"github.com/stretchr/testify/assert"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
)

// hystrixOf makes a circuit of theirs without a time limit.
func hystrixOf(opener hystrix.ConfigureOpener, closer hystrix.ConfigureCloser, cfg circuit.Config) *circuit.Circuit {
	cfg.General.ClosedToOpenFactory = hystrix.OpenerFactory(opener)
	cfg.General.OpenToClosedFactory = hystrix.CloserFactory(closer)
	if cfg.Execution.Timeout == 0 {
		cfg.Execution.Timeout = -1
	}
	return circuit.NewCircuitFromConfig("stripe", cfg)
}

// hystrixRow opens after n failures in a row.
func hystrixRow(n int64, closer hystrix.ConfigureCloser, cfg circuit.Config) *circuit.Circuit {
	h := hystrixOf(hystrix.ConfigureOpener{}, closer, cfg)
	cfg = h.Config()
	cfg.General.ClosedToOpenFactory = simplelogic.ConsecutiveErrOpenerFactory(simplelogic.ConfigConsecutiveErrOpener{ErrorThreshold: n})
	return circuit.NewCircuitFromConfig("stripe", cfg)
}

// viaCep21 runs functions through a circuit of theirs.
func viaCep21(h *circuit.Circuit) func(fn func() error) {
	return func(fn func() error) { _ = h.Run(context.Background(), func(context.Context) error { return fn() }) }
}

var cep21Rows = map[string]func(*testing.T){
	"`hystrix.ConfigureOpener{RequestVolumeThreshold: n, ErrorThresholdPercentage: p, RollingDuration: w}`": bubble(func(t *testing.T) {
		const n, p, w = 4, 50, 10 * time.Second
		for _, row := range []struct {
			schedule string
			gap      time.Duration
			opens    int
		}{{"FFFFS", 1, 4}, {"SSFFS", 1, 4}, {"SSSSSFFFFFS", 1, 10}, {"SSSFFF", 2 * time.Second, 6}, {"FFFFFFFF", 4 * time.Second, 8}} {
			theirs := hystrixOf(hystrix.ConfigureOpener{RequestVolumeThreshold: n, ErrorThresholdPercentage: p, RollingDuration: w},
				hystrix.ConfigureCloser{}, circuit.Config{})
			ours := breaker.NewCircuit(breaker.Config{MinCalls: n, FailureRate: p / 100.0, Window: w})
			assert.Equal(t, row.opens, refusedAt(row.schedule, row.gap, viaCep21(theirs)), row.schedule)
			assert.Equal(t, row.opens, refusedAt(row.schedule, row.gap, through(ours)), row.schedule)
		}
		schedule := strings.Repeat("SF", 15)
		theirs := hystrixOf(hystrix.ConfigureOpener{}, hystrix.ConfigureCloser{}, circuit.Config{})
		ours := breaker.NewCircuit(breaker.Config{FailureRate: 0.5, Window: 10 * time.Second})
		assert.Equal(t, 20, refusedAt(schedule, 1, viaCep21(theirs)), "their defaults")
		assert.Equal(t, 20, refusedAt(schedule, 1, through(ours)))
		bare := circuit.NewCircuitFromConfig("bare", circuit.Config{})
		assert.Equal(t, 30, refusedAt(strings.Repeat("F", 30), 1, viaCep21(bare)), "without an opener theirs never opens")
	}),
	"`hystrix.ConfigureCloser{SleepWindow: d, HalfOpenAttempts: n, RequiredConcurrentSuccessful: s}`": bubble(func(t *testing.T) {
		const d, n, s = 5 * time.Second, 1, 2
		theirs := hystrixRow(1, hystrix.ConfigureCloser{SleepWindow: d, HalfOpenAttempts: n, RequiredConcurrentSuccessful: s}, circuit.Config{})
		ours := breaker.NewCircuit(breaker.Config{FailureThreshold: 1, RecoveryTimeout: d, HalfOpenMaxCalls: n, SuccessThreshold: s})
		viaCep21(theirs)(failing)
		through(ours)(failing)
		time.Sleep(d - 1)
		assert.Equal(t, 0, refusedAt("S", 0, viaCep21(theirs)))
		assert.Equal(t, 0, refusedAt("S", 0, through(ours)))
		time.Sleep(2 * time.Nanosecond)
		assert.Equal(t, 1, refusedAt("F", 0, viaCep21(theirs)))
		assert.Equal(t, 1, refusedAt("F", 0, through(ours)))
		time.Sleep(d + 1)
		assert.Equal(t, 1, refusedAt("SS", 0, viaCep21(theirs)), "n for each SleepWindow")
		assert.Equal(t, 2, refusedAt("SS", 0, through(ours)), "n at a time")
		assert.Equal(t, breaker.Closed, ours.State())
		time.Sleep(d + 1)
		viaCep21(theirs)(succeeding)
		assert.False(t, theirs.IsOpen())
	}),
	"`simplelogic.ConfigConsecutiveErrOpener{ErrorThreshold: n}`": bubble(func(t *testing.T) {
		const n = 3
		for schedule, opens := range map[string]int{"FFFS": 3, "FFSFFFS": 6, "FSFSFS": 6} {
			theirs := circuit.NewCircuitFromConfig("", circuit.Config{General: circuit.GeneralConfig{
				ClosedToOpenFactory: simplelogic.ConsecutiveErrOpenerFactory(simplelogic.ConfigConsecutiveErrOpener{ErrorThreshold: n}),
			}})
			ours := breaker.NewCircuit(breaker.Config{FailureThreshold: n})
			assert.Equal(t, opens, refusedAt(schedule, 0, viaCep21(theirs)), schedule)
			assert.Equal(t, opens, refusedAt(schedule, 0, through(ours)), schedule)
		}
	}),
	"`circuit.ExecutionConfig{Timeout: d}`": bubble(func(t *testing.T) {
		const d = time.Second
		theirs := hystrixRow(2, hystrix.ConfigureCloser{}, circuit.Config{Execution: circuit.ExecutionConfig{Timeout: d}})
		guarded := func(cfg breaker.Config) (c *breaker.Circuit, run func(fn func() error)) {
			c = breaker.NewCircuit(cfg)
			p := pipeline.New(breaker.New[T](c), policy.Timeout[T](d))
			return c, func(fn func() error) {
				_, _ = p.Do(context.Background(), func(context.Context) (T, error) { return 0, fn() })
			}
		}
		slow := func() error { time.Sleep(2 * d); return nil }
		circuit, ours := guarded(breaker.Config{FailureThreshold: 2})
		_, slowly := guarded(breaker.Config{WindowCalls: 2, SlowCall: d, SlowRate: 1})
		for _, run := range []func(func() error){viaCep21(theirs), ours, slowly} {
			run(slow)
			run(slow)
		}
		assert.True(t, theirs.IsOpen(), "a late success is a failure there")
		assert.Equal(t, breaker.Closed, circuit.State())
		assert.Equal(t, 0, refusedAt("S", 0, slowly), "SlowCall counts it")
		late := func(fn func() error) func() error { return func() error { _ = slow(); return fn() } }
		ours(late(failing))
		ours(late(failing))
		assert.Equal(t, breaker.Open, circuit.State())
	}),
	"`circuit.ExecutionConfig{MaxConcurrentRequests: n}`": bubble(func(t *testing.T) {
		const n = 3
		in := func(run func(fn func() error), calls int) int {
			hold := make(chan struct{})
			defer close(hold)
			var ran atomic.Int32
			for range calls {
				go run(func() error { ran.Add(1); <-hold; return nil })
			}
			synctest.Wait()
			return int(ran.Load())
		}
		assert.Equal(t, n, in(viaCep21(hystrixOf(hystrix.ConfigureOpener{}, hystrix.ConfigureCloser{},
			circuit.Config{Execution: circuit.ExecutionConfig{MaxConcurrentRequests: n}})), 20))
		assert.Equal(t, 10, in(viaCep21(hystrixOf(hystrix.ConfigureOpener{}, hystrix.ConfigureCloser{}, circuit.Config{})), 20), "their default")
		assert.Equal(t, 20, in(through(breaker.NewCircuit(breaker.Config{})), 20))
	}),
	"`circuit.SimpleBadRequest{Err: err}`": bubble(func(t *testing.T) {
		theirs, ours := hystrixRow(2, hystrix.ConfigureCloser{}, circuit.Config{}), breaker.NewCircuit(breaker.Config{FailureThreshold: 2})
		err := errBad
		for range 9 {
			viaCep21(theirs)(func() error { return circuit.SimpleBadRequest{Err: err} })
			through(ours)(func() error { return breaker.Judge(err, policy.Ignored) })
		}
		assert.False(t, theirs.IsOpen())
		assert.Equal(t, breaker.Closed, ours.State())

		fellBack := 0
		_ = theirs.Execute(t.Context(), func(context.Context) error { return circuit.SimpleBadRequest{Err: err} },
			func(context.Context, error) error { fellBack++; return nil })
		assert.Zero(t, fellBack)
		fallback := policy.Fallback(func(context.Context, error) (T, error) { fellBack++; return 0, nil })
		bad := func(context.Context) (T, error) { return 0, errBad }
		_, _ = fallback.Do(t.Context(), bad)
		assert.Equal(t, 1, fellBack, "ours answers for every error")
		_, _ = fallback.WithCondition(func(_ T, err error) bool { return err != nil && !errors.Is(err, errBad) }).Do(t.Context(), bad)
		assert.Equal(t, 1, fellBack)
	}),
	"the end of the caller's context": bubble(func(t *testing.T) {
		cancelled, cancel := context.WithCancel(t.Context())
		expired, stop := context.WithTimeout(t.Context(), 10*time.Second)
		defer stop()
		for _, row := range []struct {
			ctx          context.Context
			end          func()
			theirs, ours bool
		}{{cancelled, cancel, false, false}, {expired, func() { time.Sleep(10 * time.Second) }, false, true}} {
			theirs, ours := hystrixRow(1, hystrix.ConfigureCloser{}, circuit.Config{}), breaker.NewCircuit(breaker.Config{FailureThreshold: 1})
			gone := make(chan struct{})
			go func() {
				_ = theirs.Run(row.ctx, func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
				close(gone)
			}()
			end := func(ctx context.Context) (T, error) { row.end(); <-ctx.Done(); return 0, ctx.Err() }
			_, _ = breaker.Do(row.ctx, ours, end)
			<-gone
			assert.Equal(t, row.theirs, theirs.IsOpen())
			assert.Equal(t, row.ours, ours.State() == breaker.Open)
		}
	}),
}
