package differ_test

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sony/gobreaker/v2"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/proof/row"
)

var (
	schedules = flag.Int("schedules", 300, "schedules of each kind")
	firstSeed = flag.Uint64("seed", 1, "the first seed")
)

var (
	errDown    = errors.New("down")
	errIgnored = errors.New("ignored")
)

// kind is a configuration with the same semantics in both libraries.
type kind struct {
	places     int           // HalfOpenMaxCalls and SuccessThreshold
	overlap    bool          // calls may overlap
	threshold  int           // failures in a row
	window     time.Duration // or a rate in a window
	firstState bool          // compare only until the circuit opens
}

// The semantics differ if several half-open permits are out at the same time; see
// breaker_differences_test.go. They also differ after the first window: gobreaker starts
// its buckets again, and ours follow the clock.
var kinds = map[string]kind{
	"in a row, one place":             {places: 1, overlap: true, threshold: 3},
	"one failure opens":               {places: 1, overlap: true, threshold: 1},
	"three places, one after another": {places: 3, threshold: 2},
	"rate in a window":                {places: 1, window: 100, firstState: true},
}

const (
	recovery = 51 // odd, and all steps are even, so that no step falls on the end of the period
	minCalls = 4
	rate     = 0.5
)

func (k kind) ours() *breaker.Circuit { return breaker.NewCircuit(k.config()) }

func (k kind) config() breaker.Config {
	cfg := breaker.Config{
		RecoveryTimeout: recovery, HalfOpenMaxCalls: k.places, SuccessThreshold: k.places,
		FailureThreshold: k.threshold, Window: k.window,
	}
	if k.window > 0 {
		cfg.FailureRate, cfg.MinCalls = rate, minCalls
	}
	return cfg
}

func (k kind) theirs() *gobreaker.TwoStepCircuitBreaker[int] {
	return gobreaker.NewTwoStepCircuitBreaker[int](gobreaker.Settings{
		MaxRequests: uint32(k.places), Timeout: recovery, Interval: k.window, BucketPeriod: k.window / 10,
		IsExcluded: func(err error) bool { return errors.Is(err, errIgnored) },
		ReadyToTrip: func(c gobreaker.Counts) bool {
			if k.window == 0 {
				return c.ConsecutiveFailures >= uint32(k.threshold)
			}
			total := c.TotalSuccesses + c.TotalFailures
			return total >= minCalls && float64(c.TotalFailures)/float64(total) >= rate
		},
	})
}

// outcomes are the outcomes of a call, as each library expresses them.
var outcomes = []struct {
	ours   policy.Outcome
	theirs error
}{{policy.Success, nil}, {policy.Failure, errDown}, {policy.Ignored, errIgnored}}

// both is a call that both circuits have admitted.
type both struct {
	permit *breaker.Permit
	done   func(error)
	brief  bool // must end before time passes
}

func (b both) end(n int) {
	b.permit.Record(outcomes[n].ours)
	b.done(outcomes[n].theirs)
}

// schedule runs the schedule of a seed on both circuits. It returns the number of steps
// and the first difference.
func (k kind) schedule(seed uint64, ours *breaker.Circuit) (steps int, err error) {
	rnd := rand.New(rand.NewPCG(seed, 0xd1ff))
	theirs := k.theirs()
	var out []both
	for ; steps < 200; steps++ {
		switch n := rnd.IntN(10); {
		case n < 4 && (k.overlap || len(out) == 0):
			b, ok, err := k.admit(ours, theirs)
			if err != nil {
				return steps, err
			}
			if ok {
				out = append(out, b)
			}
		case n < 8 && len(out) > 0:
			i := rnd.IntN(len(out))
			out[i].end(rnd.IntN(len(outcomes)))
			out = slices.Delete(out, i, i+1)
		case n >= 8:
			out = endBrief(out, rnd)
			time.Sleep(2 * time.Duration(rnd.IntN(30)))
		}
		if a, b := ours.State().String(), theirs.State().String(); a != b {
			if ours.Snapshot().Reason == breaker.ReasonNoVerdict {
				return steps, nil // see TestIgnoredProbesReopenAndKeepGobreakerHalfOpen
			}
			return steps, fmt.Errorf("ours is %s and theirs is %s", a, b)
		}
		if k.firstState && ours.State() != breaker.Closed {
			return steps, nil
		}
	}
	return steps, nil
}

func (k kind) admit(ours *breaker.Circuit, theirs *gobreaker.TwoStepCircuitBreaker[int]) (b both, ok bool, err error) {
	permit := new(breaker.Permit)
	var refused error
	*permit, refused = ours.Acquire()
	done, theirRefusal := theirs.Allow()
	if (refused == nil) != (theirRefusal == nil) {
		return both{}, false, fmt.Errorf("ours refuses with %v and theirs with %v", refused, theirRefusal) //nolint:errorlint // either may be nil
	}
	return both{permit, done, ours.State() == breaker.HalfOpen || k.window > 0}, refused == nil, nil
}

// endBrief ends the calls that must not be in flight while time passes: the semantics
// differ in how long a probe may run, and in which bucket a longer call counts.
func endBrief(out []both, rnd *rand.Rand) []both {
	return slices.DeleteFunc(out, func(b both) bool {
		if b.brief {
			b.end(rnd.IntN(len(outcomes)))
		}
		return b.brief
	})
}

func TestACircuitAndGobreakerAgree(t *testing.T) {
	steps := 0
	for _, name := range slices.Sorted(maps.Keys(kinds)) {
		t.Run(name, func(t *testing.T) {
			for n := range *schedules {
				synctest.Test(t, func(t *testing.T) {
					seed := *firstSeed + uint64(n)
					played, err := kinds[name].schedule(seed, kinds[name].ours())
					require.NoError(t, err, "seed %d, step %d", seed, played)
					steps += played
				})
			}
		})
	}
	if !t.Failed() {
		row.Row{
			Searched: "differential: circuit and gobreaker v2.4.0",
			Amount:   fmt.Sprintf("%d schedules of %d kinds, %d steps", *schedules*len(kinds), len(kinds), steps),
			Seeds:    fmt.Sprintf("%d to %d", *firstSeed, *firstSeed+uint64(*schedules)-1),
			Result:   "same admissions and states, of a rate until it opens; 9 differences, each with its test",
		}.Print()
	}
}

// One circuit opens one failure too late, and another recovers a little too early.
func TestASlightlyWrongCircuitIsFound(t *testing.T) {
	k := kinds["in a row, one place"]
	for name, off := range map[string]func(*breaker.Config){
		"threshold": func(cfg *breaker.Config) { cfg.FailureThreshold++ },
		"recovery":  func(cfg *breaker.Config) { cfg.RecoveryTimeout -= 2 },
	} {
		t.Run(name, func(t *testing.T) {
			cfg := k.config()
			off(&cfg)
			found := 0
			for seed := range uint64(50) {
				synctest.Test(t, func(*testing.T) {
					if _, err := k.schedule(seed, breaker.NewCircuit(cfg)); err != nil {
						found++
					}
				})
			}
			require.NotZero(t, found)
		})
	}
}
