package observe_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/observe"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
)

// book is a slog.Handler that keeps records of at least its level.
type book struct {
	level   slog.Level
	mu      sync.Mutex
	records []slog.Record
}

func (b *book) Enabled(_ context.Context, l slog.Level) bool { return l >= b.level }
func (b *book) WithAttrs([]slog.Attr) slog.Handler           { return b }
func (b *book) WithGroup(string) slog.Handler                { return b }
func (b *book) Handle(_ context.Context, r slog.Record) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.records = append(b.records, r)
	return errors.New("the disk is full")
}

func (b *book) lines() (lines []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, r := range b.records {
		line := r.Level.String() + " " + r.Message
		r.Attrs(func(a slog.Attr) bool { line += " " + a.String(); return true })
		lines = append(lines, line)
	}
	return lines
}

// rejected returns the sum of the summaries of a policy.
func (b *book) rejected(name string) (n int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, r := range b.records {
		of, count := "", int64(0)
		r.Attrs(func(a slog.Attr) bool {
			switch a.Key {
			case "name":
				of = a.Value.String()
			case "count":
				count = a.Value.Int64()
			}
			return true
		})
		if of == name && strings.Contains(r.Message, "rejected") {
			n += count
		}
	}
	return n
}

func logged(cfg observe.LogConfig, level slog.Level, events ...policy.Event) []string {
	b := &book{level: level}
	o := observe.Log(b, cfg)
	for _, e := range events {
		o(context.Background(), e)
	}
	return b.lines()
}

func TestAnEventIsOneRecord(t *testing.T) {
	got := logged(observe.LogConfig{}, slog.LevelDebug,
		policy.Event{Kind: policy.Started, Pipeline: "charge"},
		policy.Event{Kind: policy.Retried, Pipeline: "charge", Policy: "retry", Attempt: 1, Delay: time.Second, Elapsed: 2 * time.Second, Reason: "backoff", Err: errDown},
		policy.Event{Kind: policy.Judged, Policy: "breaker", Name: "stripe", Key: "eu", Took: time.Millisecond, Outcome: policy.Success},
		policy.Event{Kind: policy.StateChanged, Policy: "breaker", Name: "stripe", From: "closed", To: "open", Reason: "failures"},
		policy.Event{Kind: "cache_warmed"},
	)
	assert.Equal(t, []string{
		"DEBUG call started kind=started pipeline=charge",
		"DEBUG call will be retried kind=retried pipeline=charge policy=retry attempt=1 delay=1s elapsed=2s reason=backoff error=down",
		"DEBUG call judged kind=judged policy=breaker name=stripe key=eu took=1ms outcome=success",
		"WARN circuit opened kind=state_changed policy=breaker name=stripe from=closed to=open reason=failures",
		"DEBUG cache warmed kind=cache_warmed",
	}, got)
}

func TestLevelsAreThoseOfThePage(t *testing.T) {
	for _, one := range []struct {
		e    policy.Event
		want slog.Level
	}{
		{policy.Event{Kind: policy.StateChanged, To: "open"}, slog.LevelWarn},
		{policy.Event{Kind: policy.StateChanged, To: "isolated"}, slog.LevelWarn},
		{policy.Event{Kind: policy.StateChanged, To: "half-open"}, slog.LevelInfo},
		{policy.Event{Kind: policy.StateChanged, To: "closed"}, slog.LevelInfo},
		{policy.Event{Kind: policy.GaveUp}, slog.LevelWarn},
		{policy.Event{Kind: policy.Attempted}, slog.LevelDebug},
		{policy.Event{Kind: policy.Retried}, slog.LevelDebug},
		{policy.Event{Kind: policy.Rejected}, slog.LevelDebug},
		{policy.Event{Kind: policy.Finished, Err: errDown}, slog.LevelDebug},
	} {
		assert.Equal(t, one.want, observe.DefaultLevel(one.e), "%v", one.e)
	}
}

func TestLevelOverridesTheDefault(t *testing.T) {
	got := logged(observe.LogConfig{Summary: observe.NoSummary, Level: func(e policy.Event) slog.Level {
		if e.Kind == policy.Rejected {
			return slog.LevelError
		}
		return observe.DefaultLevel(e)
	}}, slog.LevelInfo, policy.Event{Kind: policy.Rejected, Name: "stripe"}, policy.Event{Kind: policy.Started})
	assert.Equal(t, []string{"ERROR call rejected kind=rejected name=stripe"}, got)
}

func TestErrorsReasonsAndKeysAreRedacted(t *testing.T) {
	e := policy.Event{Kind: policy.GaveUp, Key: "https://u:p@host", Reason: "see https://wiki?token=1", Err: fmt.Errorf(`Get "https://u:p@host/x?key=secret": EOF`)}
	assert.Equal(t, []string{`WARN retry gave up kind=gave_up key=https://...@host reason=see https://wiki?... error=Get "https://...@host/x?...": EOF`},
		logged(observe.LogConfig{}, slog.LevelInfo, e))
	assert.Equal(t, []string{`WARN retry gave up kind=gave_up key=- reason=- error=-`},
		logged(observe.LogConfig{Redact: func(string) string { return "-" }}, slog.LevelInfo, e))
}

// outage makes calls against a circuit that opens, and returns what was logged.
func outage(t *testing.T, b *book, cfg observe.LogConfig) (refused int64) {
	t.Helper()
	c := breaker.NewCircuit(breaker.Config{Name: "stripe", FailureThreshold: 1, RecoveryTimeout: 35 * time.Second})
	p := pipeline.New[int](breaker.New[int](c)).WithName("charge").WithObserver(observe.Log(b, cfg))
	down := true
	for range 4000 {
		_, err := p.Do(t.Context(), func(context.Context) (int, error) {
			if down {
				down = false
				return 0, errDown
			}
			return 1, nil
		})
		if errors.Is(err, breaker.ErrOpen) {
			refused++
		}
		time.Sleep(10 * time.Millisecond)
	}
	return refused
}

func TestAnOutageIsAFewRecords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &book{level: slog.LevelInfo}
		refused := outage(t, b, observe.LogConfig{Summary: 9995 * time.Millisecond}) // never at the time of a call
		require.EqualValues(t, 3499, refused)
		assert.Equal(t, []string{
			"WARN circuit opened kind=state_changed pipeline=charge policy=breaker name=stripe from=closed to=open reason=failures error=down",
			"INFO rejected 1,000 calls policy=breaker name=stripe count=1000",
			"INFO rejected 1,000 calls policy=breaker name=stripe count=1000",
			"INFO rejected 1,000 calls policy=breaker name=stripe count=1000",
			"INFO circuit half-open kind=state_changed pipeline=charge policy=breaker name=stripe from=open to=half-open reason=recovery_elapsed",
			"INFO circuit closed kind=state_changed pipeline=charge policy=breaker name=stripe from=half-open to=closed reason=probes_succeeded",
			"INFO rejected 499 calls policy=breaker name=stripe count=499",
		}, b.lines())
		assert.Equal(t, refused, b.rejected("stripe"), "the counts add up")
	})
}

func TestRejectionsThatEndInAQuietTimeAreSummedUp(t *testing.T) {
	clk := fake.NewClock()
	b := &book{level: slog.LevelInfo}
	o := observe.Log(b, observe.LogConfig{Summary: time.Second, Clock: clk})
	reject := func(kind, name string) {
		o(t.Context(), policy.Event{Kind: policy.Rejected, Policy: kind, Name: name, Reason: "limit"})
	}
	reject("bulkhead", "db")
	reject("bulkhead", "")
	reject("ratelimit", "db")
	reject("ratelimit", "db")
	clk.Advance(999 * time.Millisecond)
	require.Empty(t, b.lines())
	clk.Advance(time.Millisecond)
	assert.ElementsMatch(t, []string{
		"INFO rejected 1 call policy=bulkhead name=db count=1",
		"INFO rejected 1 call policy=bulkhead name=bulkhead count=1",
		"INFO rejected 2 calls policy=ratelimit name=db count=2",
	}, b.lines())
	assert.Equal(t, clk.Now(), b.records[0].Time)
	clk.Advance(time.Hour)
	assert.Len(t, b.lines(), 3, "nothing is written for nothing")
	reject("bulkhead", "db")
	clk.Advance(time.Second)
	assert.Len(t, b.lines(), 4)
}

func TestConcurrentRejectionsAreCountedExactly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const goroutines, each = 8, 500
		b := &book{level: slog.LevelInfo}
		o := observe.Log(b, observe.LogConfig{Summary: 3 * time.Millisecond})
		var wg sync.WaitGroup
		for g := range goroutines {
			wg.Go(func() {
				for i := range each {
					o(t.Context(), policy.Event{Kind: policy.Rejected, Policy: "breaker", Name: "stripe"})
					if i%(40+g) == 0 {
						time.Sleep(time.Millisecond)
						o(t.Context(), policy.Event{Kind: policy.StateChanged, Policy: "breaker", Name: "stripe", To: "closed"})
					}
				}
			})
		}
		wg.Wait()
		time.Sleep(time.Second)
		synctest.Wait()
		assert.EqualValues(t, goroutines*each, b.rejected("stripe"))
	})
}

func TestSummariesOfInventedNamesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &book{level: slog.LevelInfo}
		o := observe.Log(b, observe.LogConfig{})
		for i := range 1500 {
			o(t.Context(), policy.Event{Kind: policy.Rejected, Policy: "breaker", Name: fmt.Sprint("c", i)})
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		assert.Len(t, b.lines(), 1001)
		assert.EqualValues(t, 500, b.rejected(observe.Other))
	})
}

func TestSummariesHaveTheLevelOfRejectionsIfItIsHigher(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &book{level: slog.LevelWarn}
		o := observe.Log(b, observe.LogConfig{Level: func(policy.Event) slog.Level { return slog.LevelWarn }})
		o(t.Context(), policy.Event{Kind: policy.Rejected, Policy: "breaker", Name: "c"})
		time.Sleep(11 * time.Second)
		synctest.Wait()
		assert.Equal(t, []string{"WARN call rejected kind=rejected policy=breaker name=c", "WARN rejected 1 call policy=breaker name=c count=1"}, b.lines())
	})
}
