package cli

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/ductile-go/ductile/ductileconfig/scenario"
	"github.com/ductile-go/ductile/sim"
)

// snapshot is what is read of a console's snapshot.
type snapshot struct {
	Version   int       `json:"version"`
	Boot      string    `json:"boot"`
	At        time.Time `json:"at"`
	Pipelines []struct {
		Name  string  `json:"name"`
		Calls int64   `json:"calls"`
		P50   float64 `json:"p50"` // in seconds
		P99   float64 `json:"p99"`
	} `json:"pipelines"`
	Circuits []struct {
		Name   string `json:"name"`
		State  string `json:"state"`
		Window string `json:"window"`
		Counts struct {
			Successes int64 `json:"successes"`
			Failures  int64 `json:"failures"`
			Ignored   int64 `json:"ignored"`
		} `json:"counts"`
	} `json:"circuits"`
}

// measuredRates are the rates of clients and the service times of services, by name.
type measuredRates struct {
	rates map[string]float64
	times map[string]sim.Dist
}

// apply returns s with what was measured, except for what stands at a path that is swept.
func (m measuredRates) apply(s sim.Scenario, swept string) sim.Scenario {
	s.Clients, s.Services = slices.Clone(s.Clients), slices.Clone(s.Services)
	for i := range s.Clients {
		c := &s.Clients[i]
		if rate, ok := m.rates[c.Name]; ok && !strings.HasPrefix(swept, "clients."+c.Name+".rate") {
			c.Rate = rate
		}
	}
	for i := range s.Services {
		v := &s.Services[i]
		if t, ok := m.times[v.Name]; ok && !strings.HasPrefix(swept, "services."+v.Name+".service_time") {
			v.ServiceTime = t
		}
	}
	return s
}

// measured reads the snapshots of --from, and says what it takes from them.
func (r *rehearsal) measured(f *scenario.File) (measuredRates, error) {
	m := measuredRates{map[string]float64{}, map[string]sim.Dist{}}
	if len(r.from) == 0 {
		return m, nil
	}
	var first, last snapshot
	for i, file := range r.from {
		if err := readSnapshot(file, &last); err != nil {
			return m, err
		}
		if i == 0 {
			first = last
		}
	}
	var told []string
	for _, c := range f.Scenario().Clients {
		rate, of := rateOf(first, last, f, c.Name)
		if rate <= 0 || c.Closed > 0 {
			continue
		}
		replicas := max(c.Replicas, 1)
		m.rates[c.Name] = rate * float64(replicas)
		what := "what " + of + " has"
		if replicas > 1 {
			what = fmt.Sprintf("for each of %d replicas ", replicas) + what
		}
		told = append(told, fmt.Sprintf("clients.%s.rate is %s/s, %s", c.Name, fourDigits(m.rates[c.Name]), what))
	}
	for _, v := range f.Scenario().Services {
		if t, of, ok := timeOf(last, f, v.Name); ok && v.Handler == nil {
			m.times[v.Name] = t
			told = append(told, fmt.Sprintf("services.%s.service_time is %v, that of %s", v.Name, t, of))
		}
	}
	if len(told) == 0 {
		return m, fmt.Errorf("--from %s has no pipeline or circuit that a client or service of the scenario is named after or uses; it has %s", r.from[len(r.from)-1], last.names())
	}
	if !r.quiet {
		for _, t := range told {
			fmt.Fprintf(r.env.Stderr, "from %s: %s\n", r.from[len(r.from)-1], t)
		}
	}
	return m, nil
}

func readSnapshot(file string, into *snapshot) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("--from %s cannot be read: %w", file, unwrapped(err))
	}
	*into = snapshot{}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("--from %s is no snapshot of a console: %w; save one with curl -o %s http://…/snapshot", file, err, file)
	}
	if into.Version != 1 {
		return fmt.Errorf("--from %s has version %d, want the snapshot of a console, of version 1", file, into.Version)
	}
	return nil
}

// names lists what a snapshot has.
func (s *snapshot) names() string {
	var all []string
	for _, p := range s.Pipelines {
		all = append(all, "pipeline "+p.Name)
	}
	for _, c := range s.Circuits {
		all = append(all, "circuit "+c.Name)
	}
	if len(all) == 0 {
		return "none"
	}
	return strings.Join(all, ", ")
}

// rateOf returns the calls a second of a client in one process: of two snapshots of
// one process by the calls of its pipeline in between, else by what its circuit counts in its
// window.
func rateOf(first, last snapshot, f *scenario.File, client string) (rate float64, of string) {
	names := []string{client, f.Door(client)}
	if span := last.At.Sub(first.At); span > 0 && first.Boot == last.Boot {
		for _, p := range last.Pipelines {
			if !slices.Contains(names, p.Name) {
				continue
			}
			before := int64(0)
			for _, q := range first.Pipelines {
				if q.Name == p.Name {
					before = q.Calls
				}
			}
			return float64(p.Calls-before) / span.Seconds(), "pipeline " + p.Name
		}
	}
	for _, c := range last.Circuits {
		window, err := time.ParseDuration(c.Window)
		if err != nil || window <= 0 || c.State != "closed" || !slices.Contains(append(names, f.Circuits(client)...), c.Name) {
			continue
		}
		return float64(c.Counts.Successes+c.Counts.Failures+c.Counts.Ignored) / window.Seconds(), "circuit " + c.Name
	}
	return 0, ""
}

// fourDigits writes a rate with four digits, or as a whole number.
func fourDigits(v float64) string {
	if v >= 1000 {
		v = math.Round(v)
	}
	return decimal(v, 4)
}

// inSeconds returns a duration: 1.001 x 1e9 is less than 1001 ms.
func inSeconds(v float64) time.Duration { return time.Duration(math.Round(v * 1e9)) }

// timeOf returns the service time of a service: the time of the calls of the pipeline that is
// named so, or of that through which a client calls it.
func timeOf(s snapshot, f *scenario.File, service string) (t sim.Dist, of string, ok bool) {
	names := []string{service}
	for _, c := range f.Scenario().Clients {
		if c.Calls == service {
			names = append(names, f.Door(c.Name), c.Name)
		}
	}
	for _, name := range names {
		for _, p := range s.Pipelines {
			if p.Name != name || name == "" || !(p.P50 > 0) || p.P99 > 3600 {
				continue
			}
			median, p99 := inSeconds(p.P50), inSeconds(p.P99)
			if p99 <= median {
				return sim.Constant(median), "pipeline " + name, true
			}
			return sim.Lognormal(median, p99), "pipeline " + name, true
		}
	}
	return sim.Dist{}, "", false
}
