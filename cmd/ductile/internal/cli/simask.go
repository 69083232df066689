package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/ductile-go/ductile/ductileconfig"
	"github.com/ductile-go/ductile/sim"
	"github.com/ductile-go/ductile/sim/questions"
)

// sweep runs the scenario of each value of a field.
func (a *answer) sweep(ctx context.Context, s *rehearsed) int {
	path, values, problem := sweepOf(a.rehearsal.sweep[0])
	if problem != "" {
		return usageError(a.env, a.of.name, problem, "", nil)
	}
	made := map[string]sim.Scenario{}
	for _, v := range values {
		x, err := s.With(path, v)
		if err != nil {
			return usageError(a.env, a.of.name, "--sweep "+firstOf(err, path+"="+v), "", nil)
		}
		made[v] = s.changed(x, path)
	}
	swept, err := questions.Sweep(ctx, a.asked(path), values, func(v string) (sim.Scenario, error) { return made[v], nil })
	if swept == nil || len(swept.Points) == 0 {
		return a.ended(err)
	}
	return a.give(swept, err)
}

// firstOf returns the first fault of an error, without an excerpt, behind the change that
// leads to it.
func firstOf(err error, change string) string {
	f, ok := errors.AsType[*ductileconfig.Error](err)
	switch {
	case !ok:
		return err.Error()
	case f.File == change || f.File == "":
		return change + ": " + f.Message()
	}
	return change + ": " + f.File + ": " + f.Message()
}

// survive searches for the highest utilization at which the outage is survived.
func (a *answer) survive(ctx context.Context, s *rehearsed) int {
	x := s.scenario()
	if len(x.Faults) == 0 {
		return a.fail("--survive: the scenario has no faults, so there is no outage to survive")
	}
	at, service, err := utilized(x, a.rehearsal.survive.value)
	if err != nil {
		return usageError(a.env, a.of.name, "--survive: "+strings.TrimPrefix(err.Error(), "questions: "), service, servicesOf(x))
	}
	limit, err := questions.Survives(ctx, a.asked("utilization of "+service), 0, 0, at)
	if limit == nil || len(limit.Probes) == 0 {
		return a.ended(err)
	}
	return a.give(limit, err)
}

func servicesOf(x sim.Scenario) (names []string) {
	for _, v := range x.Services {
		names = append(names, v.Name)
	}
	return names
}

// utilized returns the service whose utilization is varied: the one that is named, else the
// first that a fault befalls, else the first that has any.
func utilized(x sim.Scenario, name string) (at func(float64) (sim.Scenario, error), service string, err error) {
	if name != "" {
		at, err = questions.At(x, name)
		return at, name, err
	}
	var names []string
	for _, f := range x.Faults {
		names = append(names, f.Service)
	}
	for _, name := range append(names, servicesOf(x)...) {
		if at, err := questions.At(x, name); err == nil {
			return at, name, nil
		}
	}
	return nil, "", errors.New("no service has workers, a service_time and a client with a rate, so none has a utilization")
}

// tornado turns each number of the configuration down and up.
func (a *answer) tornado(ctx context.Context, s *rehearsed) int {
	measure := questions.Recovery
	if name := a.rehearsal.tornado.value; name != "" {
		measure, _ = questions.FindMeasure(name) // it was looked up before
	}
	base := s.scenario()
	variant := base.Variants[0].Name
	for _, v := range base.Variants {
		if v.Name == "as_configured" {
			variant = v.Name
		}
	}
	only := func(x sim.Scenario) sim.Scenario {
		for _, v := range x.Variants {
			if v.Name == variant {
				x.Variants = []sim.Variant{v}
			}
		}
		x.Expect = nil // of variants that do not run
		return x
	}
	knobs := a.knobs(s, variant, only)
	if len(knobs) == 0 {
		return a.fail(fmt.Sprintf("--tornado: the configuration sets no number that variant %s uses; give --config FILE, or add pipeline: NAME to a client", variant))
	}
	found, err := questions.Tornado(ctx, a.asked(""), measure, variant, only(base), knobs...)
	if err != nil {
		return a.ended(err)
	}
	return a.give(found, nil)
}

// knobs returns the numbers that a variant uses, with half and twice of each. A value that
// the configuration does not allow is replaced by the one that is set.
func (a *answer) knobs(s *rehearsed, variant string, only func(sim.Scenario) sim.Scenario) []questions.Knob {
	var out []questions.Knob
	for _, k := range s.Knobs(variant) {
		k.Low, k.High = allowed(s, k.Path, k.Low, k.Value), allowed(s, k.Path, k.High, k.Value)
		if k.Low == k.High {
			continue
		}
		out = append(out, questions.NewKnob(k.Path, k.Low, k.High, func(v string) (sim.Scenario, error) {
			x, err := s.With(k.Path, v)
			return only(s.changed(x, k.Path)), err
		}))
	}
	return out
}

func allowed(s *rehearsed, path, value, otherwise string) string {
	if _, err := s.With(path, value); err != nil {
		return otherwise
	}
	return value
}

// compare rehearses the outage with the configuration of --against, and with that of
// --config.
func (a *answer) compare(ctx context.Context, s *rehearsed) int {
	old, code := a.open(a.against)
	if old == nil {
		return code
	}
	was, err := a.rehearse(ctx, old, 0, 2)
	if err != nil {
		return a.ended(err)
	}
	is, err := a.rehearse(ctx, s, 1, 2)
	if err != nil {
		return a.ended(err)
	}
	return max(a.give(sim.Compare(was, is), nil), a.tell(failures(s, is)))
}
