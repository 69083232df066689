package sim_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/sim"
)

func TestValidateNamesEachFault(t *testing.T) {
	do := func(context.Context) error { return nil }
	for _, c := range []struct {
		change func(s *sim.Scenario)
		want   string
	}{
		{func(s *sim.Scenario) { s.Duration = 0 }, "sim: Scenario.Duration is 0s, want more than 0, and at most 24h0m0s"},
		{func(s *sim.Scenario) { s.Duration = 25 * time.Hour }, "sim: Scenario.Duration is 25h0m0s, want more than 0, and at most 24h0m0s"},
		{func(s *sim.Scenario) { s.Warmup = time.Hour }, "sim: Scenario.Warmup is 1h0m0s, want 0 to Duration"},
		{func(s *sim.Scenario) { s.Clients = nil }, "sim: Scenario.Clients is empty, want at least one client"},
		{func(s *sim.Scenario) { s.Clients[0].Calls = "apu" }, `sim: Scenario.Clients[0].Calls is "apu", want the name of a service; did you mean api?`},
		{func(s *sim.Scenario) { s.Clients[0].Calls = "" }, `sim: Scenario.Clients[0].Calls is "", want the name of a service, or Do: api`},
		{func(s *sim.Scenario) { s.Clients[0].Do = do }, `sim: Scenario.Clients[0].Calls is "api", want "", since Do is set: Do calls services through Call`},
		{func(s *sim.Scenario) { s.Clients[0].Rate = math.NaN() }, "sim: Scenario.Clients[0].Rate is NaN, want 0 to 1e9 calls per second"},
		{func(s *sim.Scenario) { s.Clients[0].Rate = 0 }, "sim: Scenario.Clients[0].Rate is 0, want more than 0, unless Closed or Burst is: the client makes no calls"},
		{func(s *sim.Scenario) { s.Clients[0].Replicas = -1 }, "sim: Scenario.Clients[0].Replicas is -1, want 0 to 1000000"},
		{func(s *sim.Scenario) { s.Clients[0].Think = sim.Constant(-1) }, "sim: Scenario.Clients[0].Think is constant(-1ns), want a distribution that makes sense: its time is -1ns, want 0 or more"},
		{func(s *sim.Scenario) { s.Clients[0].Classes = []sim.Class{{Share: 0.7}, {Share: 0.7}} }, "sim: Scenario.Clients[0].Classes[1].Share is 0.7, want more than 0, and at most what the classes before leave of 1"},
		{func(s *sim.Scenario) { s.Clients = append(s.Clients, s.Clients[0]); s.Clients[1].Name = "client" }, `sim: Scenario.Clients[1].Name is "client", want a name of its own, this one is taken`},
		{func(s *sim.Scenario) { s.Clients[0].Name = "api" }, `sim: Scenario.Services[0].Name is "api", want another name than a client has: Variant.Pipeline is asked by name`},
		{func(s *sim.Scenario) { s.Services = append(s.Services, sim.Service{}) }, `sim: Scenario.Services[1].Name is "", want a name, for Client.Calls and Fault.Service`},
		{func(s *sim.Scenario) { s.Services[0].Balance = "randm" }, `sim: Scenario.Services[0].Balance is "randm", want round_robin, random, least_requests or ""; did you mean random?`},
		{func(s *sim.Scenario) { s.Services[0].HitRatio = 2 }, "sim: Scenario.Services[0].HitRatio is 2, want 0 to 1"},
		{func(s *sim.Scenario) { s.Services[0].Calls = []string{"api"} }, "sim: Scenario.Services[0].Calls is api > api, want no service that calls itself"},
		{func(s *sim.Scenario) { s.Services[0].Handler = do }, "sim: Scenario.Services[0].ServiceTime is set, want not set: Handler is the service's code"},
		{func(s *sim.Scenario) { s.Faults = []sim.Fault{{For: 1, Service: "api"}} }, "sim: Scenario.Faults[0] is without a kind, want one or more of Down, Slow, Errors, Hang, Capacity, Partition and Cold; a Capacity of 0 means not set: for no capacity use Down"},
		{func(s *sim.Scenario) { s.Faults = []sim.Fault{{Down: true, Service: "api"}} }, "sim: Scenario.Faults[0].For is 0s, want more than 0"},
		{func(s *sim.Scenario) { s.Faults = []sim.Fault{{At: -1, For: 1, Down: true, Service: "api"}} }, "sim: Scenario.Faults[0].At is -1ns, want 0 to Duration"},
		{func(s *sim.Scenario) { s.Faults = []sim.Fault{{For: 1, Capacity: -0.1, Service: "api"}} }, "sim: Scenario.Faults[0].Capacity is -0.1, want more than 0 and at most 1; for no capacity use Down"},
		{func(s *sim.Scenario) { s.Faults = []sim.Fault{{For: 1, Slow: math.Inf(1), Service: "api"}} }, "sim: Scenario.Faults[0].Slow is +Inf, want more than 0, such as 10 for ten times the service time"},
		{func(s *sim.Scenario) { s.Faults = []sim.Fault{{For: 1, Errors: 1.5, Service: "api"}} }, "sim: Scenario.Faults[0].Errors is 1.5, want 0 to 1"},
		{func(s *sim.Scenario) { s.Faults = []sim.Fault{{For: 1, Down: true, Service: "ap"}} }, `sim: Scenario.Faults[0].Service is "ap", want the name of a service; did you mean api?`},
		{func(s *sim.Scenario) { s.Faults = []sim.Fault{{For: 1, Down: true, Service: "api", Replica: 2}} }, "sim: Scenario.Faults[0].Replica is 2, want 0 to 1"},
		{func(s *sim.Scenario) { s.Faults = []sim.Fault{{Cold: true, Service: "api"}} }, "sim: Scenario.Faults[0].Cold is true, want false, since api has no HitRatio"},
		{func(s *sim.Scenario) {
			s.Services[0].Workers = 0
			s.Faults = []sim.Fault{{For: 1, Capacity: 0.5, Service: "api"}}
		}, "sim: Scenario.Faults[0].Capacity is 0.5, want 0, since api has no limit of Workers"},
		{func(s *sim.Scenario) {
			s.Services[0].ServiceTime = sim.Dist{}
			s.Faults = []sim.Fault{{For: 1, Slow: 2, Service: "api"}}
		}, "sim: Scenario.Faults[0].Slow is 2, want 0, since api has no ServiceTime"},
		{func(s *sim.Scenario) { s.Variants = []sim.Variant{{Name: "a"}, {Name: "a"}} }, `sim: Scenario.Variants[1].Name is "a", want a name of its own, this one is taken`},
		{func(s *sim.Scenario) { s.Expect = []sim.Expect{{}} }, `sim: Scenario.Expect[0] is empty, want a condition, such as Success: ">= 99%"`},
		{func(s *sim.Scenario) { s.Expect = []sim.Expect{{Variant: "plan", Success: ">= 1"}} }, `sim: Scenario.Expect[0].Variant is "plan", want the name of a variant; did you mean plain?`},
		{func(s *sim.Scenario) { s.Expect = []sim.Expect{{When: "befor", Success: ">= 1"}} }, `sim: Scenario.Expect[0].When is "befor", want "before", "during", "after" or ""; did you mean before?`},
		{func(s *sim.Scenario) { s.Expect = []sim.Expect{{When: "after", Success: ">= 1"}} }, `sim: Scenario.Expect[0].When is "after", want "" or "before", since there are no Faults`},
		{func(s *sim.Scenario) { s.Expect = []sim.Expect{{RecoversWithin: 1}} }, "sim: Scenario.Expect[0].RecoversWithin is 1ns, want 0, since there are no Faults"},
		{func(s *sim.Scenario) { s.Expect = []sim.Expect{{Success: "99%"}} }, `sim: Scenario.Expect[0].Success is "99%", want an operator and a share, as ">= 99%" or ">= 0.99"`},
		{func(s *sim.Scenario) { s.Expect = []sim.Expect{{Success: ">= 99"}} }, `sim: Scenario.Expect[0].Success is ">= 99", want an operator and a share, as ">= 99%" or ">= 0.99"`},
		{func(s *sim.Scenario) { s.Expect = []sim.Expect{{Amplification: "<= -1"}} }, `sim: Scenario.Expect[0].Amplification is "<= -1", want an operator and a factor, as "<= 1.2"`},
		{func(s *sim.Scenario) { s.Expect = []sim.Expect{{P99: "<= 400"}} }, `sim: Scenario.Expect[0].P99 is "<= 400", want an operator and a duration, as "<= 400ms"`},
	} {
		s := fit()
		s.Clients[0].Name, s.Clients[0].Replicas, s.Services[0].Replicas = "", 0, 0
		require.NoError(t, s.Validate())
		c.change(&s)
		assert.EqualError(t, s.Validate(), c.want)
		_, err := sim.Run(t.Context(), s)
		assert.EqualError(t, err, c.want)
	}
}

func TestValidateReportsAllFaultsAtOnce(t *testing.T) {
	err := sim.Scenario{
		Clients:  []sim.Client{{Calls: "a"}, {Calls: "b", Rate: 1}},
		Services: []sim.Service{{Name: "c", Calls: []string{"d"}}, {Name: "e", Calls: []string{"f"}}, {Name: "f", Calls: []string{"e"}}},
	}.Validate()
	var all interface{ Unwrap() []error }
	require.ErrorAs(t, err, &all)
	assert.Len(t, all.Unwrap(), 6)
	assert.ErrorContains(t, err, `sim: Scenario.Clients[1].Calls is "b", want the name of a service`)
	assert.ErrorContains(t, err, "e > f > e")
	assert.ErrorContains(t, sim.Scenario{Duration: 1, Clients: []sim.Client{{Burst: 1, Calls: "x"}}}.Validate(), "want the name of a service, of which there are none")
}

func TestFaultsAreReportedInTheOrderOfTheFields(t *testing.T) {
	s := fit()
	s.Services[0].Handler, s.Services[0].Calls, s.Services[0].HitRatio = func(context.Context) error { return nil }, []string{"db"}, 0.5
	s.Services = append(s.Services, sim.Service{Name: "db"})
	for range 20 {
		assert.EqualError(t, s.Validate(), "sim: Scenario.Services[0].ServiceTime is set, want not set: Handler is the service's code\n"+
			"sim: Scenario.Services[0].Calls is set, want not set: Handler is the service's code\n"+
			"sim: Scenario.Services[0].HitRatio is set, want not set: Handler is the service's code")
	}
}

func TestExpectations(t *testing.T) {
	s := steady(sim.Fault{At: 10 * seconds, For: 5 * seconds, Service: "api", Down: true})
	s.Variants = []sim.Variant{{Name: "none"}, retry3}
	s.Expect = []sim.Expect{
		{RecoversWithin: seconds},
		{Variant: "none", When: "before", Success: ">= 100%", Amplification: "<= 1x", P50: "> 5ms", P99: "< 15ms"},
		{Variant: "retry", When: "during", Success: "<= 0.05", Amplification: "<= 2"},
		{When: "after", Success: ">= 0.99"},
		{Variant: "none", Success: ">=90 %"},
	}
	r, err := sim.Run(t.Context(), s)
	require.NoError(t, err)
	got := map[string]string{}
	for _, c := range r.Checks {
		got[c.Variant+": "+c.Expected] = map[bool]string{true: "met, ", false: "failed, "}[c.OK] + c.Got
	}
	assert.Equal(t, map[string]string{
		"none: recovery within 1 s":         "met, recovery after 0 s",
		"retry: recovery within 1 s":        "met, recovery after 0 s",
		"none: success >= 100%, before":     "met, 100 %",
		"none: amplification <= 1x, before": "met, 1.00x",
		"none: p50 > 5ms, before":           "met, 10 ms",
		"none: p99 < 15ms, before":          "met, 10 ms",
		"retry: success <= 0.05, during":    "met, 3.2 %",
		"retry: amplification <= 2, during": "failed, 2.96x",
		"none: success >= 0.99, after":      "met, 100 %",
		"retry: success >= 0.99, after":     "met, 100 %",
		"none: success >= 90 %":             "failed, 83.1 %",
	}, got)
	assert.ErrorContains(t, r.Check(), "sim: retry: want amplification <= 2, during; got 2.96x")
}

func TestAnExpectedShareInPercentIsTheNumberThatItReads(t *testing.T) {
	for _, succeed := range []int{7, 9, 22, 999} {
		n := 0
		s := sim.Scenario{Duration: seconds, Clients: []sim.Client{{Burst: 1000, Do: func(context.Context) error {
			if n++; n > succeed {
				return errors.New("down")
			}
			return nil
		}}}}
		share := fmt.Sprintf("%d.%d%%", succeed/10, succeed%10)
		s.Expect = []sim.Expect{{Success: ">= " + share}, {Success: "<=" + share}, {Success: ">= 1e-1 %"}}
		r, err := sim.Run(t.Context(), s)
		require.NoError(t, err)
		assert.NoError(t, r.Check())
	}
}

func TestNoCallTakesLongerThanItsTimeout(t *testing.T) {
	s := steady(sim.Fault{At: 10 * seconds, For: 5 * seconds, Service: "api", Hang: true})
	s.Expect = []sim.Expect{{P50: "<= 10ms", When: "before"}, {P99: "<= 10ms", When: "before"}, {P99: "<= 200ms"}, {P50: "<= 200ms", When: "during"}}
	r, err := sim.Run(t.Context(), s)
	require.NoError(t, err)
	assert.NoError(t, r.Check())
}

func TestWhatWasGotIsOnItsSideOfTheBound(t *testing.T) {
	n := 0
	s := sim.Scenario{Duration: seconds, Clients: []sim.Client{{Burst: 10_000, Do: func(ctx context.Context) error {
		if n++; n > 9897 {
			return errors.New("down")
		}
		return policy.Sleep(ctx, sim.Clock(ctx), 400_400*time.Microsecond)
	}}}}
	s.Expect = []sim.Expect{{Success: ">= 99%"}, {Success: "> 98.96%"}, {Success: "< 99%"}, {Success: ">= 50%"}, {P99: "<= 400ms"}, {P99: "<= 1s"}}
	r, err := sim.Run(t.Context(), s)
	require.NoError(t, err)
	var got []string
	for _, c := range r.Checks {
		got = append(got, fmt.Sprint(c.Got, " ", c.OK))
	}
	assert.Equal(t, []string{"98.97 % false", "99 % true", "98.97 % true", "99 % true", "400.4ms false", "400 ms true"}, got)
}

func TestAFailureOfManyCallsIsNoSuccessOfAll(t *testing.T) {
	n := 0
	s := sim.Scenario{Duration: seconds, Clients: []sim.Client{{Burst: 30_000, Do: func(context.Context) error {
		if n++; n == 1 {
			return errors.New("down")
		}
		return nil
	}}}}
	r, err := sim.Run(t.Context(), s)
	require.NoError(t, err)
	var text, lines strings.Builder
	require.NoError(t, r.WriteJSON(&text))
	assert.Contains(t, text.String(), `"success": 0.9999,`)
	require.NoError(t, r.WriteCSV(&lines))
	assert.Contains(t, lines.String(), ",29999,30000,29999,0,0.9999,")
}

func TestAnExpectationOfNoCallsFails(t *testing.T) {
	s := steady(sim.Fault{At: 10 * seconds, For: 5 * seconds, Service: "api", Down: true})
	s.Clients = []sim.Client{{Burst: 1, Calls: "api"}}
	s.Expect = []sim.Expect{{When: "after", Success: ">= 0%"}}
	r, err := sim.Run(t.Context(), s)
	require.NoError(t, err)
	assert.Equal(t, []sim.Check{{Variant: "timeout", Expected: "success >= 0%, after", Got: "no calls"}}, r.Checks)
}
