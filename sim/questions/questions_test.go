package questions_test

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
	"github.com/ductile-go/ductile/sim"
	"github.com/ductile-go/ductile/sim/questions"
)

const (
	ms     = time.Millisecond
	second = time.Second
)

// setting is what the tests vary.
type setting struct {
	attempts int
	timeout  time.Duration
	queue    int
	rate     float64
}

var base = setting{attempts: 3, timeout: 200 * ms, queue: 1000, rate: 70}

// outage is a small metastable one: 70 % utilization, and two seconds of a tenth of the capacity.
func outage(s setting) sim.Scenario {
	attempt := func(ctx context.Context) policy.Policy[any] {
		return policy.NewTimeout[any](policy.TimeoutConfig{After: s.timeout, Clock: sim.Clock(ctx)})
	}
	return sim.Scenario{
		Seed: 1, Duration: 24 * second, Warmup: 2 * second,
		Clients:  []sim.Client{{Name: "web", Rate: s.rate, Calls: "api"}},
		Services: []sim.Service{{Name: "api", Workers: 2, Queue: s.queue, ServiceTime: sim.Exponential(20 * ms)}},
		Faults:   []sim.Fault{{At: 6 * second, For: 2 * second, Service: "api", Slow: 10}},
		Variants: []sim.Variant{
			{Name: "retry", Pipeline: func(ctx context.Context, _ string, _ int) *pipeline.Pipeline[any] {
				again := retry.New[any](retry.Config{MaxAttempts: s.attempts, BaseDelay: 50 * ms, MaxDelay: second, Clock: sim.Clock(ctx), Rand: sim.Rand(ctx)})
				return pipeline.New(again, attempt(ctx))
			}},
			{Name: "once", Pipeline: func(ctx context.Context, _ string, _ int) *pipeline.Pipeline[any] {
				return pipeline.New(attempt(ctx))
			}},
		},
	}
}

func attempts(n int) (sim.Scenario, error) {
	s := base
	s.attempts = n
	return outage(s), nil
}

// written returns what a question's answer writes, and checks the page.
func written(t *testing.T, text, html, markdown func(io.Writer) error) string {
	t.Helper()
	var b, page, md bytes.Buffer
	require.NoError(t, text(&b))
	require.NoError(t, markdown(&md))
	assert.Contains(t, md.String(), "\n| --- |")
	require.NoError(t, html(&page))
	d := xml.NewDecoder(&page)
	for {
		_, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
	}
	return b.String()
}

func TestASweepShowsWhichValuesRecover(t *testing.T) {
	var done []int
	cfg := questions.Config{Name: "retry.max_attempts", Progress: func(n, total int) { done = append(done, n, total) }}
	s, err := questions.Sweep(t.Context(), cfg, []int{1, 2, 3, 4}, attempts)
	require.NoError(t, err)
	assert.Equal(t, []int{1, 4, 2, 4, 3, 4, 4, 4}, done)
	assert.Equal(t, "with retry.max_attempts changed, retry recovers with 1, and not with 2, 3 and 4; once recovers with each value", s.Verdict())
	text := written(t, s.WriteText, s.WriteHTML, s.WriteMarkdown)
	assert.Contains(t, text, "retry.max_attempts  variant  recovery")
	assert.Equal(t, 8+3, strings.Count(text, "\n"))
	assert.Contains(t, text, "never")
}

func TestASweepIsTheSameOnOneCoreAndOnMany(t *testing.T) {
	texts := map[string]bool{}
	for _, n := range []int{1, 2, 8} {
		s, err := questions.Sweep(t.Context(), questions.Config{Parallel: n}, []int{1, 2}, attempts)
		require.NoError(t, err)
		var b bytes.Buffer
		require.NoError(t, s.WriteHTML(&b))
		texts[b.String()] = true
	}
	assert.Len(t, texts, 1)
}

func TestAConfigWithAFaultIsRefusedByEachQuestion(t *testing.T) {
	cfg, want := questions.Config{Parallel: -1}, "questions: Config.Parallel is -1, want 0 for one run a core, or more"
	_, err := questions.Sweep(t.Context(), cfg, []int{1}, attempts)
	require.EqualError(t, err, want)
	_, err = questions.Survives(t.Context(), cfg, 0, 0, func(float64) (sim.Scenario, error) { return attempts(1) })
	require.EqualError(t, err, want)
	_, err = questions.Tornado(t.Context(), cfg, questions.Recovery, "", outage(base))
	assert.EqualError(t, err, want)
}

func TestASweepEndsAtTheFirstScenarioThatFails(t *testing.T) {
	s, err := questions.Sweep(t.Context(), questions.Config{Parallel: 4}, []int{1, -5, 2, -6}, func(n int) (sim.Scenario, error) {
		if n < 0 {
			return sim.Scenario{}, errors.New("no such number of attempts")
		}
		return attempts(n)
	})
	require.EqualError(t, err, "questions: run 2 of 4: -5: no such number of attempts")
	require.Len(t, s.Points, 1, "what is complete is returned")
	assert.Equal(t, "1", s.Points[0].Label)

	_, err = questions.Sweep(t.Context(), questions.Config{}, []float64{70, -1, 90}, func(rate float64) (sim.Scenario, error) {
		x := base
		x.rate = rate
		return outage(x), nil
	})
	require.ErrorContains(t, err, "questions: run 2 of 3: sim: Scenario.Clients[0].Rate is -1")
	_, err = questions.Sweep(t.Context(), questions.Config{}, nil, attempts)
	assert.EqualError(t, err, "questions: Sweep has no values, want at least one")
}

func TestQuestionsEndWithTheirContext(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("interrupted")
	s, err := questions.Sweep(ctx, questions.Config{Parallel: 1, Progress: func(n, _ int) {
		if n == 2 {
			cancel(cause)
		}
	}}, []int{1, 2, 3, 4}, attempts)
	require.ErrorIs(t, err, context.Canceled)
	require.Len(t, s.Points, 2)
	_, err = questions.Survives(ctx, questions.Config{}, 0, 0, func(float64) (sim.Scenario, error) { return outage(base), nil })
	require.ErrorIs(t, err, context.Canceled)
	x, err := questions.Tornado(ctx, questions.Config{}, questions.Recovery, "", outage(base))
	require.ErrorIs(t, err, context.Canceled)
	assert.Nil(t, x)
}

func TestAPanicOfProgressIsThatOfTheQuestion(t *testing.T) {
	cfg := questions.Config{Parallel: 2, Progress: func(int, int) { panic("enough") }}
	assert.PanicsWithValue(t, "enough", func() { _, _ = questions.Sweep(t.Context(), cfg, []int{1, 2}, attempts) })
}

func TestTheHighestUtilizationIsFoundByBisection(t *testing.T) {
	at, err := questions.At(outage(base), "api")
	require.NoError(t, err)
	s, err := questions.Survives(t.Context(), questions.Config{}, 0.1, 0.9, at)
	require.NoError(t, err)
	require.Len(t, s.Limits, 2)
	retried, once := s.Limits[0], s.Limits[1]
	assert.Less(t, retried.Vulnerable, 0.7, "it was metastable at 70 %")
	assert.Greater(t, retried.Survived, 0.1)
	assert.InDelta(t, retried.Survived+0.01, retried.Vulnerable, 1e-9)
	if once.Vulnerable > 0 {
		assert.Greater(t, once.Survived, retried.Survived)
	}
	for _, p := range s.Probes {
		x := p.Report.Result("retry")
		assert.Equal(t, p.Utilization <= retried.Survived, x.Recovery >= 0, "at %v", p.Utilization)
	}
	assert.Less(t, len(s.Probes), 20, "of 81")
	assert.Regexp(t, `^vulnerable from \d+ % \(retry\); `, s.Verdict())
	written(t, s.WriteText, s.WriteHTML, s.WriteMarkdown)
}

func TestABoundaryOutsideOfTheRangeIsSaidToBe(t *testing.T) {
	at, err := questions.At(outage(base), "api")
	require.NoError(t, err)
	s, err := questions.Survives(t.Context(), questions.Config{}, 0.7, 0.72, at)
	require.NoError(t, err)
	assert.Contains(t, s.Verdict(), "vulnerable at each utilization, from 70 % (retry)")
	s, err = questions.Survives(t.Context(), questions.Config{}, 0.1, 0.12, at)
	require.NoError(t, err)
	assert.Equal(t, "survives up to 12 % (retry); survives up to 12 % (once)", s.Verdict())
	for _, ends := range [][2]float64{{0.1, 0.102}, {0.1, 0.125}, {0.1, 0.1 + 1e-9}} { // no run is busier than the high end
		s, err = questions.Survives(t.Context(), questions.Config{}, ends[0], ends[1], at)
		require.NoError(t, err)
		assert.InDelta(t, ends[1], s.Limits[0].Survived, 0)
		assert.InDelta(t, ends[0], s.Probes[0].Utilization, 0)
	}
	_, err = questions.Survives(t.Context(), questions.Config{}, 0.9, 0.1, at)
	assert.EqualError(t, err, "questions: Survives from 0.9 to 0.1, want a low above 0 that is below high, and a high of at most 10")
	assert.Equal(t, "nothing was run", (&questions.Survival{}).Verdict())
	written(t, (&questions.Survival{Limits: s.Limits}).WriteText, (&questions.Survival{}).WriteHTML, s.WriteMarkdown)
}

func TestATornadoSortsKnobsByTheirEffect(t *testing.T) {
	with := func(change func(*setting)) (sim.Scenario, error) {
		s := base
		change(&s)
		return outage(s), nil
	}
	s, err := questions.Tornado(t.Context(), questions.Config{}, questions.WorstLoad, "retry", outage(base),
		questions.NewKnob("queue", 900, 1100, func(n int) (sim.Scenario, error) { return with(func(s *setting) { s.queue = n }) }),
		questions.NewKnob("max_attempts", 1, 5, func(n int) (sim.Scenario, error) { return with(func(s *setting) { s.attempts = n }) }),
		questions.NewKnob("timeout", 150*ms, 250*ms, func(d time.Duration) (sim.Scenario, error) { return with(func(s *setting) { s.timeout = d }) }),
	)
	require.NoError(t, err)
	assert.Equal(t, "max_attempts", s.Effects[0].Name)
	assert.Equal(t, "1.00x", s.Effects[0].AtLow.Text)
	assert.Regexp(t, `^the worst load, [23]\.\d\dx as it is, depends most on max_attempts: 1\.00x with 1, [45]\.\d\dx with 5$`, s.Verdict())
	text := written(t, s.WriteText, s.WriteHTML, s.WriteMarkdown)
	assert.Contains(t, text, "150ms")
}

func TestATornadoSaysWhatIsWrong(t *testing.T) {
	ok := questions.NewKnob("x", 1, 2, attempts)
	_, err := questions.Tornado(t.Context(), questions.Config{}, questions.Measure{}, "", outage(base), ok)
	require.EqualError(t, err, "questions: Tornado has no Measure, want one such as Recovery")
	_, err = questions.Tornado(t.Context(), questions.Config{}, questions.Recovery, "", outage(base), questions.Knob{})
	require.EqualError(t, err, "questions: Tornado's knob 0 is zero, want one of NewKnob")
	_, err = questions.Tornado(t.Context(), questions.Config{}, questions.Recovery, "zebra", outage(base))
	require.EqualError(t, err, `questions: Tornado's variant "zebra" is not in the scenario`)
	bad := questions.NewKnob("x", 1, 2, func(n int) (sim.Scenario, error) {
		if n == 2 {
			return sim.Scenario{}, errors.New("too many")
		}
		return attempts(n)
	})
	_, err = questions.Tornado(t.Context(), questions.Config{}, questions.Recovery, "", outage(base), bad)
	require.EqualError(t, err, "questions: run 3 of 3: x = 2: too many")
	s, err := questions.Tornado(t.Context(), questions.Config{}, questions.Recovery, "", outage(base))
	require.NoError(t, err)
	assert.Equal(t, "no knob was turned", s.Verdict())
	same := questions.NewKnob("same", 3, 3, attempts)
	s, err = questions.Tornado(t.Context(), questions.Config{}, questions.Recovery, "", outage(base), same)
	require.NoError(t, err)
	assert.Equal(t, "no knob changes the recovery, which is never", s.Verdict())
}

func TestUtilizationFollowsTheCallsOfServices(t *testing.T) {
	s := sim.Scenario{
		Clients: []sim.Client{{Rate: 100, Calls: "web"}, {Rate: 50, Calls: "db"}},
		Services: []sim.Service{
			{Name: "web", Workers: 10, ServiceTime: sim.Constant(50 * ms), Calls: []string{"db", "db", "web2"}},
			{Name: "db", Replicas: 2, Workers: 5, ServiceTime: sim.Constant(20 * ms), HitRatio: 0.5},
			{Name: "web2"}, {Name: "lonely", Workers: 1, ServiceTime: sim.Constant(ms)},
		},
	}
	for name, want := range map[string]float64{"web": 0.5, "db": 0.25} {
		got, err := questions.Utilization(s, name)
		require.NoError(t, err)
		assert.InDelta(t, want, got, 1e-9, name)
	}
	at, err := questions.At(s, "web")
	require.NoError(t, err)
	half, err := at(0.25)
	require.NoError(t, err)
	assert.InDelta(t, 50, half.Clients[0].Rate, 1e-9)
	assert.InDelta(t, 100, s.Clients[0].Rate, 0, "the scenario is not changed")
	for name, text := range map[string]string{
		"web2": `service "web2" has no limit of workers or no service time`, "lonely": `no client with a Rate calls service "lonely"`, "zebra": `no service "zebra"`,
	} {
		_, err := questions.At(s, name)
		assert.ErrorContains(t, err, text)
	}
}

func TestAServiceThatItsCacheAnswersForHasNoUtilization(t *testing.T) {
	s := sim.Scenario{
		Clients:  []sim.Client{{Rate: 10, Calls: "api"}},
		Services: []sim.Service{{Name: "api", Workers: 1, ServiceTime: sim.Constant(time.Millisecond), HitRatio: 1}},
	}
	_, err := questions.At(s, "api")
	assert.EqualError(t, err, `questions: the cache of service "api" answers every request, so it has no utilization`)
}

func TestAFaultThatLastsForEverLeavesNoTimeAfterIt(t *testing.T) {
	r := &sim.Report{Scenario: sim.Scenario{Duration: time.Minute, Faults: []sim.Fault{{At: time.Second, For: math.MaxInt64}}}}
	v, text := questions.Recovery.Of(r, &sim.Result{Recovery: -1})
	assert.Zero(t, v)
	assert.Equal(t, "never", text)
}

func TestMeasuresHaveNames(t *testing.T) {
	for _, m := range questions.Measures() {
		found, err := questions.FindMeasure(m.Name)
		require.NoError(t, err)
		assert.Equal(t, m.Name, found.Name)
	}
	_, err := questions.FindMeasure("recovry")
	assert.EqualError(t, err, `questions: there is no measure "recovry"; did you mean recovery? (there are recovery, success_during, success_after, worst_load, p99_before, p99_during)`)
}
