package bench_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sony/gobreaker/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/policy"
)

// viaGobreaker runs functions through a breaker of theirs.
func viaGobreaker(st gobreaker.Settings) func(fn func() error) {
	cb := gobreaker.NewCircuitBreaker[T](st)
	return func(fn func() error) { _, _ = cb.Execute(func() (T, error) { return 0, fn() }) }
}

// opensWith returns at which call of a schedule each of the two refuses first.
func opensWith(schedule string, gap time.Duration, st gobreaker.Settings, cfg breaker.Config) (theirs, ours int) {
	return refusedAt(schedule, gap, viaGobreaker(st)), refusedAt(schedule, gap, through(breaker.NewCircuit(cfg)))
}

// openAlike asserts that both refuse the call n of a schedule first.
func openAlike(t *testing.T, n int, schedule string, gap time.Duration, st gobreaker.Settings, cfg breaker.Config) {
	t.Helper()
	theirs, ours := opensWith(schedule, gap, st, cfg)
	assert.Equal(t, n, theirs, schedule)
	assert.Equal(t, n, ours, schedule)
}

var gobreakerRows = map[string]func(*testing.T){
	"`ReadyToTrip` with `counts.ConsecutiveFailures > n`": bubble(func(t *testing.T) {
		const n = 4
		st := gobreaker.Settings{ReadyToTrip: func(counts gobreaker.Counts) bool { return counts.ConsecutiveFailures > n }}
		cfg := breaker.Config{FailureThreshold: n + 1}
		openAlike(t, 5, "FFFFFFF", time.Millisecond, st, cfg)
		openAlike(t, 10, "FFFFSFFFFF"+"S", time.Millisecond, st, cfg)
		openAlike(t, 20, strings.Repeat("FS", 10), time.Millisecond, st, cfg)
		st.Interval = time.Minute
		openAlike(t, 10, "FFFFSFFFFF"+"S", time.Millisecond, st, cfg)
		theirs, ours := opensWith("FFFFFFFFFF", 16*time.Second, st, cfg)
		assert.Equal(t, 5, ours)
		assert.Equal(t, 10, theirs, "an Interval cuts the row in two")
		assert.Equal(t, 6, refusedAt("FFFFFFF", 0, viaGobreaker(gobreaker.Settings{})), "their default")
		assert.Equal(t, 5, refusedAt("FFFFFFF", 0, through(breaker.NewCircuit(breaker.Config{}))), "ours")
	}),
	"`ReadyToTrip` with `counts.Requests >= 3 && ratio >= 0.6`, `Interval: w`": bubble(func(t *testing.T) {
		const w = time.Minute
		st := gobreaker.Settings{Interval: w, ReadyToTrip: ratioOf3}
		cfg := breaker.Config{Window: w, MinCalls: 3, FailureRate: 0.6}
		openAlike(t, 3, "FFFF", time.Millisecond, st, cfg)
		openAlike(t, 5, "SSFFFF", time.Millisecond, st, cfg)
		openAlike(t, 8, "SSSSSSSF", time.Millisecond, st, cfg)
		// Each Interval of theirs begins with nothing; a window of ours rolls.
		theirs, ours := opensWith("SSSSFFFFFFF", 14*time.Second, st, cfg)
		assert.Equal(t, 8, theirs)
		assert.Equal(t, 7, ours)
		st.BucketPeriod = w / 10
		theirs, _ = opensWith("SSSSFFFFFFF", 14*time.Second, st, cfg)
		assert.Equal(t, 7, theirs, "theirs rolls with a BucketPeriod")
	}),
	"the same with `Interval: 0`": bubble(func(t *testing.T) {
		st := gobreaker.Settings{Interval: 0, ReadyToTrip: ratioOf3}
		refused := breaker.Config{MinCalls: 3, FailureRate: 0.6}.Validate()
		require.ErrorContains(t, refused, "FailureRate")
		cfg := breaker.Config{WindowCalls: 100, MinCalls: 3, FailureRate: 0.6}
		openAlike(t, 3, "FFFF", time.Millisecond, st, cfg)
		openAlike(t, 5, "SSFFFF", time.Millisecond, st, cfg)
		openAlike(t, 100, strings.Repeat("S", 40)+strings.Repeat("F", 70), time.Millisecond, st, cfg)
		well := strings.Repeat("S", 1000) + strings.Repeat("F", 2000)
		theirs, ours := opensWith(well, time.Millisecond, st, cfg)
		assert.Equal(t, 1060, ours, "60 of the last 100 calls")
		assert.Equal(t, 2500, theirs, "60 % of all calls since the circuit was made")
	}),
	"`ReadyToTrip` with `counts.TotalFailures > n`, `Interval: w`": bubble(func(t *testing.T) {
		const n, w = 9, time.Minute
		st := gobreaker.Settings{Interval: w, ReadyToTrip: func(counts gobreaker.Counts) bool { return counts.TotalFailures > n }}
		cfg := breaker.Config{Window: w, FailureThreshold: n + 1}
		openAlike(t, 19, strings.Repeat("FS", 15), time.Millisecond, st, cfg)
		openAlike(t, 200, strings.Repeat("FS", 100), 10*time.Second, st, cfg)
	}),
	"`ReadyToTrip` with `counts.TotalFailures > n`, `Interval: 0`": bubble(func(t *testing.T) {
		const n, w = 9, time.Minute
		st := gobreaker.Settings{ReadyToTrip: func(counts gobreaker.Counts) bool { return counts.TotalFailures > n }}
		cfg := breaker.Config{Window: w, FailureThreshold: n + 1}
		openAlike(t, 19, strings.Repeat("FS", 15), time.Millisecond, st, cfg)
		well := strings.Repeat(strings.Repeat("S", 99)+"F", 20)
		theirs, ours := opensWith(well, time.Second, st, cfg)
		assert.Equal(t, 1000, theirs, "theirs opens on the tenth failure ever, 1 % of the calls")
		assert.Equal(t, 2000, ours)
	}),
	"`Timeout: d`": bubble(func(t *testing.T) {
		const d = 7 * time.Second
		for _, row := range []struct {
			st  gobreaker.Settings
			cfg breaker.Config
			d   [2]time.Duration
		}{
			{gobreaker.Settings{Timeout: d}, breaker.Config{RecoveryTimeout: d}, [2]time.Duration{d + 1, d}},
			{gobreaker.Settings{}, breaker.Config{}, [2]time.Duration{time.Minute + 1, 30 * time.Second}},
		} {
			row.st.ReadyToTrip, row.cfg.FailureThreshold = func(gobreaker.Counts) bool { return true }, 1
			theirs, ours := viaGobreaker(row.st), through(breaker.NewCircuit(row.cfg))
			theirs(failing)
			ours(failing)
			var at [2]time.Duration
			begun := time.Now()
			for _, wait := range []time.Duration{row.d[1] - 1, 1, row.d[0] - row.d[1]} {
				time.Sleep(wait)
				for i, run := range []func(func() error){theirs, ours} {
					if at[i] == 0 && refusedAt("S", 0, run) == 1 {
						at[i] = time.Since(begun)
					}
				}
			}
			assert.Equal(t, row.d, at)
		}
	}),
	"`MaxRequests: n`": func(t *testing.T) {
		bubble(probesOfTwo)(t)
		TestOneProbeIsGobreakersDefaultAndThreeAreOurs(t)
	},
}

func probesOfTwo(t *testing.T) {
	const n = 2
	for _, end := range []struct{ schedule, state string }{{"S", "half-open"}, {"SS", "closed"}, {"SF", "open"}} {
		cb := gobreaker.NewCircuitBreaker[T](gobreaker.Settings{MaxRequests: n, ReadyToTrip: func(gobreaker.Counts) bool { return true }})
		c := breaker.NewCircuit(breaker.Config{FailureThreshold: 1, HalfOpenMaxCalls: n, SuccessThreshold: n})
		theirs := func(fn func() error) { _, _ = cb.Execute(func() (T, error) { return 0, fn() }) }
		theirs(failing)
		through(c)(failing)
		time.Sleep(time.Minute + 1)
		assert.Equal(t, len(end.schedule), refusedAt(end.schedule, 0, theirs))
		assert.Equal(t, len(end.schedule), refusedAt(end.schedule, 0, through(c)))
		assert.Equal(t, end.state, cb.State().String())
		assert.Equal(t, end.state, c.State().String())
	}
}

func ratioOf3(counts gobreaker.Counts) bool {
	ratio := float64(counts.TotalFailures) / float64(counts.Requests)
	return counts.Requests >= 3 && ratio >= 0.6
}

var gobreakerUseRows = map[string]func(*testing.T){
	"`IsSuccessful`, `IsExcluded`": bubble(func(t *testing.T) {
		st := gobreaker.Settings{
			IsSuccessful: func(err error) bool { return err == nil || errors.Is(err, errBad) },
			IsExcluded:   func(err error) bool { return errors.Is(err, errBusy) },
			ReadyToTrip:  func(counts gobreaker.Counts) bool { return counts.ConsecutiveFailures > 1 },
		}
		cfg := breaker.Config{FailureThreshold: 2, Classify: func(err error) policy.Outcome {
			switch {
			case errors.Is(err, errBad):
				return policy.Success
			case errors.Is(err, errBusy):
				return policy.Ignored
			}
			return policy.Undecided
		}}
		for _, ends := range []struct {
			errs []error
			open bool
		}{
			{[]error{errDown, errDown}, true},
			{[]error{errDown, errBad, errDown}, false},
			{[]error{errDown, errBusy, errDown}, true},
			{[]error{errDown, nil, errDown}, false},
		} {
			theirs, ours := viaGobreaker(st), through(breaker.NewCircuit(cfg))
			for _, err := range ends.errs {
				theirs(func() error { return err })
				ours(func() error { return err })
			}
			assert.Equal(t, ends.open, refusedAt("S", 0, theirs) == 0)
			assert.Equal(t, ends.open, refusedAt("S", 0, ours) == 0)
		}
	}),
	"`OnStateChange`, `Name`": bubble(func(t *testing.T) {
		var theirs, ours []string
		st := gobreaker.Settings{
			Name: "stripe", Timeout: time.Second, ReadyToTrip: func(gobreaker.Counts) bool { return true },
			OnStateChange: func(name string, from, to gobreaker.State) {
				theirs = append(theirs, fmt.Sprint(name, " ", from, " ", to))
			},
		}
		c := breaker.NewCircuit(breaker.Config{
			Name: "stripe", RecoveryTimeout: time.Second, FailureThreshold: 1,
			OnStateChange: func(m breaker.Transition) { ours = append(ours, fmt.Sprint(m.Name, " ", m.From, " ", m.To)) },
		})
		run := viaGobreaker(st)
		for _, fn := range []func() error{failing, succeeding} {
			run(fn)
			through(c)(fn)
			time.Sleep(time.Second + 1)
		}
		assert.Equal(t, []string{"stripe closed open", "stripe open half-open", "stripe half-open closed"}, theirs)
		assert.Equal(t, theirs, ours)
	}),
	"`cb.Execute(fn)`": func(t *testing.T) {
		cb := gobreaker.NewCircuitBreaker[T](gobreaker.Settings{})
		circuit := breaker.NewCircuit(breaker.Config{})
		for _, do := range []callee{succeed, fail} {
			v, theirs := func(fn func() (T, error)) (T, error) { return cb.Execute(fn) }(do.value)
			ctx, fn := t.Context(), policy.Func[T](do.fn)
			w, ours := breaker.Do(ctx, circuit, fn)
			assert.Equal(t, v, w)
			assert.Equal(t, theirs, ours)
		}
	},
	"`cb.State()`, `cb.Counts()`": bubble(func(t *testing.T) {
		cb := gobreaker.NewCircuitBreaker[T](gobreaker.Settings{})
		circuit, windowed := breaker.NewCircuit(breaker.Config{}), breaker.NewCircuit(breaker.Config{WindowCalls: 100})
		play := func(schedule string) {
			for _, run := range []func(func() error){
				func(fn func() error) { _, _ = cb.Execute(func() (T, error) { return 0, fn() }) }, through(circuit), through(windowed),
			} {
				refusedAt(schedule, 0, run)
			}
		}
		play("SSFFSFF")
		assert.Equal(t, cb.State().String(), circuit.State().String())
		assert.Equal(t, gobreaker.Counts{Requests: 7, TotalSuccesses: 3, TotalFailures: 4, ConsecutiveFailures: 2}, cb.Counts())
		assert.Equal(t, breaker.Counts{Failures: 2}, circuit.Snapshot().Counts, "the row alone")
		assert.Equal(t, breaker.Counts{Successes: 3, Failures: 4}, windowed.Snapshot().Counts)
		play("FFFFFF")
		assert.Equal(t, cb.State().String(), circuit.State().String())
		assert.Equal(t, gobreaker.Counts{}, cb.Counts(), "theirs begins anew")
		counts := circuit.Snapshot().Counts
		assert.EqualValues(t, 5, counts.Failures, "what opened it")
		assert.EqualValues(t, 1, counts.Rejected)
	}),
	"`NewTwoStepCircuitBreaker`, `Allow()`, `done(err)`": bubble(func(t *testing.T) {
		theirs := gobreaker.NewTwoStepCircuitBreaker[T](gobreaker.Settings{
			ReadyToTrip: func(counts gobreaker.Counts) bool { return counts.TotalFailures > 1 },
		})
		circuit := breaker.NewCircuit(breaker.Config{FailureThreshold: 2})
		done, err := theirs.Allow()
		require.NoError(t, err)
		permit, err := circuit.Acquire()
		require.NoError(t, err)
		err = errDown
		done(err)
		done(err)
		assert.True(t, permit.Record(policy.Failure))
		assert.False(t, permit.Record(policy.Failure))
		assert.Equal(t, gobreaker.StateOpen, theirs.State(), "theirs counts both")
		assert.Equal(t, breaker.Closed, circuit.State())
		report(t, circuit, policy.Failure)
		_, err = theirs.Allow()
		assert.ErrorIs(t, err, gobreaker.ErrOpenState)
		_, err = circuit.Acquire()
		assert.ErrorIs(t, err, breaker.ErrOpen)
	}),
	"`ErrOpenState`, `ErrTooManyRequests`": bubble(func(t *testing.T) {
		theirs := gobreaker.NewTwoStepCircuitBreaker[T](gobreaker.Settings{ReadyToTrip: func(gobreaker.Counts) bool { return true }})
		ours := breaker.NewCircuit(breaker.Config{FailureThreshold: 1, HalfOpenMaxCalls: 1})
		done, _ := theirs.Allow()
		done(errDown)
		report(t, ours, policy.Failure)
		for _, step := range []struct {
			theirs error
			state  breaker.State
		}{{gobreaker.ErrOpenState, breaker.Open}, {gobreaker.ErrTooManyRequests, breaker.HalfOpen}} {
			_, err := theirs.Allow()
			assert.ErrorIs(t, err, step.theirs)
			err = refusal(ours, succeeding)
			assert.ErrorIs(t, err, breaker.ErrOpen)
			var open *breaker.OpenError
			require.ErrorAs(t, err, &open)
			assert.Equal(t, step.state, open.State)
			time.Sleep(time.Minute + 1)
			_, _ = theirs.Allow()
			_, _ = ours.Acquire()
		}
	}),
}
