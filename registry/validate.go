package registry

import (
	"cmp"
	"iter"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/ductile-go/ductile/internal/nearest"
	"github.com/ductile-go/ductile/keyed"
	"github.com/ductile-go/ductile/retry"
)

// Validate returns nil if [New] accepts s together with functions of all names that s
// refers to. Otherwise it returns all faults joined, each an *[Error], in the order of the
// fields of Spec and of the names.
func (s Spec) Validate() error { return s.validate(&env{anyName: true}).err() }

func (s *Spec) validate(e *env) *faults {
	f := new(faults)
	for _, class := range classes {
		class.validate(e, s, f)
	}
	for name, p := range sorted(s.Pipelines) {
		f.nameAt("pipelines", name)
		p.validate(e, s, "pipelines."+name, f)
	}
	s.validateCycles(f)
	for name, family := range sorted(s.Families) {
		f.nameAt("families", name)
		family.validate(e, s, "families."+name, f)
	}
	return f
}

// sorted iterates over a map in the order of its keys.
func sorted[V any](m map[string]V) iter.Seq2[string, V] {
	return func(yield func(string, V) bool) {
		for _, name := range slices.Sorted(maps.Keys(m)) {
			if !yield(name, m[name]) {
				return
			}
		}
	}
}

// nameAt adds a fault if name cannot be the name of something.
func (f *faults) nameAt(section, name string) {
	want := ""
	switch {
	case name == "":
		want = "a name"
	case strings.Contains(name, "."):
		want = "a name without dots: they part the names of a path"
	case strings.TrimSpace(name) != name:
		want = "a name without spaces around it"
	case strings.ContainsFunc(name, unicode.IsControl) || strings.ContainsRune(name, unicode.ReplacementChar):
		want = "a name of printable characters"
	default:
		return
	}
	*f = append(*f, &Error{Path: section + "." + name, Value: "named " + strconv.Quote(name), Want: want})
}

// unset adds a fault for each field of a Config that the registry sets.
func (f *faults) unset(at string, spec any) {
	v := reflect.ValueOf(spec)
	for _, one := range [][2]string{
		{"Name", "no name: the registry sets it"}, {"Clock", "none: see WithClock"}, {"Rand", "none: see WithRand"},
	} {
		if field := v.FieldByName(one[0]); field.IsValid() && !field.IsZero() {
			*f = append(*f, &Error{Path: at + "." + snake(one[0]), Value: "set", Want: one[1]})
		}
	}
}

// refer adds a fault if something of a class is not declared.
func (s *Spec) refer(f *faults, class shared, at, name string) {
	if name != "" && !class.declares(s, name) {
		f.reference(at, name, class.word()+" of the Spec", class.declared(s))
	}
}

// referPipeline is refer for a pipeline.
func (s *Spec) referPipeline(f *faults, at, name string) {
	if _, ok := s.Pipelines[name]; name != "" && !ok {
		f.reference(at, name, "a pipeline of the Spec", maps.Keys(s.Pipelines))
	}
}

func (p *PipelineSpec) validate(e *env, s *Spec, at string, f *faults) {
	named(e, f, at+".fallback", p.Fallback, "a function of Funcs.Fallback", e.funcs.Fallback)
	if p.Cache != nil {
		p.Cache.validate(e, at+".cache", f)
	}
	if p.Coalesce != nil {
		f.key(e, at+".coalesce.key", p.Coalesce.Key)
	}
	if p.TotalTimeout < 0 {
		f.add(at+".total_timeout", p.TotalTimeout, "0 for none, or more", "")
	}
	if p.Retry != nil {
		p.Retry.validate(e, s, at+".retry", f)
	}
	if p.Hedge != nil {
		p.Hedge.validate(e, s, at+".hedge", f)
	}
	s.refer(f, circuits, at+".circuit", p.Circuit)
	s.refer(f, throttles, at+".throttle", p.Throttle)
	s.refer(f, rateLimits, at+".rate_limit", p.RateLimit)
	if p.AttemptTimeout < 0 {
		f.add(at+".attempt_timeout", p.AttemptTimeout, "0 for none, or more", "")
	}
	s.refer(f, bulkheads, at+".bulkhead", p.Bulkhead)
	s.refer(f, adaptiveLimits, at+".adaptive_limit", p.AdaptiveLimit)
	if p.Chaos != nil {
		p.Chaos.validate(at+".chaos", f)
	}
	s.referPipeline(f, at+".pipeline", p.Pipeline)
}

// key checks the required name of a key function.
func (f *faults) key(e *env, at, name string) {
	if name == "" {
		f.add(at, name, "a function of Funcs.Key: it returns the key of a call", "")
		return
	}
	named(e, f, at, name, "a function of Funcs.Key", e.funcs.Key)
}

func (c *CacheSpec) validate(e *env, at string, f *faults) {
	f.key(e, at+".key", c.Key)
	named(e, f, at+".negative", c.NegativeName, "a function of Funcs.RetryIf", e.funcs.RetryIf)
	named(e, f, at+".store", c.Store, "a store of Funcs.Store", e.funcs.Store)
	with := *c
	with.Key = cmp.Or(c.Key, "any")
	f.in(at, cacheConfig[any](&env{anyName: true}, &with).Validate())
	if c.Store != "" && c.MaxEntries > 0 {
		f.add(at+".max_entries", c.MaxEntries, "0: it limits the built-in store, and store is set", "")
	}
}

func (r *RetrySpec) validate(e *env, s *Spec, at string, f *faults) {
	f.unset(at, r.Config)
	s.refer(f, budgets, at+".budget", r.BudgetName)
	named(e, f, at+".retry_if", r.RetryIfName, "a function of Funcs.RetryIf", e.funcs.RetryIf)
	r.checkBackoff(e, at+".backoff", f)
	f.in(at, r.Validate())
}

// checkBackoff checks the name of a backoff.
func (r *RetrySpec) checkBackoff(e *env, at string, f *faults) {
	const want = "a backoff of the library or of Funcs.Backoff"
	switch fn, ok := e.funcs.Backoff[r.BackoffName]; {
	case e.anyName, r.BackoffName == "", !ok && slices.Contains(backoffNames, r.BackoffName):
	case ok:
		named(e, f, at, r.BackoffName, want, map[string]retry.Backoff{r.BackoffName: fn})
	default:
		f.reference(at, r.BackoffName, want, slices.Values(append(slices.Collect(maps.Keys(e.funcs.Backoff)), backoffNames...)))
	}
}

func (h *HedgeSpec) validate(e *env, s *Spec, at string, f *faults) {
	f.unset(at, h.Config)
	s.refer(f, budgets, at+".budget", h.BudgetName)
	named(e, f, at+".hedge_if", h.HedgeIfName, "a function of Funcs.RetryIf", e.funcs.RetryIf)
	c := h.Config
	c.HedgeIf = (&env{anyName: true}).retryIf(h.HedgeIfName, c.HedgeIf)
	f.in(at, c.Validate())
}

func (c *ChaosSpec) validate(at string, f *faults) {
	f.unset(at, c.Config)
	f.in(at, c.Validate())
	switch {
	case c.Latency < 0:
		f.add(at+".latency", c.Latency, "0 for none, or more", "")
	case c.Latency == 0 && c.Error == "":
		f.add(at+".error", c.Error, "the text of an error, or a latency: chaos without either does nothing", "")
	}
}

// validateCycles adds a fault for each pipeline that contains itself.
func (s *Spec) validateCycles(f *faults) {
	cyclic := s.cyclic()
	for name := range sorted(s.Pipelines) {
		if cyclic[name] {
			f.add("pipelines."+name+".pipeline", s.Pipelines[name].Pipeline, "no cycle: "+strings.Join(s.way(name), " > "), "")
		}
	}
}

// cyclic returns the pipelines that contain themselves. It looks at each once: a way that
// comes to one of an earlier way has nothing new behind it.
func (s *Spec) cyclic() map[string]bool {
	cyclic, way := map[string]bool{}, map[string]int{}
	n := 0
	for name := range s.Pipelines {
		n++
		for ; name != "" && way[name] == 0; name = s.Pipelines[name].Pipeline {
			way[name] = n
		}
		for ; name != "" && way[name] == n && !cyclic[name]; name = s.Pipelines[name].Pipeline {
			cyclic[name] = true
		}
	}
	return cyclic
}

// maxWay is how many pipelines of a cycle a fault shows.
const maxWay = 20

// way returns the way from a pipeline back to itself.
func (s *Spec) way(name string) []string {
	way := []string{name}
	for next := s.Pipelines[name].Pipeline; next != name; next = s.Pipelines[next].Pipeline {
		if len(way) == maxWay {
			return append(way, "...", name)
		}
		way = append(way, next)
	}
	return append(way, name)
}

func (s *FamilySpec) validate(e *env, spec *Spec, at string, f *faults) {
	if s.Pipeline == "" {
		f.add(at+".pipeline", s.Pipeline, "the pipeline of the members", "")
	}
	spec.referPipeline(f, at+".pipeline", s.Pipeline)
	for _, class := range classes {
		class.validateMember(e, at, s, f)
	}
	bounds := keyed.Config[string, *member]{Make: func(string) *member { return nil }, Max: s.Max, Idle: s.Idle}
	f.in(at, bounds.Validate())
}

// classifier checks the name of a function of Funcs.Classify.
func (e *env) classifier(f *faults, at, name string) {
	named(e, f, at+".classify", name, "a function of Funcs.Classify", e.funcs.Classify)
}

// unknown returns the error for a name that is not declared.
func unknown(section, name string, known []string) error {
	e := &Error{Path: section + "." + name, Want: "not declared", Hint: nearest.Hint(name, known)}
	switch {
	case len(known) == 0:
		e.Hint = "there are no " + strings.ReplaceAll(section, "_", " ")
	case e.Hint == "" && len(known) <= 8:
		slices.Sort(known)
		e.Hint = "declared are " + strings.Join(known, ", ")
	}
	return e
}
