package sim

import (
	"math"
	"time"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/policy"
)

// drill is a report built by hand: 40 s, of which 10 s to 15 s are slow, for two variants.
func drill() *Report {
	s := Scenario{
		Seed: 7, Duration: 40 * time.Second, Warmup: 2 * time.Second,
		Clients:  []Client{{Name: "web", Replicas: 3, Rate: 70, Calls: "api"}},
		Services: []Service{{Name: "api", Workers: 10, Queue: 10000, Calls: []string{"db"}}, {Name: "db", Replicas: 2, Balance: "least_requests", HitRatio: 0.9}},
		Faults:   []Fault{{At: 10 * time.Second, For: 5 * time.Second, Service: "api", Slow: 10}},
	}
	r := &Report{Scenario: s, Results: []*Result{harmed(&s, "plain", -1), harmed(&s, "as_configured", 4*time.Second)}}
	r.Results[1].Pipelines = map[string]string{"web": "retry > breaker(api) > timeout(200ms)", "api": "timeout(1s)"}
	for _, v := range r.Results {
		v.Verdict = verdictOf(&s, v, 0)
	}
	r.Checks = []Check{
		{Variant: "plain", Expected: "recovers within 5s", Got: "never"},
		{Variant: "as_configured", Expected: "recovers within 5s", Got: "4 s", OK: true},
	}
	return r
}

// harmed is a variant that fails from 10 s on until recovery after 15 s.
func harmed(s *Scenario, name string, recovery time.Duration) *Result {
	x := &Result{Variant: name, Recovery: recovery, Services: []ServiceLine{{Name: "api"}, {Name: "db"}}}
	x.Classes = []ClassLine{{Client: "web", Name: "gold", Priority: policy.Priority(1)}}
	bad := func(at time.Duration) bool {
		return at >= 10*time.Second && (recovery < 0 || at < 15*time.Second+recovery)
	}
	for i := range int(s.Duration / time.Second) {
		at := time.Duration(i) * time.Second
		wave := int64(5 * math.Sin(float64(i)))
		p := Point{At: at, Calls: 70 + wave, Succeeded: 70 + wave, Requests: 70 + wave, Served: 70 + wave, P50: 8 * time.Millisecond, P99: 40*time.Millisecond + time.Duration(wave)*time.Millisecond, Queue: i % 3}
		if bad(at) {
			p.Succeeded, p.Requests, p.Served, p.Wasted = wave+5, 3*p.Calls, 90, 85
			p.P50, p.P99, p.Queue = 600*time.Millisecond, 650*time.Millisecond, 100*(i-9)
		}
		x.Points = append(x.Points, p)
		for k := range x.Services {
			x.Services[k].Points = append(x.Services[k].Points, ServicePoint{Requests: p.Requests, Served: p.Served, Wasted: p.Wasted, Queue: p.Queue / (k + 1), Busy: 7, Capacity: 10 * (1 - k)})
		}
		x.Classes[0].Points = append(x.Classes[0].Points, ClassPoint{Calls: p.Calls / 2, Succeeded: p.Succeeded / 2})
	}
	total := func(from, to time.Duration, p Point) Totals {
		t := x.stretch(from, to)
		return Totals{Calls: t.calls, Succeeded: t.succeeded, Requests: t.requests, Served: t.served, Wasted: t.wasted, Mean: p.P50, P50: p.P50, P99: p.P99}
	}
	x.Before = total(s.Warmup, 10*time.Second, x.Points[9])
	x.During = total(10*time.Second, 15*time.Second, x.Points[14])
	x.After = total(15*time.Second, s.Duration, x.Points[39])
	if recovery >= 0 {
		for i := range 3 {
			from := 11*time.Second + time.Duration(i)*400*time.Millisecond
			x.Circuits = append(x.Circuits, CircuitLine{Client: "web", Replica: i + 1, Name: "api", Spans: []Span{
				{from, from + 2*time.Second, breaker.Open}, {from + 2*time.Second, from + 2300*time.Millisecond, breaker.HalfOpen},
				{from + 2300*time.Millisecond, 18 * time.Second, breaker.Open}, {18 * time.Second, 19 * time.Second, breaker.HalfOpen},
			}})
		}
	}
	return x
}
