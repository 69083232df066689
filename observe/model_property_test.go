package observe_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/observe"
	"github.com/ductile-go/ductile/policy"
)

// model is what a Stats must show: all measurements in slices, by the text of instrument and
// labels.
type model struct {
	max struct{ series, names, keys int }

	measured map[string][]float64
	known    map[string]map[string]bool // of each pipeline and kind of name
	used     map[string]int             // series of an instrument
	active   map[string]float64
}

func textOf(instrument string, l labels) string {
	text := instrument
	for _, k := range slices.Sorted(maps.Keys(l)) {
		text += fmt.Sprintf(" %s=%q", k, l[k])
	}
	return text
}

// name returns a name, or _OTHER if its pipeline knows enough others.
func (m *model) name(pipeline, kind, name string, most int) string {
	of := pipeline + "/" + kind
	if m.known[of] == nil {
		m.known[of] = map[string]bool{}
	}
	if !m.known[of][name] && len(m.known[of]) >= most {
		return observe.Other
	}
	m.known[of][name] = true
	return name
}

func (m *model) measure(instrument string, v float64, l labels) {
	text := textOf(instrument, l)
	if m.measured[text] == nil {
		if m.used[instrument] >= m.max.series {
			text = textOf(instrument, overflow)
		} else {
			m.used[instrument]++
		}
	}
	m.measured[text] = append(m.measured[text], v)
}

func (m *model) outcome(e policy.Event) (outcome, errorType string) {
	switch {
	case errors.Is(e.Err, policy.ErrRejected):
		outcome = "rejected"
	case errors.Is(e.Err, context.DeadlineExceeded):
		outcome = "timeout"
	default:
		outcome = "failure"
	}
	var t typed
	errors.As(e.Err, &t)
	return outcome, m.name(e.Pipeline, "error", string(t), m.max.names)
}

func (m *model) observe(operation string, e policy.Event) {
	keyed := func(l labels) labels {
		if e.Key != "" {
			l["key"] = m.name(e.Pipeline, "key", e.Key, m.max.keys)
		}
		return l
	}
	// shared is keyed for a series without a pipeline: another pipeline may have begun it.
	shared := func(instrument string, l labels) labels {
		if e.Key != "" {
			l["key"] = e.Key
			if m.measured[textOf(instrument, l)] != nil {
				return l
			}
		}
		return keyed(l)
	}
	switch e.Kind {
	case policy.Started:
		m.active[e.Pipeline]++
	case policy.Finished:
		l := keyed(labels{"pipeline.name": e.Pipeline})
		if e.Err == nil {
			l["outcome"], l["rescue"] = "success", "none"
			if e.Reason != "" {
				l["rescue"] = e.Reason
			}
		} else {
			l["outcome"], l["error.type"] = m.outcome(e)
		}
		if operation != "" {
			l["operation"] = m.name(e.Pipeline, "operation", operation, m.max.names)
		}
		m.measure("ductile.call.duration", e.Elapsed.Seconds(), l)
		m.measure("ductile.call.attempts", float64(e.Attempt), labels{"pipeline.name": e.Pipeline})
		m.active[e.Pipeline]--
	case policy.Attempted:
		l := keyed(labels{"pipeline.name": e.Pipeline, "policy.name": e.Policy, "attempt.type": "original", "outcome": "success"})
		if e.Name != "" {
			l["policy.name"] = e.Name
		}
		if e.Attempt > 1 {
			l["attempt.type"] = "retry"
		}
		if e.Err != nil {
			l["outcome"], l["error.type"] = m.outcome(e)
		}
		m.measure("ductile.attempt.duration", e.Took.Seconds(), l)
	case policy.Retried:
		m.measure("ductile.retry.delay", e.Delay.Seconds(), keyed(labels{"pipeline.name": e.Pipeline, "policy.name": e.Policy, "source": e.Reason}))
	case policy.Rejected:
		m.measure("ductile.rejections", 1, keyed(labels{
			"pipeline.name": e.Pipeline, "policy.name": e.Name, "policy.type": e.Policy, "reason": e.Reason,
		}))
	case policy.Judged:
		m.measure("ductile.circuit.calls", 1, shared("ductile.circuit.calls", labels{
			"circuit.name": e.Name, "outcome": e.Outcome.String(), "slow": fmt.Sprint(e.Reason == "slow"),
		}))
	case policy.StateChanged:
		m.measure("ductile.circuit.transitions", 1, shared("ductile.circuit.transitions", labels{"circuit.name": e.Name, "from": e.From, "to": e.To}))
	case policy.Waited:
		m.measure("ductile.queue.wait", e.Delay.Seconds(), shared("ductile.queue.wait", labels{"policy.name": e.Name, "policy.type": e.Policy}))
	}
}

// event returns a random event. Of each name there are few, so that limits are reached
// and names come again.
func event(rnd *rand.Rand) policy.Event {
	pick := func(of ...string) string { return of[rnd.IntN(len(of))] }
	duration := func() time.Duration {
		return time.Duration(math.Exp(rnd.NormFloat64()*2) * float64(50*time.Millisecond))
	}
	e := policy.Event{Pipeline: pick("", "a", "b"), Key: pick("", "k1", "k2", "k3")}
	switch rnd.IntN(4) {
	case 0:
		e.Err = typed(pick("e1", "e2", "e3"))
	case 1:
		e.Err = errors.Join(typed(pick("e1", "e2")), []error{policy.ErrRejected, context.DeadlineExceeded}[rnd.IntN(2)])
	}
	switch e.Kind = policy.EventKind(pick("started", "finished", "attempted", "retried", "rejected", "judged", "state_changed", "waited", "timed_out")); e.Kind {
	case policy.Finished:
		e.Elapsed, e.Attempt = duration(), 1+rnd.IntN(12)
		if e.Err == nil {
			e.Reason = pick("", "retry", "fallback")
		}
	case policy.Attempted:
		e.Policy, e.Name, e.Attempt, e.Took = "retry", pick("", "r"), 1+rnd.IntN(3), duration()
	case policy.Retried:
		e.Policy, e.Reason, e.Delay = "retry", pick("backoff", "server"), duration()
	case policy.Rejected:
		e.Policy, e.Name, e.Reason = pick("breaker", "bulkhead"), pick("x", "y"), pick("open", "limit")
	case policy.Judged:
		e.Policy, e.Name, e.Outcome, e.Reason = "breaker", pick("x", "y", "z"), policy.Outcome(1+rnd.IntN(3)), pick("", "slow")
	case policy.StateChanged:
		e.Policy, e.Name, e.From, e.To = "breaker", pick("x", "y"), pick("closed", "open"), pick("open", "half-open")
	case policy.Waited:
		e.Policy, e.Name, e.Delay = "bulkhead", pick("x", "y"), duration()
	}
	return e
}

func TestStatsBehavesLikeItsModel(t *testing.T) {
	for seed := range uint64(25) {
		rnd := rand.New(rand.NewPCG(seed, 0))
		m := &model{
			measured: map[string][]float64{}, known: map[string]map[string]bool{}, used: map[string]int{}, active: map[string]float64{},
		}
		m.max.series, m.max.names, m.max.keys = 3+rnd.IntN(40), 1+rnd.IntN(3), 1+rnd.IntN(3)
		s := observe.New(observe.Config{
			MaxSeries: m.max.series, MaxOperations: m.max.names, MaxErrorTypes: m.max.names, MaxKeys: m.max.keys,
		})
		for range 500 {
			e, operation := event(rnd), []string{"", "o1", "o2"}[rnd.IntN(3)]
			m.observe(operation, e)
			s.Observe(observe.WithOperation(context.Background(), operation), e)
		}
		m.compare(t, seed, s.Snapshot())
	}
}

func (m *model) compare(t *testing.T, seed uint64, snap observe.Snapshot) {
	t.Helper()
	var dropped float64
	for _, one := range snap.Series {
		text := textOf(one.Name, one.Labels)
		want := m.measured[text]
		delete(m.measured, text)
		switch {
		case one.Name == "ductile.series.dropped":
			defer func() { require.InDelta(t, dropped, one.Value, 0, "seed %d", seed) }()
			continue
		case one.Name == "ductile.call.active":
			require.InDelta(t, max(0, m.active[one.Labels["pipeline.name"]]), one.Value, 0, "seed %d", seed)
			continue
		case one.Labels[observe.LabelOverflow] != "":
			dropped += float64(len(want))
		}
		if one.Histogram == nil {
			require.InDelta(t, len(want), one.Value, 0, "seed %d: %s", seed, text)
			continue
		}
		compareHistogram(t, fmt.Sprintf("seed %d: %s", seed, text), want, one.Histogram)
	}
	require.Empty(t, m.measured, "seed %d: these are missing", seed)
}

func compareHistogram(t *testing.T, of string, want []float64, got *observe.Histogram) {
	t.Helper()
	require.EqualValues(t, len(want), got.Count, of)
	slices.Sort(want)
	var sum float64
	for _, v := range want {
		sum += v
	}
	require.InEpsilon(t, sum, got.Sum, 1e-6, of)
	for _, q := range []float64{0, 0.5, 0.9, 0.95, 0.99, 1} {
		exact := want[max(1, int(math.Ceil(q*float64(len(want)))))-1]
		require.LessOrEqual(t, math.Abs(math.Log2(got.Quantile(q)/exact)), 1./8+1e-9, "%s: quantile %v", of, q)
	}
	for b, bound := range got.Bounds {
		n, _ := slices.BinarySearch(want, math.Nextafter(bound, 100))
		require.EqualValues(t, n, got.AtMost[b], "%s: at most %v", of, bound)
	}
}
