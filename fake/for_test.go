package fake_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

var _ fake.TestingT = testing.TB(nil)

// double is a test whose end is a call, and whose faults can be read.
type double struct {
	cleanups []func()
	faults   []string
}

func (d *double) Helper()          {}
func (d *double) Cleanup(f func()) { d.cleanups = append(d.cleanups, f) }
func (d *double) Errorf(format string, args ...any) {
	d.faults = append(d.faults, fmt.Sprintf(format, args...))
}

// end runs the cleanups, the last one first, and returns what was reported.
func (d *double) end() string {
	for len(d.cleanups) > 0 {
		last := len(d.cleanups) - 1
		f := d.cleanups[last]
		d.cleanups = d.cleanups[:last]
		f()
	}
	return strings.Join(d.faults, "\n")
}

func TestForReportsEverythingThatStillWaits(t *testing.T) {
	test := &double{}
	clk := fake.NewClock(fake.For(test))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	w := clk.NewWaiter()
	go func() { ended <- clk.Sleep(ctx, time.Hour) }()
	go func() { ended <- w.Wait(ctx) }()
	clk.After(time.Minute)
	clk.AfterFunc(time.Minute, func() {})
	clk.NewTimer(time.Minute)
	clk.NewTicker(time.Minute)
	_, release := clk.WithTimeout(ctx, time.Minute)
	require.NoError(t, clk.BlockUntil(t.Context(), 7))
	clk.Advance(time.Second)
	got := test.end()
	assert.Contains(t, got, "fake: waiters and goroutines left on the clock at the end of the test: 7; stop, cancel or wake them, or wait until they return:\n\t")
	for _, what := range []string{
		"due in 59m59s: Sleep(1h0m0s)", "never woken: Wait", "due in 59s: After(1m0s)", "due in 59s: AfterFunc(1m0s)",
		"due in 59s: NewTimer(1m0s)", "due in 59s: NewTicker(1m0s)", "due in 59s: WithTimeout(1m0s)",
	} {
		assert.Regexp(t, `\n\t`+regexp.QuoteMeta(what)+` at \S*for_test\.go:\d+ \(fake_test\.TestForReportsEverythingThatStillWaits\S*\)`, got)
	}
	cancel()
	assert.ErrorIs(t, <-ended, context.Canceled)
	assert.ErrorIs(t, <-ended, context.Canceled)
	release()
}

func TestForReportsGoroutinesAndWaitersInTheOrderInWhichTheyBegan(t *testing.T) {
	test := &double{}
	clk := fake.NewClock(fake.For(test))
	leave, left := make(chan struct{}), make(chan struct{})
	clk.AfterFunc(2*time.Second, func() {})
	policy.Go(clk, func() { <-leave; close(left) })
	policy.Go(clk, func() {}) // returns, and is not reported
	clk.AfterFunc(time.Second, func() {})
	lines := strings.Split(test.end(), "\n\t")
	require.Len(t, lines, 4)
	assert.Contains(t, lines[1], "due in 2s: AfterFunc(2s)")
	assert.Regexp(t, `^still running: Go at \S*for_test\.go:\d+ \(fake_test\.TestForReportsGoroutines\w+\)$`, lines[2])
	assert.Contains(t, lines[3], "due in 1s: AfterFunc(1s)")
	close(leave)
	<-left
}

func TestForReportsNothingWhenEverythingHasEnded(t *testing.T) {
	for range 200 {
		test := &double{}
		clk := fake.NewClock(fake.For(test))
		ctx, cancel := context.WithCancel(t.Context())
		test.Cleanup(cancel) // before the check, as the end of t.Context is
		clk.Go(func() { _ = clk.Sleep(ctx, time.Hour) })
		clk.Go(func() { _ = clk.NewWaiter().Wait(ctx) })
		limited, release := clk.WithTimeout(ctx, time.Second)
		clk.AfterFunc(time.Second, func() {})
		clk.After(time.Second)
		require.NoError(t, clk.BlockUntil(t.Context(), 5))
		clk.Advance(time.Second)
		assert.Error(t, limited.Err())
		release()
		require.Empty(t, test.end())
	}
}

// A retry sleeps two packages below the test.
func TestForNamesThePolicyThatWaitsAndTheTestThatCalledIt(t *testing.T) {
	test := &double{}
	clk := fake.NewClock(fake.For(test))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() {
		_, err := retry.Do(ctx, retry.Config{Clock: clk}, fake.NewFunc[int]().Fail(errors.New("down")).Do)
		ended <- err
	}()
	require.NoError(t, clk.BlockUntil(t.Context(), 1))
	assert.Regexp(t, `Sleep\(\S+\) at \S+/retry/\w+\.go:\d+ \(retry\.\S+\), called from \S+/for_test\.go:\d+ \(fake_test\.TestForNames`, test.end())
	cancel()
	assert.ErrorIs(t, <-ended, context.Canceled)
}

func TestForReportsTheFunctionThatATimeoutHasAbandoned(t *testing.T) {
	test := &double{}
	clk := fake.NewClock(fake.For(test))
	leave, late := make(chan struct{}), make(chan struct{})
	limit := policy.NewTimeout[int](policy.TimeoutConfig{After: time.Second, Abandon: true, Clock: clk}).
		WithOnLate(func(int, error) { close(late) })
	begun, ended := make(chan struct{}), make(chan error)
	go func() {
		_, err := limit.Execute(t.Context(), policy.CallOf(func(context.Context) (int, error) { close(begun); <-leave; return 1, nil }))
		ended <- err
	}()
	<-begun
	clk.Advance(time.Second)
	require.ErrorIs(t, <-ended, context.DeadlineExceeded)
	assert.Contains(t, test.end(), "still running: Go at ")
	close(leave)
	<-late
}

func TestForChecksAClockOfABubble(t *testing.T) {
	test := &double{}
	synctest.Test(t, func(t *testing.T) {
		clk := fake.NewClock(fake.For(t))
		clk.Go(func() { _ = clk.Sleep(t.Context(), time.Hour) })
		synctest.Wait()
		left := fake.NewClock(fake.For(test))
		left.NewTimer(time.Second)
		assert.Contains(t, test.end(), "NewTimer(1s)")
	})
}

func TestForWithoutATestPanics(t *testing.T) {
	assert.PanicsWithValue(t, "fake: For: t is nil, want the *testing.T of the test", func() { fake.For(nil) })
}
