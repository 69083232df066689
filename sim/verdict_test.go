package sim

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// flat is a result with the same seconds before, during and after a fault.
func flat(s *Scenario, before, during, after Point, recovery time.Duration) *Result {
	x := &Result{Variant: "plain", Recovery: recovery}
	from, to, faulty := s.faultSpan()
	for at := time.Duration(0); at < s.Duration; at += time.Second {
		p := after
		switch {
		case !faulty || at < from:
			p = before
		case at < to:
			p = during
		}
		p.At = at
		x.Points = append(x.Points, p)
	}
	total := func(from, to time.Duration, p Point) Totals {
		t := x.stretch(from, to)
		return Totals{Calls: t.calls, Succeeded: t.succeeded, Requests: t.requests, Served: t.served, Wasted: t.wasted, P50: p.P50, P99: p.P99}
	}
	if faulty {
		x.Before, x.During, x.After = total(s.Warmup, from, before), total(from, to, during), total(to, s.Duration, after)
	}
	return x
}

func second(calls, succeeded, requests int64, p99 time.Duration) Point {
	return Point{Calls: calls, Succeeded: succeeded, Requests: requests, Served: succeeded, P50: p99 / 2, P99: p99}
}

func TestAVerdictIsOneSentence(t *testing.T) {
	well, down := second(700, 700, 700, 90*time.Millisecond), second(700, 5, 2107, 650*time.Millisecond)
	slow := &Scenario{Duration: 70 * time.Second, Faults: []Fault{{At: 20 * time.Second, For: 5 * time.Second, Slow: 10}}}
	last := &Scenario{Duration: 70 * time.Second, Faults: []Fault{{At: 20 * time.Second, For: 5 * time.Second}, {At: 30 * time.Second, For: time.Hour}}}
	for _, x := range []struct {
		says        string
		s           *Scenario
		r           *Result
		interrupted time.Duration
	}{
		{"recovers 4.2 s after the fault; at worst 1.21x the load", slow, flat(slow, well, second(700, 5, 847, 0), well, 4200*time.Millisecond), 0},
		{"never recovers: 45 s after the fault 0.7 % succeed at 3.01x the load (metastable)", slow, flat(slow, well, down, down, -1), 0},
		{"unharmed", slow, flat(slow, well, well, well, 0), 0},
		{"as many calls succeed as before; p99 rises from 90 ms to 200 ms, at worst 1.30x the load", slow, flat(slow, well, second(700, 700, 910, 200*time.Millisecond), well, 0), 0},
		{"unharmed; at worst 1.30x the load", slow, flat(slow, well, second(700, 700, 910, 90*time.Millisecond), well, 0), 0},
		{"recovers at once; 0.7 % succeed during the fault, at worst 3.01x the load", slow, flat(slow, well, down, well, 0), 0},
		{"no fault: 100 % succeed at 1.00x the load", &Scenario{Duration: 10 * time.Second}, flat(&Scenario{Duration: 10 * time.Second}, well, well, well, 0), 0},
		{"the fault lasts to the end: 26.5 % succeed during it at 2.49x the load", last, flat(last, well, down, down, -1), 0},
		{"no fault yet: 100 % succeed (interrupted at 10 s of 70 s)", slow, flat(slow, well, down, down, 0), 10 * time.Second},
		{"the fault lasts to the end: 0.7 % succeed during it at 3.01x the load (interrupted at 24 s of 70 s)", slow, flat(slow, well, down, down, -1), 24 * time.Second},
		{"has not recovered by the end, 5 s after the fault: 0.7 % succeed at 3.01x the load (interrupted at 30 s of 70 s)", slow, flat(slow, well, down, down, -1), 30 * time.Second},
	} {
		if x.s == last { // the second fault ends the good times
			x.r = flat(last, well, down, down, -1)
			for i := 25; i < 38; i++ {
				x.r.Points[i] = Point{At: x.r.Points[i].At, Calls: 700, Succeeded: 700, Requests: 700}
			}
		}
		assert.Equal(t, x.says, verdictOf(x.s, x.r, x.interrupted))
	}
}

func TestAResultThatGetsBetterIsNotMetastable(t *testing.T) {
	s := &Scenario{Duration: 60 * time.Second, Faults: []Fault{{At: 10 * time.Second, For: 10 * time.Second}}}
	x := flat(s, second(10, 10, 10, 0), second(10, 0, 30, 0), second(10, 0, 30, 0), -1)
	for i := 40; i < 60; i++ {
		x.Points[i].Succeeded = 6
	}
	assert.Equal(t, "has not recovered by the end, 40 s after the fault: 60 % succeed at 3.00x the load", verdictOf(s, x, 0))
}

func TestAChainOfServicesIsNoLoadOfItsOwn(t *testing.T) {
	s := &Scenario{Duration: 60 * time.Second, Faults: []Fault{{At: 10 * time.Second, For: 10 * time.Second}}}
	x := flat(s, second(10, 10, 20, 0), second(10, 0, 60, 0), second(10, 10, 20, 0), time.Second)
	assert.Equal(t, "recovers 1 s after the fault; at worst 3.00x the load", verdictOf(s, x, 0))
}

func TestTheVerdictOfAllVariantsNamesTheBestAndTheLost(t *testing.T) {
	s := Scenario{Duration: 60 * time.Second, Faults: []Fault{{At: 10 * time.Second, For: 10 * time.Second}}}
	at := func(name string, recovery time.Duration) *Result {
		x := flat(&s, second(10, 10, 10, 0), second(10, 0, 30, 0), second(10, 10, 10, 0), recovery)
		x.Variant = name
		return x
	}
	say := func(results ...*Result) string { return (&Report{Scenario: s, Results: results}).Verdict() }
	assert.Equal(t, "nothing was run", say())
	assert.Equal(t, "recovers 2 s after the fault; at worst 3.00x the load", say(at("a", 2*time.Second)))
	assert.Equal(t, "all 3 variants recover: b at once, a 2 s after the fault", say(at("a", 2*time.Second), at("b", 0), at("c", time.Second)))
	assert.Equal(t, "not all variants recover: c does not, the others do: a 2 s after the fault, b 3 s after the fault", say(at("a", 2*time.Second), at("b", 3*time.Second), at("c", -1)))
	assert.Equal(t, "not all variants recover: b and c do not, a does, 2 s after the fault", say(at("a", 2*time.Second), at("b", -1), at("c", -1)))
	assert.Equal(t, "not all variants recover: 4 of 5 variants do not, a does, at once", say(at("a", 0), at("b", -1), at("c", -1), at("d", -1), at("e", -1)))
	assert.Equal(t, "both variants recover at once", say(at("a", 0), at("b", 0)))
	assert.Equal(t, "not all variants recover: c does not, the others do, at once", say(at("a", 0), at("b", 0), at("c", -1)))
	assert.Equal(t, "none of 2 variants recovers before the end, 40 s after the fault", say(at("b", -1), at("c", -1)))

	r := &Report{Scenario: s, Results: []*Result{at("a", -1)}, Checks: []Check{{}, {OK: true}}}
	r.Results[0].Verdict = "is told by the engine"
	assert.Equal(t, "is told by the engine; 1 of 2 expectations fails", r.Verdict())
	r.Checks = append(r.Checks, Check{})
	assert.Equal(t, "is told by the engine; 2 of 3 expectations fail", r.Verdict())
}

func TestAVerdictNamesTheVariantWithoutAName(t *testing.T) {
	s := Scenario{Duration: 60 * time.Second, Faults: []Fault{{At: 10 * time.Second, For: 10 * time.Second}}}
	none, shed := &Result{Recovery: -1}, &Result{Variant: "shed", Recovery: time.Second}
	r := &Report{Scenario: s, Results: []*Result{none, shed}}
	assert.Equal(t, "not all variants recover: without policies does not, shed does, 1 s after the fault", r.Verdict())
	none.Recovery, shed.Recovery = 2*time.Second, -1
	assert.Equal(t, "not all variants recover: shed does not, without policies does, 2 s after the fault", r.Verdict())
	shed.Recovery = time.Second
	assert.Equal(t, "both variants recover: shed 1 s after the fault, without policies 2 s after the fault", r.Verdict())
	r.Scenario.Faults = nil
	none.Points, shed.Points = []Point{{Calls: 1}}, []Point{{Calls: 1, Succeeded: 1}}
	assert.Equal(t, "no fault: from 0 % (without policies) to 100 % (shed) succeed", r.Verdict())
	shed.Variant = strings.Repeat("x", 10_000)
	assert.Less(t, len(r.Verdict()), 200)
}

func TestVariantsAreComparedBySuccessWhereNoneCouldRecover(t *testing.T) {
	s := Scenario{Duration: 60 * time.Second, Faults: []Fault{{At: 10 * time.Second, For: time.Hour}}}
	x := flat(&s, second(10, 10, 10, 0), second(10, 0, 30, 0), Point{}, -1)
	y := flat(&s, second(10, 10, 10, 0), second(10, 5, 10, 0), Point{}, -1)
	y.Variant = "shed"
	r := &Report{Scenario: s, Results: []*Result{x, y}}
	assert.Equal(t, "the fault lasts to the end: from 0 % (plain) to 50 % (shed) succeed", r.Verdict())
	r.Results = []*Result{y, x, x}
	assert.Equal(t, "the fault lasts to the end: from 0 % (plain) to 50 % (shed) succeed", r.Verdict())
	r.Interrupted = 5 * time.Second
	assert.Equal(t, "interrupted before the fault: 100 % succeed in each of 3 variants", r.Verdict())
	r.Scenario.Faults = nil
	r.Results = []*Result{x, x}
	assert.Equal(t, "no fault: 100 % succeed in each of 2 variants", r.Verdict())
}

func TestEachFailedExpectationIsAnError(t *testing.T) {
	r := &Report{Checks: []Check{
		{Variant: "plain", Expected: "amplification <= 1.2, during", Got: "3.01"},
		{Variant: "plain", Expected: "success >= 99%, before", Got: "100 %", OK: true},
		{Expected: "recovers within 5s", Got: "never"},
	}}
	assert.EqualError(t, r.Check(), "sim: plain: want amplification <= 1.2, during; got 3.01\nsim: want recovers within 5s; got never")
	assert.NoError(t, (&Report{}).Check())
}
