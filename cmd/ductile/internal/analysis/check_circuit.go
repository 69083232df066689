package analysis

import (
	"maps"
	"slices"
	"strings"

	"github.com/ductile-go/ductile/breaker"
)

// checkCircuits finds circuits that cannot open, or recover badly.
func checkCircuits(f *findings, all []*view) {
	users := map[string][]*view{}
	for _, v := range all {
		for _, p := range v.chain() {
			if p.circuit != nil && !slices.ContainsFunc(users[p.circuit.path], func(q *view) bool { return q.path == p.path }) {
				users[p.circuit.path] = append(users[p.circuit.path], p)
			}
		}
		v.checkAlone(f)
	}
	for _, path := range slices.Sorted(maps.Keys(users)) {
		checkCircuit(f, users[path])
	}
}

// checkCircuit looks at one circuit and those that use it.
func checkCircuit(f *findings, users []*view) {
	c, path := users[0].circuit.cfg, users[0].circuit.path
	var longest Span
	for _, v := range users {
		longest = max(longest, v.attempt(positive(Span(v.spec.TotalTimeout))).time)
	}
	if c.SlowCall > 0 && longest < Span(c.SlowCall) {
		f.errorf(path+".slow_call", "slow-call-never-acts", "make it shorter than the attempt timeout",
			"slow_call is %s, but no attempt takes longer than %s: no call is ever slow", Span(c.SlowCall), longest)
	}
	recovery := Span(max(0, c.RecoveryTimeout))
	switch {
	case recovery == 0:
		f.warnf(path+".recovery_timeout", "no-recovery-time", "leave it at its default of 30s",
			"the circuit admits probes at once: a dependency that is down gets no rest")
	case longest != Unbounded && recovery < longest:
		f.warnf(path+".recovery_timeout", "recovery-shorter-than-attempt", "make it longer than an attempt",
			"recovery_timeout is %s, but an attempt takes up to %s: probes are sent while the ones before them still hang", recovery, longest)
	}
	if c.Shadow {
		f.notef(path+".shadow", "shadow", "leave shadow out when its openings look right",
			"the circuit is a shadow: it counts and tells, and refuses no call")
	}
	checkSeen(f, path, c, users, longest)
}

// checkSeen finds circuits that never see enough calls to open.
func checkSeen(f *findings, path string, c breaker.Config, users []*view, longest Span) {
	if c.Window == 0 {
		return
	}
	field, needs := ".failure_threshold", opensAfter(c)
	if c.FailureThreshold == 0 || needs < Count(c.FailureThreshold) {
		field = ".min_calls"
	}
	window := Span(c.Window)
	if most := admitted(users, window.plus(longest)); most < needs {
		f.errorf(path+field, "circuit-never-opens", "make it less, or window longer",
			"the circuit opens after %s within %s, but the rate limits before it let at most %s through: it never opens",
			calls(int(needs)), window, calls(int(most)))
		return
	}
	if most := hanging(users, window); most < needs {
		f.warnf(path+field, "circuit-blind-to-hangs", "make it less, window longer, or attempt_timeout shorter",
			"the circuit opens after %s within %s, but while calls hang the bulkheads let at most %s end: it does not open then",
			calls(int(needs)), window, calls(int(most)))
	}
}

// ownFor reports whether each member of a family of v has a limit of its own for a
// circuit that the members share.
func (v *view) ownFor(path string) bool {
	return strings.HasPrefix(path, "families.") && !strings.HasPrefix(v.circuit.path, "families.")
}

// admitted returns how many calls the rate limits of the users admit within window.
func admitted(users []*view, window Span) Count {
	var all Count
	seen := map[string]bool{}
	for _, v := range users {
		if v.rate == nil || v.ownFor(v.rate.path) || window == Unbounded {
			return Unlimited
		}
		if seen[v.rate.path] {
			continue
		}
		seen[v.rate.path] = true
		c := v.rate.cfg
		all = all.plus(Count(c.Burst)).plus(countOf(float64(c.Limit) * float64(window) / float64(c.Per)))
	}
	return all
}

// hanging returns how many calls end within window if each lasts as long as it may, and
// the bulkheads of the users, which have no queues, are full.
func hanging(users []*view, window Span) Count {
	var all Count
	seen := map[string]bool{}
	for _, v := range users {
		length := Span(v.spec.AttemptTimeout)
		if v.gate == nil || v.gate.cfg.MaxQueue > 0 || length == 0 || v.ownFor(v.gate.path) {
			return Unlimited
		}
		if !seen[v.gate.path] {
			all = all.plus(Count(v.gate.cfg.Limit).times(Count(window / length).plus(1)))
		}
		seen[v.gate.path] = true
	}
	return all
}

// checkAlone finds circuits that one call of v can open.
func (v *view) checkAlone(f *findings) {
	through := Count(1)
	limit := Unbounded
	for _, p := range v.chain() {
		limit = min(limit, orUnbounded(p.spec.TotalTimeout))
		if p.spec.Retry != nil {
			through = through.times(delaysOf(*p.spec.Retry).within(limit))
		}
		through = through.times(p.extra(p.attempt(limit).time, limit) + 1)
		limit = min(limit, orUnbounded(p.spec.AttemptTimeout))
		if p.circuit == nil || p.circuit.cfg.Shadow {
			continue
		}
		if needs := opensAfter(p.circuit.cfg); through > 1 && needs > 1 && through >= needs {
			f.warnf(p.circuit.path, "one-call-opens", "let it open after more failures, or make fewer attempts",
				"one call of %s makes %s, and circuit %s opens after %d: a single call opens it for all",
				v.name, attempts(through), p.circuit.name, needs)
		}
	}
}
