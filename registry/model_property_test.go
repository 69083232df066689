package registry_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/registry"
	"github.com/ductile-go/ductile/retry"
)

// model is a registry and what it should be.
type model struct {
	t   *testing.T
	rng *rand.Rand
	r   *registry.Registry
	now declared

	circuits map[string]*circuitModel // also removed ones
	real     map[string]*breaker.Circuit
	budgets  map[string]*budgetModel
	gates    map[string]*gateModel
	places   map[string][]*bulkhead.Place
	lives    map[string]*registry.Live[int]
	steps    map[string]func() []step // of lives, as they were declared last
	families map[string]*registry.Family[int]
	members  map[string]map[string]*circuitModel // of families, then keys
	declared map[string]familyAndSteps           // as it was declared last

	told []registry.Changes
	want []registry.Changes
}

type familyAndSteps struct {
	familyKnobs
	steps func(own *circuitModel) []step
}

// stepsOf returns the policies of a pipeline. own stands where its circuit would.
func (m *model) stepsOf(d declared, name string, own *circuitModel, family string) []step {
	p := d.pipelines[name]
	var all []step
	if p.timeout > 0 {
		all = append(all, step{text: "timeout(total, " + p.timeout.String() + ")"})
	}
	switch {
	case own != nil:
		all = append(all, step{text: "breaker(" + family + ")", circuit: own})
	case p.circuit != "":
		all = append(all, step{text: "breaker(" + p.circuit + ")", circuit: m.circuits[p.circuit]})
	}
	if p.gate != "" {
		g := m.gates[p.gate]
		all = append(all, step{text: gateText(p.gate, g.limit), gate: g})
	}
	if p.nested != "" {
		inner := m.stepsOf(d, p.nested, nil, "")
		text := p.nested + "(" + textOf(shown(inner)) + ")"
		all = append(all, step{text: text})
		for _, s := range inner {
			s.text = ""
			all = append(all, s)
		}
	}
	return all
}

// shown leaves out the steps that stand inside the text of another.
func shown(all []step) (out []step) {
	for _, s := range all {
		if s.text != "" {
			out = append(out, s)
		}
	}
	return out
}

func (m *model) apply(d declared) {
	changes, err := m.r.Apply(d.spec())
	if d.faulty() {
		require.Error(m.t, err)
		require.True(m.t, changes.None())
		return
	}
	require.NoError(m.t, err)
	want := d.changes(m.now)
	require.Equal(m.t, want, changes)
	if !want.None() {
		m.want = append(m.want, want)
	}
	m.now = d
	for name, k := range d.circuits {
		if m.circuits[name] == nil {
			m.circuits[name] = &circuitModel{knobs: k}
			m.real[name] = circuitOf(m.t, m.r, name)
		}
		m.circuits[name].configure(k)
	}
	for name, percent := range d.budgets {
		if m.budgets[name] == nil {
			m.budgets[name] = new(budgetModel)
		}
		m.budgets[name].percent = percent
	}
	for name, limit := range d.gates {
		if m.gates[name] == nil {
			m.gates[name] = new(gateModel)
		}
		m.gates[name].limit = limit
	}
	for name := range d.pipelines {
		m.lives[name] = liveOf(m.t, m.r, name)
		m.steps[name] = func() []step { return m.stepsOf(d, name, nil, "") }
	}
	for name, k := range d.families {
		m.families[name] = familyOf(m.t, m.r, name)
		m.declared[name] = familyAndSteps{k, func(own *circuitModel) []step {
			if k.own.threshold == 0 {
				own = nil
			}
			return m.stepsOf(d, k.pipeline, own, name)
		}}
		for _, c := range m.members[name] {
			if k.own.threshold > 0 {
				c.configure(k.own)
			}
		}
	}
}

// call makes a call and checks its result and what it moves.
func (m *model) call(p policy.Policy[int], steps []step) {
	failed := m.rng.IntN(3) > 0
	var want error
	var passed []step
	for _, s := range steps {
		if s.circuit != nil && s.circuit.open {
			want = breaker.ErrOpen
		}
		if s.gate != nil && s.gate.held >= s.gate.limit {
			want = bulkhead.ErrFull
		}
		if want != nil {
			break
		}
		if s.gate != nil {
			s.gate.held++ // a gate that stands twice in a pipeline is taken twice
		}
		passed = append(passed, s)
	}
	if want == nil && failed {
		want = errDown
	}
	fn := ok
	if failed {
		fn = down
	}
	_, err := p.Execute(m.t.Context(), policy.CallOf(fn))
	require.True(m.t, errors.Is(err, want), "%v, want %v", err, want)
	for i := len(passed) - 1; i >= 0; i-- {
		s := passed[i]
		if s.gate != nil {
			s.gate.held--
		}
		if s.circuit != nil && (want == nil || want == errDown) { //nolint:errorlint // a refusal is ignored
			s.circuit.record(failed)
		}
	}
}

func (m *model) useMember() {
	name := some(m.rng, m.families)
	if name == "" {
		return
	}
	key := modelNames[m.rng.IntN(len(modelNames))]
	f, at := m.families[name], m.declared[name]
	if m.members[name] == nil {
		m.members[name] = map[string]*circuitModel{}
	}
	own := m.members[name][key]
	if own == nil {
		own = &circuitModel{knobs: at.own}
		m.members[name][key] = own
	}
	steps := at.steps(own)
	if m.rng.IntN(2) == 0 {
		m.call(f.Get(key), steps)
	} else {
		m.call(f.Policy(func(context.Context) (string, bool) { return key, true }), steps)
	}
	require.Equal(m.t, textOf(shown(at.steps(own))), f.Get(key).String())
}

func (m *model) useBudget() {
	name := some(m.rng, m.now.budgets)
	if name == "" {
		return
	}
	b, err := m.r.Budget(name)
	require.NoError(m.t, err)
	is := m.budgets[name]
	if m.rng.IntN(2) == 0 {
		b.Call()
		is.calls++
	} else if granted := is.retries < is.calls*is.percent/100; granted {
		require.True(m.t, b.Take())
		is.retries++
	} else {
		require.False(m.t, b.Take())
	}
	require.Equal(m.t, retry.BudgetSnapshot{
		Calls: int64(is.calls), Retries: int64(is.retries), Left: int64(max(0, is.calls*is.percent/100-is.retries)),
	}, b.Snapshot())
}

// useGate takes a place, or gives one back.
func (m *model) useGate() {
	name := some(m.rng, m.now.gates)
	if name == "" {
		return
	}
	g, err := m.r.Bulkhead(name)
	require.NoError(m.t, err)
	is := m.gates[name]
	if held := m.places[name]; len(held) > 0 && m.rng.IntN(2) == 0 {
		held[0].Release()
		m.places[name] = held[1:]
		is.held--
		return
	}
	p, taken := g.TryAcquire()
	require.Equal(m.t, is.held < is.limit, taken)
	if taken {
		m.places[name] = append(m.places[name], &p)
		is.held++
	}
}

func (m *model) check() {
	for name, c := range m.circuits {
		snap := m.real[name].Snapshot()
		require.Equal(m.t, c.open, snap.State == breaker.Open, name)
		if !c.open {
			require.EqualValues(m.t, c.failures(), snap.Counts.Failures, name)
		}
		require.Equal(m.t, c.knobs.threshold, m.real[name].Config().FailureThreshold)
		if _, ok := m.now.circuits[name]; ok {
			require.Same(m.t, m.real[name], circuitOf(m.t, m.r, name))
		}
	}
	for name, l := range m.lives {
		require.Equal(m.t, textOf(shown(m.steps[name]())), l.String(), name)
	}
	require.Equal(m.t, m.want, m.told)
}

func TestRandomReloadsKeepStateAndReportWhatChanged(t *testing.T) {
	for seed := range uint64(60) {
		m := &model{
			t: t, rng: rand.New(rand.NewPCG(seed, 1)), r: made(t, registry.Spec{}, registry.WithClock(fake.NewClock())),
			circuits: map[string]*circuitModel{}, real: map[string]*breaker.Circuit{}, budgets: map[string]*budgetModel{},
			gates: map[string]*gateModel{}, places: map[string][]*bulkhead.Place{}, lives: map[string]*registry.Live[int]{},
			steps: map[string]func() []step{}, families: map[string]*registry.Family[int]{},
			members: map[string]map[string]*circuitModel{}, declared: map[string]familyAndSteps{},
		}
		m.r.Watch(func(c registry.Changes) { m.told = append(m.told, c) })
		for range 150 {
			switch m.rng.IntN(10) {
			case 0:
				m.apply(draw(m.rng))
			case 1:
				m.apply(m.now)
			case 2:
				m.useBudget()
			case 3:
				m.useGate()
			case 4, 5:
				m.useMember()
			default:
				if name := some(m.rng, m.lives); name != "" {
					m.call(m.lives[name], m.steps[name]())
				}
			}
			m.check()
		}
		assert.EqualValues(t, len(m.want), m.r.Snapshot().Revision)
	}
}
