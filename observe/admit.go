package observe

import "slices"

// findOrAdd continues find for an id that is not among the recent ones.
func (s *Stats) findOrAdd(x *id, pipeline string) *series {
	if r := s.table.find(x); r != nil {
		s.table.remember(x, r)
		return r
	}
	// Without the lock first: once the limits are reached, names that a client invents
	// must not make calls wait for each other.
	if r := s.resolve(*x, pipeline, false); r != nil {
		return r
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.resolve(*x, pipeline, true)
}

// resolve returns the series that counts the measurements of x: its own, that of Other, or
// the overflow series. If that means to add an entry, it adds it if add is true, and
// otherwise returns nil. If add is true, the caller holds mu.
func (s *Stats) resolve(x id, pipeline string, add bool) *series {
	var of *series
	if x.kind.ofPipeline() || x.b != "" {
		if of = s.ofPipeline(pipeline, add); of == nil {
			return nil
		}
		if x.kind == callActive {
			return of
		}
		if of.rest {
			if x.kind.ofPipeline() {
				return s.rest(x.kind, add)
			}
			x.b = Other
		}
		if !s.limit(&x, of, add) {
			return nil
		}
	}
	if r := s.table.find(&x); r != nil {
		return r
	}
	if s.used[x.kind].Load() >= int64(s.cfg.MaxSeries) {
		return s.rest(x.kind, add)
	}
	if !add {
		return nil
	}
	return s.insert(x, of)
}

// rest returns the overflow series of an instrument.
func (s *Stats) rest(kind instrument, add bool) *series {
	r := s.overflow[kind].Load()
	if r == nil && add {
		r = s.newSeries(id{kind: kind}, nil)
		r.rest = true
		if kind == callActive {
			r.pipe = new(pipe)
		}
		s.overflow[kind].Store(r)
	}
	return r
}

// ofPipeline returns the entry of a pipeline, with what its series share.
func (s *Stats) ofPipeline(name string, add bool) *series {
	x := id{kind: callActive, a: name}
	if r := s.table.find(&x); r != nil {
		return r
	}
	if s.used[callActive].Load() >= int64(s.cfg.MaxSeries) {
		return s.rest(callActive, add)
	}
	if !add {
		return nil
	}
	s.used[callActive].Add(1)
	r := s.newSeries(x.cloned(), new(pipe))
	s.table.link(r)
	return r
}

// limit replaces names of x beyond the limits of their pipeline by Other. It returns false
// if a name must be added first and add is false.
func (s *Stats) limit(x *id, of *series, add bool) bool {
	ok := true
	check := func(name *string, kind instrument, limit int) {
		if name != nil && *name != "" && *name != Other {
			known, done := s.admit(id{kind: kind, a: of.a, c: *name}, of.pipe, limit, add)
			ok = ok && done
			if !known {
				*name = Other
			}
		}
	}
	check(&x.b, keyName, s.cfg.MaxKeys)
	check(x.errorType(), errorTypeName, s.cfg.MaxErrorTypes)
	check(x.operation(), operationName, s.cfg.MaxOperations)
	return ok
}

// admit reports whether a pipeline tells a name apart. done is false if it would after
// adding the name, and add is false.
func (s *Stats) admit(name id, p *pipe, limit int, add bool) (known, done bool) {
	if s.table.find(&name) != nil {
		return true, true
	}
	n := p.names(name.kind)
	if n.Load() >= int64(limit) {
		return false, true
	}
	if !add {
		return true, false
	}
	n.Add(1)
	s.table.link(s.newSeries(name.cloned(), p))
	return true, true
}

// insert adds the series of x. The caller holds mu.
func (s *Stats) insert(x id, of *series) *series {
	x = x.cloned()
	r := s.newSeries(x, nil)
	if of != nil {
		r.pipe = of.pipe
		if x.b != "" && x.b != Other {
			s.table.find(&id{kind: keyName, a: of.a, c: x.b}).adopt(r)
		}
	}
	if name := x.circuit(); name != "" {
		c := id{kind: circuitName, a: name}
		entry := s.table.find(&c)
		if entry == nil {
			entry = s.newSeries(c, nil)
			s.table.link(entry)
		}
		entry.adopt(r)
	}
	s.used[x.kind].Add(1)
	s.table.link(r)
	return r
}

// adopt makes r a series that is deleted with the name.
func (name *series) adopt(r *series) {
	if len(name.kin) == cap(name.kin) { // before the list grows
		name.kin = slices.DeleteFunc(name.kin, func(r *series) bool { return r.dead.Load() })
	}
	name.kin = append(name.kin, r)
}

// forgetKey deletes the series of a pipeline's key.
func (s *Stats) forgetKey(pipeline, key string) {
	x := id{kind: keyName, a: pipeline, c: key}
	if s.cfg.MaxKeys == 0 || s.table.find(&x) == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.forget(&x) {
		s.table.find(&id{kind: callActive, a: pipeline}).pipe.keys.Add(-1)
	}
}

// forgetCircuit deletes the series of a circuit.
func (s *Stats) forgetCircuit(name string) {
	x := id{kind: circuitName, a: name}
	if s.table.find(&x) == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forget(&x)
}

// forget deletes a name and its series, and reports whether the name was there. The caller
// holds mu.
func (s *Stats) forget(x *id) bool {
	name := s.table.find(x)
	if name == nil {
		return false
	}
	s.table.unlink(name)
	for _, r := range name.kin {
		if !r.dead.Load() {
			s.table.unlink(r)
			s.used[r.kind].Add(-1)
			s.forgetIfEmpty(r.circuit())
		}
	}
	return true
}

// forgetIfEmpty deletes the name of a circuit without series, so that names do not pile up
// where each key has a circuit of another name.
func (s *Stats) forgetIfEmpty(circuit string) {
	if circuit == "" {
		return
	}
	c := s.table.find(&id{kind: circuitName, a: circuit})
	if c != nil && !slices.ContainsFunc(c.kin, func(r *series) bool { return !r.dead.Load() }) {
		s.table.unlink(c)
	}
}

// names returns the number of names of a kind.
func (p *pipe) names(kind instrument) interface {
	Load() int64
	Add(delta int64) int64
} {
	switch kind {
	case keyName:
		return &p.keys
	case operationName:
		return &p.operations
	}
	return &p.errorTypes
}
