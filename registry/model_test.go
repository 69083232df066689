package registry_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/registry"
	"github.com/ductile-go/ductile/retry"
)

// declared is what a model declares: few knobs of few kinds, by name.
type declared struct {
	circuits  map[string]circuitKnobs
	budgets   map[string]int // percent
	gates     map[string]int // the limit
	pipelines map[string]pipelineKnobs
	families  map[string]familyKnobs
}

type circuitKnobs struct{ threshold, window int }

type pipelineKnobs struct {
	circuit, gate, nested string
	timeout               time.Duration
}

type familyKnobs struct {
	pipeline string
	own      circuitKnobs // none if the threshold is 0
}

var modelNames = []string{"a", "b", "c", "d"}

// draw returns random declarations. One in eight has a fault.
func draw(rng *rand.Rand) declared {
	d := declared{
		map[string]circuitKnobs{}, map[string]int{}, map[string]int{}, map[string]pipelineKnobs{}, map[string]familyKnobs{},
	}
	circuit := func() circuitKnobs { return circuitKnobs{2 + rng.IntN(4), []int{0, 5, 8}[rng.IntN(3)]} }
	for _, name := range modelNames {
		if rng.IntN(4) > 0 {
			d.circuits[name] = circuit()
		}
		if rng.IntN(4) > 0 {
			d.budgets[name] = 10 + 10*rng.IntN(3)
		}
		if rng.IntN(4) > 0 {
			d.gates[name] = 1 + rng.IntN(3)
		}
	}
	for i, name := range modelNames {
		if rng.IntN(4) == 0 {
			continue
		}
		p := pipelineKnobs{circuit: some(rng, d.circuits), gate: some(rng, d.gates), timeout: time.Hour * time.Duration(rng.IntN(3))}
		if i > 0 && rng.IntN(3) == 0 {
			p.nested = some(rng, d.pipelines) // those before it, so that there is no cycle
		}
		d.pipelines[name] = p
	}
	for _, name := range modelNames[:2] {
		if p := some(rng, d.pipelines); p != "" && rng.IntN(4) > 0 {
			f := familyKnobs{pipeline: p}
			if rng.IntN(3) > 0 {
				f.own = circuit()
			}
			d.families[name] = f
		}
	}
	if rng.IntN(8) == 0 {
		d.pipelines["x"] = pipelineKnobs{circuit: "unknown"}
	}
	return d
}

// some returns one of the names in m, or "".
func some[V any](rng *rand.Rand, m map[string]V) string {
	names := append(slices.Sorted(maps.Keys(m)), "")
	return names[rng.IntN(len(names))]
}

func (d declared) faulty() bool { _, ok := d.pipelines["x"]; return ok }

func (k circuitKnobs) config() breaker.Config {
	return breaker.Config{FailureThreshold: k.threshold, WindowCalls: k.window, RecoveryTimeout: 1000 * time.Hour}
}

func (d declared) spec() registry.Spec {
	s := registry.Spec{
		Circuits: map[string]registry.CircuitSpec{}, Budgets: map[string]registry.BudgetSpec{}, Bulkheads: map[string]registry.BulkheadSpec{},
		Pipelines: map[string]registry.PipelineSpec{}, Families: map[string]registry.FamilySpec{},
	}
	for name, k := range d.circuits {
		s.Circuits[name] = registry.CircuitSpec{Config: k.config()}
	}
	for name, percent := range d.budgets {
		s.Budgets[name] = registry.BudgetSpec{BudgetConfig: retry.BudgetConfig{Ratio: float64(percent) / 100, MinPerSecond: retry.NoMinimum}}
	}
	for name, limit := range d.gates {
		s.Bulkheads[name] = registry.BulkheadSpec{Config: bulkhead.Config{Limit: limit}}
	}
	for name, k := range d.pipelines {
		s.Pipelines[name] = registry.PipelineSpec{Circuit: k.circuit, Bulkhead: k.gate, TotalTimeout: k.timeout, Pipeline: k.nested}
	}
	for name, k := range d.families {
		f := registry.FamilySpec{Pipeline: k.pipeline}
		if k.own.threshold > 0 {
			f.Circuit = &registry.CircuitSpec{Config: k.own.config()}
		}
		s.Families[name] = f
	}
	return s
}

// texts returns each declaration as text, by its name with the section.
func (d declared) texts() map[string]string {
	all := map[string]string{}
	put(all, "circuits.", d.circuits)
	put(all, "budgets.", d.budgets)
	put(all, "bulkheads.", d.gates)
	put(all, "pipelines.", d.pipelines)
	put(all, "families.", d.families)
	return all
}

func put[V any](all map[string]string, section string, m map[string]V) {
	for name, v := range m {
		all[section+name] = fmt.Sprint(v)
	}
}

// changes returns what an Apply of d after was reports.
func (d declared) changes(was declared) registry.Changes {
	var c registry.Changes
	before, after := was.texts(), d.texts()
	for _, name := range slices.Sorted(maps.Keys(after)) {
		if old, ok := before[name]; !ok {
			c.Added = append(c.Added, name)
		} else if old != after[name] {
			c.Changed = append(c.Changed, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(before)) {
		if _, ok := after[name]; !ok {
			c.Removed = append(c.Removed, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(d.circuits)) {
		if old, ok := was.circuits[name]; ok && old.window != d.circuits[name].window {
			c.Restarted = append(c.Restarted, "circuits."+name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(d.families)) {
		old, ok := was.families[name]
		own := d.families[name].own
		if ok && old.own.threshold > 0 && own.threshold > 0 && old.own.window != own.window {
			c.Restarted = append(c.Restarted, "families."+name)
		}
	}
	return c
}

// circuitModel is a circuit that opens at a number of failures in a row, or among its last
// calls, and does not recover.
type circuitModel struct {
	knobs circuitKnobs
	calls []bool // true for a failure
	open  bool
}

func (c *circuitModel) configure(k circuitKnobs) {
	if !c.open && k.window != c.knobs.window {
		c.calls = nil
	}
	c.knobs = k
}

func (c *circuitModel) record(failed bool) {
	if c.open {
		return
	}
	if c.calls = append(c.calls, failed); c.knobs.window == 0 && !failed {
		c.calls = nil
	}
	if w := c.knobs.window; w > 0 && len(c.calls) > w {
		c.calls = c.calls[1:]
	}
	c.open = failed && c.failures() >= c.knobs.threshold
}

func (c *circuitModel) failures() (n int) {
	for _, failed := range c.calls {
		if failed {
			n++
		}
	}
	return n
}

// step is a policy of a pipeline in the model.
type step struct {
	text    string
	circuit *circuitModel
	gate    *gateModel
}

type gateModel struct{ limit, held int }

type budgetModel struct {
	percent        int
	calls, retries int
}

// text returns what String returns for steps.
func textOf(steps []step) string {
	if len(steps) == 0 {
		return "pass-through"
	}
	text := ""
	for i, s := range steps {
		if i > 0 {
			text += " > "
		}
		text += s.text
	}
	return text
}

func gateText(name string, limit int) string {
	return "bulkhead(" + name + ", " + strconv.Itoa(limit) + ")"
}
