package observe

import (
	"cmp"
	"maps"
	"slices"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/retry"
	"github.com/ductile-go/ductile/throttle"
)

// gauges collects the series that a snapshot reads from what is watched. Things of the same
// name share their series.
type gauges struct {
	limit int // series of an instrument
	of    map[gaugeKey]*gauge
}

// gaugeKey is the instrument and the values of its labels, in the instrument's order.
type gaugeKey struct {
	kind instrument
	a, b string
}

type gauge struct{ value float64 }

// put sets a series, or combines its value with that of another thing of the same name.
func (g *gauges) put(key gaugeKey, value float64, combine func(a, b float64) float64) {
	if was := g.of[key]; was != nil {
		value = combine(was.value, value)
	}
	g.of[key] = &gauge{value}
}

func sum(a, b float64) float64     { return a + b }
func least(a, b float64) float64   { return min(a, b) }
func largest(a, b float64) float64 { return max(a, b) }

// permits adds a gate or a limiter.
func (g *gauges) permits(name, kind string, used, limit, waiting int) {
	name = cmp.Or(name, kind)
	g.put(gaugeKey{permitsUsed, name, kind}, float64(used), sum)
	g.put(gaugeKey{permitsLimit, name, kind}, float64(limit), sum)
	g.put(gaugeKey{queueLength, name, kind}, float64(waiting), sum)
}

// budget adds a retry budget. One that allows no retries, and has granted none, counts as
// whole.
func (g *gauges) budget(name string, s retry.BudgetSnapshot) {
	remaining := 1.0
	if allowed := s.Left + s.Retries; allowed > 0 {
		remaining = float64(s.Left) / float64(allowed)
	}
	g.put(gaugeKey{budgetRemaining, cmp.Or(name, "budget"), ""}, remaining, least)
}

// throttle adds the rate at which a throttle rejects calls.
func (g *gauges) throttle(s throttle.Snapshot) {
	g.put(gaugeKey{throttleRate, cmp.Or(s.Name, "throttle"), ""}, s.Rate, largest)
}

// circuit adds the state of a circuit.
func (g *gauges) circuit(s breaker.Snapshot) {
	for _, state := range []breaker.State{breaker.Closed, breaker.Open, breaker.HalfOpen, breaker.Isolated} {
		value := 0.0
		if state == s.State {
			value = 1
		}
		g.put(gaugeKey{circuitState, cmp.Or(s.Name, breakerKind), state.String()}, value, largest)
	}
}

// series returns the collected series. Beyond the limit of an instrument, by name, they are
// added up in its overflow series; of budgets, the overflow series has the lowest, and of
// throttles the highest.
func (g *gauges) series() []Series {
	keys := slices.SortedFunc(maps.Keys(g.of), func(x, y gaugeKey) int {
		return cmp.Or(cmp.Compare(x.kind, y.kind), cmp.Compare(x.a, y.a), cmp.Compare(x.b, y.b))
	})
	var all []Series
	var counts [instrumentCount]int
	var overflow [instrumentCount]*gauge
	for _, key := range keys {
		value := g.of[key].value
		if counts[key.kind]++; counts[key.kind] <= g.limit {
			all = append(all, Series{Name: instruments[key.kind].Name, Labels: key.labels(), Value: value})
			continue
		}
		switch over := &overflow[key.kind]; {
		case *over == nil:
			*over = &gauge{value}
		case key.kind == budgetRemaining:
			(*over).value = min((*over).value, value)
		case key.kind == throttleRate:
			(*over).value = max((*over).value, value)
		default:
			(*over).value += value
		}
	}
	for kind, over := range overflow {
		if over != nil {
			all = append(all, Series{Name: instruments[kind].Name, Labels: map[string]string{LabelOverflow: "true"}, Value: over.value})
		}
	}
	return all
}

func (key gaugeKey) labels() map[string]string {
	labels := map[string]string{}
	for i, value := range []string{key.a, key.b}[:len(instruments[key.kind].Labels)] {
		labels[instruments[key.kind].Labels[i]] = value
	}
	return labels
}
