package observe_test

import (
	"bytes"
	"context"
	"log"
	"log/slog"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/hedge"
	"github.com/ductile-go/ductile/observe"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

type typedNil struct{}

func (*typedNil) Error() string { panic("typed nil") }

func TestAnErrorWhoseTextPanicsIsLoggedAsItsType(t *testing.T) {
	b := &book{level: slog.LevelDebug}
	p := pipeline.New[int]().WithObserver(observe.Log(b, observe.LogConfig{}))
	_, err := p.Do(t.Context(), func(context.Context) (int, error) { return 0, (*typedNil)(nil) })
	assert.Equal(t, (*typedNil)(nil), err)
	assert.Contains(t, strings.Join(b.lines(), "\n"), "error=*observe_test.typedNil, whose text cannot be shown: Error or Redact panicked")
}

func TestARedactThatPanicsShowsNothingOfAnErrorAReasonOrAKey(t *testing.T) {
	got := logged(observe.LogConfig{Redact: func(string) string { panic("a bug of Redact") }}, slog.LevelDebug,
		policy.Event{Kind: policy.Finished, Err: errDown, Key: "k", Reason: "r"})
	assert.Equal(t, []string{
		"DEBUG call finished kind=finished key=(cannot be shown: Redact panicked) reason=(cannot be shown: Redact panicked)" +
			" error=*errors.errorString, whose text cannot be shown: Error or Redact panicked",
	}, got)
}

// panics is a handler that panics while it is told to.
type panics struct {
	book
	now bool
}

func (p *panics) Handle(ctx context.Context, r slog.Record) error {
	if p.now {
		panic("the disk is full")
	}
	return p.book.Handle(ctx, r)
}

// The summary is written by a timer, where a panic would end the process.
func TestAHandlerThatPanicsAtASummaryDoesNotEndTheProcess(t *testing.T) {
	var out bytes.Buffer
	was := log.Writer()
	log.SetOutput(&out)
	defer log.SetOutput(was)
	clk := fake.NewClock()
	h := &panics{book: book{level: slog.LevelInfo}}
	o := observe.Log(h, observe.LogConfig{Clock: clk})
	for _, h.now = range []bool{true, false} {
		o(t.Context(), policy.Event{Kind: policy.Rejected, Policy: "breaker", Name: "stripe"})
		clk.Advance(observe.DefaultSummary)
	}
	assert.Equal(t, []string{"INFO rejected 1 call policy=breaker name=stripe count=1"}, h.lines())
	assert.Contains(t, out.String(), "observe: the handler or LogConfig.Level panicked at a summary: the disk is full")
}

func TestASummaryOfThreeHundredYearsStartsOneTimer(t *testing.T) {
	clk := fake.NewClock()
	o := observe.Log(&book{level: slog.LevelInfo}, observe.LogConfig{Clock: clk, Summary: math.MaxInt64})
	for range 100 {
		o(t.Context(), policy.Event{Kind: policy.Rejected, Policy: "breaker", Name: "stripe"})
		clk.Advance(time.Hour)
	}
	assert.Equal(t, 1, clk.Waiters())
}

// A zero Budget has nothing to show, and would make each later snapshot panic.
func TestAZeroBudgetCannotBeWatched(t *testing.T) {
	s := observe.New(observe.Config{})
	for _, b := range []*retry.Budget{hedge.NoBudget, new(retry.Budget)} {
		assert.PanicsWithError(t, "retry: zero Budget, want one made by NewBudget", func() { s.Watch(b) })
	}
	require.Error(t, observe.LogConfig{Watch: []any{hedge.NoBudget}}.Validate())
	assert.NotPanics(t, func() { s.Snapshot() })
}

// With 16 buckets, as for a few series, each lookup would compare thousands of names.
func TestTheTableIsLargeForAnyLargeNumberOfSeries(t *testing.T) {
	for maxSeries, want := range map[int]int{8: 16, 9: 32, observe.DefaultMaxSeries: 1 << 12, 1 << 15: 1 << 16, math.MaxInt: 1 << 16} {
		assert.Equal(t, want, observe.Buckets(observe.New(observe.Config{MaxSeries: maxSeries})), maxSeries)
	}
}
