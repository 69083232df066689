package scenario

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/ductile-go/ductile/ductileconfig/internal/decode"
	"github.com/ductile-go/ductile/ductileconfig/internal/facts"
	"github.com/ductile-go/ductile/ductileconfig/internal/table"
	"github.com/ductile-go/ductile/ductileconfig/internal/tree"
	"github.com/ductile-go/ductile/internal/fault"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/registry"
	"github.com/ductile-go/ductile/sim"
)

// door is how the calls of a client or service go: through a pipeline or a family.
type door struct{ pipeline, family string }

// doors returns them by the names of clients and services.
func (l *loader) doors() map[string]door {
	out := map[string]door{}
	for name, s := range l.file.Services {
		out[name] = door{s.Pipeline, s.Family}
	}
	for name, c := range l.file.Clients {
		out[name] = door{c.Pipeline, c.Family}
	}
	return out
}

// uses returns the pipelines of the doors. It adds a fault for each door that is not there.
func (l *loader) uses(base registry.Spec) []string {
	used := map[string]bool{}
	for _, section := range []string{"services", "clients"} {
		for _, name := range keys(l.root, section) {
			d, path := l.doors()[name], section+"."+name
			if d.pipeline != "" && d.family != "" {
				l.add(path+".family", tree.Fault{Value: d.family, Want: "it left out beside pipeline"})
			}
			if l.known(path+".pipeline", d.pipeline, "a pipeline", slices.Sorted(maps.Keys(base.Pipelines))) {
				used[d.pipeline] = true
			}
			if l.known(path+".family", d.family, "a family", slices.Sorted(maps.Keys(base.Families))) {
				used[base.Families[d.family].Pipeline] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(used))
}

// known reports whether a name is one of the configuration. It adds a fault if it is not,
// unless it is empty.
func (l *loader) known(path, name, what string, names []string) bool {
	if name == "" || slices.Contains(names, name) {
		return name != ""
	}
	l.add(path, tree.Fault{Value: tree.Quote(name, false), Want: what + " of the configuration", Hint: decode.Suggest(name, names)})
	return false
}

// kept adds a fault for each door that a variant removes.
func (l *loader) kept() {
	doors := l.doors()
	for _, section := range []string{"services", "clients"} {
		for _, name := range keys(l.root, section) {
			d, path := doors[name], section+"."+name
			for _, variant := range l.variantNames() {
				spec := l.variants[variant]
				if _, ok := spec.Pipelines[d.pipeline]; !ok && d.pipeline != "" {
					l.removed(path+".pipeline", variant, d.pipeline)
				}
				if _, ok := spec.Families[d.family]; !ok && d.family != "" {
					l.removed(path+".family", variant, d.family)
				}
			}
		}
	}
}

func (l *loader) removed(path, variant, name string) {
	l.add(path, tree.Fault{
		Problem: "variant " + tree.Quote(variant, false) + " removes " + tree.Quote(name, false),
		Hint:    "remove its policies instead, as in {retry: null, circuit: null}",
	})
}

// add adds a fault at a path.
func (l *loader) add(path string, f tree.Fault) {
	n, _ := tree.Find(l.root, path)
	f.Path = path
	l.faults.Add(n.Place, f)
}

// scenario returns what the file says, in its order.
func (l *loader) scenario() sim.Scenario {
	s := sim.Scenario{Seed: l.file.Seed, Duration: l.file.Duration, Warmup: l.file.Warmup}
	for _, name := range keys(l.root, "services") {
		s.Services = append(s.Services, l.service(name, l.file.Services[name]))
	}
	for _, name := range keys(l.root, "clients") {
		s.Clients = append(s.Clients, l.client(name, l.file.Clients[name]))
	}
	for _, f := range l.file.Faults {
		s.Faults = append(s.Faults, sim.Fault{
			At: f.At, For: f.For, Service: f.Service, Replica: f.Replica, Down: f.Down, Slow: float64(f.Slow),
			Errors: f.Errors, Hang: f.Hang, Capacity: f.Capacity, Partition: f.Partition, Cold: f.Cold,
		})
	}
	for _, name := range l.variantNames() {
		s.Variants = append(s.Variants, sim.Variant{Name: name, Pipeline: pipelines(l.variants[name], l.doors())})
	}
	for _, e := range l.file.Expect {
		s.Expect = append(s.Expect, sim.Expect(e))
	}
	return s
}

func (l *loader) service(name string, s service) sim.Service {
	return sim.Service{
		Name: name, Replicas: s.Replicas, Balance: s.Balance, Workers: s.Workers, Queue: s.Queue,
		ServiceTime: l.dist("services."+name+".service_time", s.ServiceTime), AbandonQueue: s.AbandonQueue, Calls: s.Calls,
		Drag: s.Drag, RetryAfter: s.RetryAfter,
		HitRatio: s.HitRatio, HitTime: l.dist("services."+name+".hit_time", s.HitTime), Entries: s.Entries,
	}
}

func (l *loader) client(name string, c client) sim.Client {
	out := sim.Client{
		Name: name, Replicas: c.Replicas, Rate: float64(c.Rate), Closed: c.Closed, Think: l.dist("clients."+name+".think", c.Think),
		Burst: c.Burst, Calls: c.Calls, Priority: policy.Priority(c.Priority), Keys: c.Keys,
	}
	for _, one := range c.Classes {
		out.Classes = append(out.Classes, sim.Class{Name: one.Name, Share: one.Share, Priority: policy.Priority(one.Priority)})
	}
	return out
}

// dist returns a distribution, and adds a fault if it makes no sense.
func (l *loader) dist(path string, d dist) sim.Dist {
	if _, set := tree.Find(l.root, path); !set {
		return sim.Dist{}
	}
	built, wrong := d.build()
	if wrong != "" {
		l.add(path, tree.Fault{Problem: wrong})
	}
	return built
}

// check adds the faults that the simulator finds.
func (l *loader) check(s sim.Scenario) {
	if l.faults.Len() > 0 {
		return
	}
	names := facts.Names()
	for name := range own {
		field := name[strings.LastIndexByte(name, '.')+1:]
		names[field] = table.Snake(field)
	}
	for _, e := range fault.All(s.Validate()) {
		path := l.path(e.Field)
		n, found := tree.Find(l.root, path)
		f := tree.Fault{Path: path, Value: "not set", Want: decode.InWords(e.Want, names)}
		switch {
		case e.Err != nil:
			f = tree.Fault{Path: path, Problem: e.Err.Error()}
		case found && n.Kind != tree.Scalar:
			f = tree.Fault{Path: path, Problem: "want " + f.Want}
		case found:
			f.Value = n.Show()
		}
		l.faults.Add(n.Place, f)
	}
}

// path returns the path in the file of a field such as Clients[0].Rate.
func (l *loader) path(field string) string {
	var path string
	for i, part := range strings.Split(field, ".") {
		name, index, indexed := strings.Cut(strings.TrimSuffix(part, "]"), "[")
		key := table.Snake(name)
		path = tree.Join(path, key)
		if !indexed {
			continue
		}
		n, _ := strconv.Atoi(index)
		if names := keys(l.raw, key); i == 0 && n < len(names) && key != "faults" && key != "expect" {
			path = tree.Join(path, names[n])
			continue
		}
		path = tree.At(path, n)
	}
	return path
}
