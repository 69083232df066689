package sim

import (
	"encoding/json"
	"io"
	"math"
	"strings"
	"time"
)

// The shape of a report in JSON. Durations are in seconds, their names end in _s.
type (
	jsonReport struct {
		Version     int          `json:"version"`
		Verdict     string       `json:"verdict"`
		Seed        uint64       `json:"seed"`
		Duration    jsonSeconds  `json:"duration_s"`
		Warmup      jsonSeconds  `json:"warmup_s"`
		Interrupted *jsonSeconds `json:"interrupted_s,omitempty"`
		Facts       []string     `json:"facts"`
		Faults      []jsonFault  `json:"faults"`
		Checks      []jsonCheck  `json:"checks"`
		Variants    []jsonResult `json:"variants"`
	}
	jsonSeconds time.Duration
	jsonFault   struct {
		What string      `json:"what"`
		At   jsonSeconds `json:"at_s"`
		For  jsonSeconds `json:"for_s"`
	}
	jsonCheck struct {
		Variant  string `json:"variant"`
		Expected string `json:"expected"`
		Got      string `json:"got"`
		OK       bool   `json:"ok"`
	}
	jsonResult struct {
		Variant   string            `json:"variant"`
		Verdict   string            `json:"verdict"`
		Recovers  bool              `json:"recovers"`
		Recovery  *jsonSeconds      `json:"recovery_s"`
		Pipelines map[string]string `json:"pipelines,omitempty"`
		Before    jsonTotals        `json:"before"`
		During    jsonTotals        `json:"during"`
		After     jsonTotals        `json:"after"`
		Points    []jsonPoint       `json:"points"`
		Services  []jsonService     `json:"services"`
		Circuits  []jsonCircuit     `json:"circuits"`
		Classes   []jsonClass       `json:"classes,omitempty"`
	}
	jsonCounts struct {
		Calls     int64 `json:"calls"`
		Succeeded int64 `json:"succeeded"`
		Requests  int64 `json:"requests"`
		Served    int64 `json:"served"`
		Wasted    int64 `json:"wasted"`
	}
	jsonTotals struct {
		jsonCounts
		Success       float64     `json:"success"`
		Amplification float64     `json:"amplification"`
		Mean          jsonSeconds `json:"mean_s"`
		P50           jsonSeconds `json:"p50_s"`
		P99           jsonSeconds `json:"p99_s"`
	}
	jsonPoint struct {
		At jsonSeconds `json:"at_s"`
		jsonCounts
		P50   jsonSeconds `json:"p50_s"`
		P99   jsonSeconds `json:"p99_s"`
		Queue int         `json:"queue"`
	}
	jsonService struct {
		Name   string             `json:"name"`
		Points []jsonServicePoint `json:"points"`
	}
	jsonServicePoint struct {
		Requests int64 `json:"requests"`
		Served   int64 `json:"served"`
		Wasted   int64 `json:"wasted"`
		Hits     int64 `json:"hits"`
		Queue    int   `json:"queue"`
		Busy     int   `json:"busy"`
		Capacity int   `json:"capacity"`
	}
	jsonCircuit struct {
		Client  string     `json:"client"`
		Replica int        `json:"replica"`
		Name    string     `json:"name"`
		Spans   []jsonSpan `json:"spans"`
	}
	jsonSpan struct {
		From  jsonSeconds `json:"from_s"`
		To    jsonSeconds `json:"to_s"`
		State string      `json:"state"`
	}
	jsonClass struct {
		Client   string           `json:"client"`
		Name     string           `json:"name"`
		Priority int              `json:"priority"`
		Points   []jsonClassPoint `json:"points"`
	}
	jsonClassPoint struct {
		Calls     int64 `json:"calls"`
		Succeeded int64 `json:"succeeded"`
	}
)

// MarshalJSON writes seconds.
func (s jsonSeconds) MarshalJSON() ([]byte, error) { return []byte(seconds(time.Duration(s))), nil }

// WriteJSON writes the report as one JSON object, {"version": 1, "verdict", "seed",
// "duration_s", "faults", "checks", "variants": [{"variant", "verdict", "recovery_s",
// "before", "during", "after", "points", …}]}. Durations are in seconds, and recovery_s is
// null for a variant that does not recover. Functions of the scenario are left out.
func (r *Report) WriteJSON(w io.Writer) error {
	out := jsonReport{
		Version: 1, Verdict: valid(r.Verdict()), Seed: r.Scenario.Seed, Duration: jsonSeconds(r.Scenario.Duration), Warmup: jsonSeconds(r.Scenario.Warmup),
		Facts: []string{}, Faults: []jsonFault{}, Checks: []jsonCheck{}, Variants: []jsonResult{},
	}
	if r.interrupted() > 0 {
		at := jsonSeconds(r.Interrupted)
		out.Interrupted = &at
	}
	for _, f := range r.facts() {
		out.Facts = append(out.Facts, f.Name+": "+f.Text)
	}
	for _, f := range r.Scenario.Faults {
		out.Faults = append(out.Faults, jsonFault{f.what(), jsonSeconds(f.At), jsonSeconds(f.For)})
	}
	for _, c := range r.Checks {
		out.Checks = append(out.Checks, jsonCheck(c))
	}
	for _, x := range r.Results {
		out.Variants = append(out.Variants, x.json(r))
	}
	e := json.NewEncoder(w)
	e.SetIndent("", " ")
	return e.Encode(out)
}

func valid(text string) string { return strings.ToValidUTF8(text, "\uFFFD") }

func (x *Result) json(r *Report) jsonResult {
	out := jsonResult{
		Variant: x.Variant, Verdict: x.verdict(r), Recovers: x.Recovery >= 0, Pipelines: x.Pipelines,
		Before: jsonOf(x.Before), During: jsonOf(x.During), After: jsonOf(x.After),
		Points: []jsonPoint{}, Services: []jsonService{}, Circuits: []jsonCircuit{},
	}
	if x.Recovery >= 0 {
		at := jsonSeconds(x.Recovery)
		out.Recovery = &at
	}
	for _, p := range x.Points {
		out.Points = append(out.Points, jsonPoint{jsonSeconds(p.At), jsonCounts{p.Calls, p.Succeeded, p.Requests, p.Served, p.Wasted}, jsonSeconds(p.P50), jsonSeconds(p.P99), p.Queue})
	}
	for _, s := range x.Services {
		line := jsonService{s.Name, []jsonServicePoint{}}
		for _, p := range s.Points {
			line.Points = append(line.Points, jsonServicePoint(p))
		}
		out.Services = append(out.Services, line)
	}
	for _, c := range x.Circuits {
		line := jsonCircuit{c.Client, c.Replica, c.Name, []jsonSpan{}}
		for _, s := range c.Spans {
			line.Spans = append(line.Spans, jsonSpan{jsonSeconds(s.From), jsonSeconds(s.To), s.State.String()})
		}
		out.Circuits = append(out.Circuits, line)
	}
	for _, c := range x.Classes {
		line := jsonClass{c.Client, c.Name, int(c.Priority), []jsonClassPoint{}}
		for _, p := range c.Points {
			line.Points = append(line.Points, jsonClassPoint(p))
		}
		out.Classes = append(out.Classes, line)
	}
	return out
}

func jsonOf(t Totals) jsonTotals {
	return jsonTotals{
		jsonCounts: jsonCounts{t.Calls, t.Succeeded, t.Requests, t.Served, t.Wasted},
		Success:    roundedShare(t.Success()), Amplification: rounded(t.Amplification()),
		Mean: jsonSeconds(t.Mean), P50: jsonSeconds(t.P50), P99: jsonSeconds(t.P99),
	}
}

func rounded(v float64) float64 { return math.Round(v*1e4) / 1e4 }

// roundedShare rounds a share: only all calls are 1, and none of them 0.
func roundedShare(v float64) float64 {
	if v <= 0 || v >= 1 {
		return v
	}
	return min(max(rounded(v), 1e-4), 1-1e-4)
}
