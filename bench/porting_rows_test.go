package bench_test

import (
	"context"
	"errors"
	"maps"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/policy"
)

// portingRows has a test for each row of the migration tables, by the library and
// the row's first cell. Each runs the peer and ours in the same situation, and
// asserts that they behave alike, or how they differ.
var portingRows = map[string]map[string]func(*testing.T){
	"failsafe-go": merged(failsafeRetryRows, failsafeErrorRows, failsafeBreakerRows, failsafePipelineRows,
		failsafeBulkheadRows, failsafeRateRows, failsafeHedgeRows, failsafeCacheRows),
	"sturdyc":               sturdycRows,
	"gobreaker":             merged(gobreakerRows, gobreakerUseRows),
	"backoff":               backoffRows,
	"retry-go":              merged(retryGoRows, retryGoErrorRows),
	"sethvargo/go-retry":    sethvargoRows,
	"eapache/go-resiliency": merged(eapacheRetrierRows, eapacheBreakerRows),
	"cep21/circuit":         merged(cep21Rows, cep21UseRows),
	"x/time/rate":           xtimeRows,
	"x/sync/singleflight":   singleflightRows,
	"a helper":              merged(helperRows, clientRows),
}

func merged(parts ...map[string]func(*testing.T)) map[string]func(*testing.T) {
	all := map[string]func(*testing.T){}
	for _, part := range parts {
		maps.Copy(all, part)
	}
	return all
}

func TestPortedRowsBehaveAsTheTablesSay(t *testing.T) {
	for library, rows := range portingRows {
		for row, run := range rows {
			t.Run(library+" "+row, run)
		}
	}
}

// T is the result type of the code in the tables.
type T = int

var (
	errBusy = errors.New("busy")
	errBad  = errors.New("bad request")
)

// trail is a function that remembers when it was called.
type trail struct {
	begun time.Time
	at    []time.Duration   // since begun
	end   func(n int) error // what the nth call returns; nil: errDown
}

func (tr *trail) call() error {
	tr.at = append(tr.at, time.Since(tr.begun))
	if tr.end == nil {
		return errDown
	}
	return tr.end(len(tr.at))
}

// The function in the shapes that libraries ask for.
func (tr *trail) fn(context.Context) (T, error) { return 0, tr.call() }
func (tr *trail) value() (T, error)             { return 0, tr.call() }
func (tr *trail) ofCtx(context.Context) error   { return tr.call() }
func (tr *trail) plain() error                  { return tr.call() }

// way is how a call through a library went.
type way struct {
	at   []time.Duration // when the function was called
	over time.Duration
	err  error
}

// gaps returns the times between the calls.
func (w way) gaps() []time.Duration { return gaps(w.at) }

func gaps(at []time.Duration) (waited []time.Duration) {
	for i := 1; i < len(at); i++ {
		waited = append(waited, at[i]-at[i-1])
	}
	return waited
}

// follow runs a call in a bubble of its own. end may be nil: the function then
// always fails with errDown.
func follow(t *testing.T, end func(n int) error, run func(ctx context.Context, tr *trail) error) (w way) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		tr := &trail{begun: time.Now(), end: end}
		w.err = run(t.Context(), tr)
		w.at, w.over = tr.at, time.Since(tr.begun)
		time.Sleep(time.Hour) // for what was left behind to end
	})
	return w
}

// sameWay runs both and asserts that the function was called at the same times,
// n times in all, and that both were over at the same time.
func sameWay(t *testing.T, n int, end func(int) error, theirs, ours func(ctx context.Context, tr *trail) error) (w, their way) {
	t.Helper()
	their, w = follow(t, end, theirs), follow(t, end, ours)
	assert.Equal(t, their.at, w.at)
	assert.Equal(t, their.over, w.over)
	assert.Len(t, w.at, n)
	return w, their
}

// succeedsAt returns the end of a function whose nth call succeeds.
func succeedsAt(n int) func(int) error {
	return func(call int) error {
		if call == n {
			return nil
		}
		return errDown
	}
}

// returns makes the end of a function that always returns err.
func returns(err error) func(int) error { return func(int) error { return err } }

// refusedAt plays a schedule through run, a call each gap: S succeeds and F fails.
// It returns the number of the first call that was refused, from 0; the length of
// the schedule if none was.
func refusedAt(schedule string, gap time.Duration, run func(fn func() error)) int {
	for n, end := range schedule {
		ran := false
		run(func() error {
			ran = true
			if end == 'F' {
				return errDown
			}
			return nil
		})
		if !ran {
			return n
		}
		time.Sleep(gap)
	}
	return len(schedule)
}

// through runs functions through a circuit.
func through(c *breaker.Circuit) func(fn func() error) {
	return func(fn func() error) { _ = refusal(c, fn) }
}

// refusal runs fn through a circuit and returns its error.
func refusal(c *breaker.Circuit, fn func() error) error {
	_, err := breaker.Do(context.Background(), c, func(context.Context) (T, error) { return 0, fn() })
	return err
}

func failing() error    { return errDown }
func succeeding() error { return nil }

// report records an outcome in a circuit.
func report(t *testing.T, c *breaker.Circuit, outcomes ...policy.Outcome) {
	t.Helper()
	for _, o := range outcomes {
		p, err := c.Acquire()
		assert.NoError(t, err)
		p.Record(o)
	}
}

// admitted returns how many of n calls that do not end are let through.
func admitted(n int, acquire func() bool) (in int) {
	for range n {
		if acquire() {
			in++
		}
	}
	return in
}

// bubble returns a row's test that runs in a bubble.
func bubble(run func(t *testing.T)) func(*testing.T) {
	return func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			run(t)
			time.Sleep(time.Hour) // for what was left behind to end
		})
	}
}

// collect returns an OnRetry that collects the delays.
func collect(delays *[]time.Duration) func(context.Context, policy.Event) {
	return func(_ context.Context, e policy.Event) { *delays = append(*delays, e.Delay) }
}
