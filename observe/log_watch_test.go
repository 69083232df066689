package observe_test

import (
	"bytes"
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/keyed"
	"github.com/ductile-go/ductile/observe"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// The timer of the first bubble dies with it.
func TestOneLogServesSeveralBubbles(t *testing.T) {
	b := &book{level: slog.LevelInfo}
	o := observe.Log(b, observe.LogConfig{})
	reject := func() { o(t.Context(), policy.Event{Kind: policy.Rejected, Policy: "breaker", Name: "stripe"}) }
	synctest.Test(t, func(*testing.T) {
		time.Sleep(time.Hour)
		reject()
	})
	for range 2 {
		synctest.Test(t, func(*testing.T) {
			reject() // by its clock, before the last timer was started
			time.Sleep(11 * time.Second)
			synctest.Wait()
		})
	}
	assert.EqualValues(t, 3, b.rejected("stripe"))
}

func TestMovesByHandAreLoggedOnce(t *testing.T) {
	c := circuitNamed("stripe")
	m := keyed.New(keyed.Config[string, *breaker.Circuit]{Make: circuitNamed})
	b := &book{level: slog.LevelInfo}
	o := observe.Log(b, observe.LogConfig{Watch: []any{c, m, retry.NewBudget(retry.BudgetConfig{})}})
	p := pipeline.New[int](breaker.New[int](c)).WithObserver(o)
	_, _ = p.Do(t.Context(), func(context.Context) (int, error) { return 0, errDown })
	c.Isolate("https://u:p@wiki/runbook")
	m.Get("eu").Isolate("test")
	m.Forget("eu")
	c.Reset()
	assert.Equal(t, []string{
		"WARN circuit opened kind=state_changed policy=breaker name=stripe from=closed to=open reason=failures error=down",
		"WARN circuit isolated kind=state_changed policy=breaker name=stripe from=open to=isolated reason=https://...@wiki/runbook",
		"WARN circuit isolated kind=state_changed policy=breaker name=eu key=eu from=closed to=isolated reason=test",
		"INFO circuit closed kind=state_changed policy=breaker name=stripe from=isolated to=closed reason=reset",
	}, b.lines())
}

func TestTheOperationIsLogged(t *testing.T) {
	var out bytes.Buffer
	o := observe.Log(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}), observe.LogConfig{})
	o(observe.WithOperation(t.Context(), "pay"), policy.Event{Kind: policy.Finished, Pipeline: "charge", Attempt: 1, Elapsed: time.Second})
	assert.Equal(t, "level=DEBUG msg=\"call finished\" kind=finished pipeline=charge operation=pay attempt=1 elapsed=1s\n", out.String())
}

func TestALogWithAFaultInItsConfigPanics(t *testing.T) {
	assert.PanicsWithValue(t, "observe: Log: handler is nil, want a slog.Handler", func() { observe.Log(nil, observe.LogConfig{}) })
	assert.PanicsWithError(t, "observe: LogConfig.Summary is -2ns, want NoSummary (-1), 0 for the default, 10s, or more",
		func() { observe.Log(&book{}, observe.LogConfig{Summary: -2}) })
	err := observe.LogConfig{Watch: []any{42}}.Validate()
	assert.ErrorContains(t, err, "observe: LogConfig.Watch: observe: a int cannot be watched")
}

func TestADisabledLevelCostsNoAllocation(t *testing.T) {
	o := observe.Log(&book{level: slog.LevelInfo}, observe.LogConfig{})
	ctx := context.Background()
	e := policy.Event{Kind: policy.Attempted, Pipeline: "p", Err: errDown}
	assert.Zero(t, testing.AllocsPerRun(100, func() { o(ctx, e) }))
}

func TestASummaryAsksForTheLevelOfItsOwnPolicy(t *testing.T) {
	b := &book{level: slog.LevelWarn}
	clk := fake.NewClock()
	o := observe.Log(b, observe.LogConfig{Clock: clk, Level: func(e policy.Event) slog.Level {
		if e.Policy == "breaker" && e.Name == "" {
			return slog.LevelWarn
		}
		return slog.LevelDebug
	}})
	for _, name := range []string{"", "breaker"} {
		o(t.Context(), policy.Event{Kind: policy.Rejected, Policy: "breaker", Name: name})
	}
	clk.Advance(10 * time.Second)
	assert.Equal(t, []string{"WARN call rejected kind=rejected policy=breaker", "WARN rejected 1 call policy=breaker name=breaker count=1"}, b.lines())
}
