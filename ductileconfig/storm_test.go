package ductileconfig_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/ductileconfig"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/registry"
)

// stormy returns the nth of the files of a storm: everything in it changes, but nothing in
// a way that makes counts begin anew. One in ten is wrong.
func stormy(n int) string {
	rate := "0.9"
	if wrong(n) {
		rate = "7"
	}
	text := fmt.Sprintf(`# edit %[1]d
circuits:
  counted: {window_calls: 200_000, failure_rate: %[2]s, min_calls: %[3]d}
  broken: {failure_threshold: %[4]d, recovery_timeout: 1000h, max_recovery_timeout: %[5]dh}
  flappy: {failure_threshold: %[6]d, recovery_timeout: %[4]dus}
budgets: {outbound: {ratio: 99%[7]d, min_per_second: 1e6, window: 100h}}
bulkheads: {gate: {limit: %[7]d, max_queue: 100}}
adaptive_limits: {found: {max: %[5]d}}
rate_limits: {tokens: {limit: 1, per: %[7]d0h, burst: 100}}
throttles: {throttle: {min_calls: %[5]d}}
pipelines:
  steady: {total_timeout: %[5]dh, retry: {max_attempts: %[6]d}, circuit: counted, throttle: throttle, adaptive_limit: found}
  broken: {circuit: broken, retry: {max_attempts: %[6]d}, attempt_timeout: %[5]dh}
  flappy: {circuit: flappy, total_timeout: %[5]dh}
  gated: {bulkhead: gate, chaos: {rate: 1%%, latency: %[4]dns, seed: %[4]d}}
  paced: {rate_limit: tokens, total_timeout: %[5]dh}
  again: {retry: {max_attempts: 2, base_delay: none, max_delay: %[4]ds, budget: outbound}}
  saved: {fallback: usual, hedge: {delay: %[5]dm, max_extra: 1}}
  outer: {pipeline: steady, cache: {key: key, ttl: %[5]dh}, coalesce: {key: key}}
  plain: {attempt_timeout: %[5]dh}
families:
  hosts: {pipeline: plain, circuit: {failure_threshold: %[4]d, recovery_timeout: 1000h}, max: %[8]d, idle: %[5]dh}
`, n, rate, 100_000+n%3, 1+n%3, 1000+n%7, 2+n%2, 3+n%3, 20+n%5)
	if n%2 == 0 { // comes and goes while it is in use
		text += "  gone: {pipeline: plain, bulkhead: {limit: 5}}\n"
	}
	return text
}

func wrong(n int) bool { return n%10 == 9 }

// counts is what callers of a pipeline in a storm saw, and what the observer saw.
type counts struct{ begun, ran, succeeded, ended, started, finished atomic.Int64 }

// storm is a registry that follows a file.
type storm struct {
	t     *testing.T
	path  string
	r     *registry.Registry
	rows  map[string]*counts
	again atomic.Int64  // second attempts
	turns chan struct{} // to call; without a limit, the callers would take all processors
	moves sync.Map      // how often the observer saw a move of flappy: *atomic.Int64
}

var errStorm = errors.New("down")

type keyOfStorm struct{}

func newStorm(t *testing.T) *storm {
	t.Helper()
	s := &storm{t: t, path: newFile(t, stormy(0)), rows: map[string]*counts{}, turns: make(chan struct{}, 16)}
	spec, err := ductileconfig.Load(ductileconfig.File(s.path))
	require.NoError(t, err)
	for name := range spec.Pipelines {
		s.rows[name] = new(counts)
	}
	for name := range spec.Families {
		s.rows[name] = new(counts)
	}
	s.r, err = registry.New(spec, registry.WithObserver(s.observe), registry.WithFuncs(registry.Funcs{
		Key: map[string]func(context.Context) (string, bool){"key": func(ctx context.Context) (string, bool) {
			key, ok := ctx.Value(keyOfStorm{}).(string)
			return key, ok
		}},
		Fallback: map[string]any{"usual": func(context.Context, error) (int, error) { return 2, nil }},
	}))
	require.NoError(t, err)
	return s
}

func (s *storm) observe(_ context.Context, e policy.Event) {
	switch row := s.rows[e.Pipeline]; {
	case e.Kind == policy.Started:
		row.started.Add(1)
	case e.Kind == policy.Finished:
		row.finished.Add(1)
	case e.Kind == policy.StateChanged && e.Name == "flappy":
		n, _ := s.moves.LoadOrStore(e.From+" > "+e.To, new(atomic.Int64))
		n.(*atomic.Int64).Add(1)
	}
}

// pipeline returns calls of a pipeline that count themselves.
func (s *storm) pipeline(name string, fn policy.Func[int]) func(i int) error {
	s.t.Helper()
	live, err := registry.Pipeline[int](s.r, name)
	require.NoError(s.t, err)
	return s.calls(name, func(string) policy.Policy[int] { return live }, fn)
}

// family returns calls of a family, each with the key of its turn.
func (s *storm) family(name string, fn policy.Func[int]) func(i int) error {
	s.t.Helper()
	family, err := registry.Keyed[int](s.r, name)
	require.NoError(s.t, err)
	byKey := family.Policy(func(ctx context.Context) (string, bool) { return ctx.Value(keyOfStorm{}).(string), true })
	return s.calls(name, func(string) policy.Policy[int] { return byKey }, fn)
}

func (s *storm) calls(name string, of func(string) policy.Policy[int], fn policy.Func[int]) func(i int) error {
	row := s.rows[name]
	return func(i int) error {
		key := strconv.Itoa(i % 30)
		row.begun.Add(1)
		v, err := of(key).Execute(context.WithValue(context.Background(), keyOfStorm{}, key), policy.CallOf(func(ctx context.Context) (int, error) {
			row.ran.Add(1)
			return fn(ctx)
		}))
		if err == nil && v > 0 {
			row.succeeded.Add(1)
		}
		row.ended.Add(1)
		return err
	}
}

func works(context.Context) (int, error) { return 1, nil }
func fails(context.Context) (int, error) { return 0, errStorm }

// TestAStormOfEditsLosesNothing edits a file a thousand times, or for three seconds, while
// Watch reloads it and calls of every kind run.
func TestAStormOfEditsLosesNothing(t *testing.T) {
	s := newStorm(t)
	last, jumps, watched := breaker.Closed, 0, map[string]int64{} // functions of Watch run one at a time
	flappy, err := s.r.Circuit("flappy")
	require.NoError(t, err)
	flappy.Watch(func(to breaker.Transition) {
		if to.From != last {
			jumps++
		}
		if last = to.To; to.From != to.To {
			watched[to.From.String()+" > "+to.To.String()]++
		}
	})
	broken := s.pipeline("broken", fails)
	require.Error(t, broken(0))
	opened := s.rows["broken"].ran.Load()
	var all sync.WaitGroup
	for _, call := range s.everyKind(broken) {
		all.Go(func() {
			i := 0
			for range s.turns {
				call(i)
				i++
			}
		})
	}
	applied, refused := s.edits()
	close(s.turns)
	all.Wait()

	snap := s.r.Snapshot()
	assert.EqualValues(t, applied, snap.Revision-1, "each change is applied once")
	assert.Positive(t, refused)
	for name, row := range s.rows {
		begun := row.begun.Load()
		assert.Equal(t, begun, row.ended.Load(), name)
		if name == "steady" { // is also inside of outer
			begun += s.rows["outer"].ran.Load()
		}
		assert.Equal(t, []int64{begun, begun}, []int64{row.started.Load(), row.finished.Load()}, name)
	}
	s.noStateIsLost(snap)
	assert.Equal(t, opened, s.rows["broken"].ran.Load(), "the open circuit admits no call")
	assert.Equal(t, breaker.Open, snap.Circuits["broken"].State)
	assert.Zero(t, jumps, "no transition is lost")
	s.moves.Range(func(move, n any) bool {
		if move != "open > half-open" { // also made by a timer, which no observer sees
			assert.Equal(t, watched[move.(string)], n.(*atomic.Int64).Load(), move)
			delete(watched, move.(string))
		}
		return true
	})
	delete(watched, "open > half-open")
	assert.Empty(t, watched, "moves that no observer saw")
}

// everyKind returns what the callers of a storm do, each on a goroutine of its own.
func (s *storm) everyKind(broken func(int) error) []func(i int) {
	t := s.t
	steady, gated, paced := s.pipeline("steady", works), s.pipeline("gated", works), s.pipeline("paced", works)
	saved, outer, hosts, gone := s.pipeline("saved", fails), s.pipeline("outer", works), s.family("hosts", works), s.family("gone", works)
	flips := 0
	flappy := s.pipeline("flappy", func(context.Context) (int, error) {
		if flips++; flips%3 > 0 {
			return 0, errStorm
		}
		return 1, nil
	})
	attempts := 0
	again := s.pipeline("again", func(context.Context) (int, error) {
		if attempts++; attempts%2 == 0 {
			s.again.Add(1)
			return 1, nil
		}
		return 0, errStorm
	})
	return []func(i int){
		func(i int) { assert.NoError(t, steady(i)); assert.NoError(t, outer(i)) },
		func(i int) { assert.NoError(t, gated(i)); assert.NoError(t, again(i)) },
		func(i int) { assert.NoError(t, hosts(i)); assert.NoError(t, gone(i)); assert.NoError(t, saved(i)) },
		func(i int) { _, _ = paced(i), flappy(i); assert.ErrorIs(t, broken(i), breaker.ErrOpen) },
	}
}

// edits edits the file, and returns how many reloads changed something and how many were
// refused.
func (s *storm) edits() (applied, refused int) {
	t := s.t
	ctx, cancel := context.WithCancel(t.Context())
	told := make(chan error)
	var ended sync.WaitGroup
	ended.Go(func() {
		assert.NoError(t, ductileconfig.Watch(ctx, s.r, ductileconfig.WatchConfig{Every: 50 * time.Microsecond, OnReload: func(c registry.Changes, err error) {
			assert.Empty(t, c.Restarted)
			assert.Equal(t, c.None(), err != nil, "a reload changes something or fails")
			told <- err
		}}, ductileconfig.File(s.path)))
	})
	began := time.Now()
	const edits, longest = 1000, 3 * time.Second // on a machine that is busy with other things
	n := 1
	for ; n <= edits && (time.Since(began) < longest || n < 20); n++ {
		for range cap(s.turns) - len(s.turns) + 1 { // one more than there is room for: a call begins before each edit
			s.turns <- struct{}{}
		}
		put(t, s.path+"~", stormy(n))
		require.NoError(t, os.Rename(s.path+"~", s.path))
		if err := <-told; err != nil {
			assert.True(t, wrong(n), "%v", err)
			refused++
		} else {
			applied++
		}
	}
	took := time.Since(began)
	cancel()
	ended.Wait()
	t.Logf("%d edits in %v, %.0f a second, beside %d calls", n-1, took, float64(n-1)/took.Seconds(), s.rows["steady"].begun.Load())
	return applied, refused
}

// noStateIsLost compares what the policies have counted with what the callers have.
func (s *storm) noStateIsLost(snap registry.Snapshot) {
	t := s.t
	ran := func(name string) int64 { return s.rows[name].ran.Load() }
	// A call of outer runs through steady, as one of its own or as a result that is kept.
	assert.Equal(t, min(200_000, ran("steady")+ran("outer")), snap.Circuits["counted"].Counts.Successes, "no call is uncounted")
	assert.EqualValues(t, s.rows["again"].begun.Load(), snap.Budgets["outbound"].Calls)
	assert.Equal(t, s.again.Load(), snap.Budgets["outbound"].Retries, "no token of a budget is lost")
	gate := snap.Bulkheads["gate"]
	assert.Zero(t, gate.InUse+gate.Waiting, "no place is lost")
	assert.Equal(t, ran("gated"), gate.Admitted)
	assert.Zero(t, snap.AdaptiveLimits["found"].InUse)
	tokens := snap.RateLimits["tokens"]
	assert.Equal(t, ran("paced"), tokens.Admitted)
	assert.EqualValues(t, 100-ran("paced"), tokens.Tokens, "no token of a limiter is lost or refilled")
	assert.Equal(t, s.rows["saved"].begun.Load(), s.rows["saved"].succeeded.Load(), "each is saved by its fallback")
	for _, name := range []string{"steady", "again", "gated", "hosts", "gone", "outer"} {
		assert.Equal(t, s.rows[name].begun.Load(), s.rows[name].succeeded.Load(), name)
	}
}
