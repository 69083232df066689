// Package runs reads what the benchmarks of this module print.
package runs

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/perf/benchfmt"
	"golang.org/x/perf/benchmath"
)

// Units that the benchmarks report, as benchstat names them.
const (
	Time    = "sec/op"
	Allocs  = "allocs/op"
	Bytes   = "B/op"
	Circuit = "B/circuit"
	Conns   = "conns"
)

// Key is what BenchmarkScenario/lib=Lib/mode=Mode measures.
type Key struct{ Scenario, Lib, Mode string }

// Values holds what was measured of a benchmark by unit, a value for each pass.
type Values map[string][]float64

// Runs is any number of passes over the benchmarks. The zero Runs is ready to
// be read into.
type Runs struct {
	Order  []Key // in which benchmarks first ran
	ByKey  map[Key]Values
	Config map[string]string // goos, goarch, cpu and pkg, as go test prints them
}

// Read adds what r holds, whose name errors are to say.
func (rs *Runs) Read(r io.Reader, name string) error {
	if rs.ByKey == nil {
		rs.ByKey, rs.Config = map[Key]Values{}, map[string]string{}
	}
	reader := benchfmt.NewReader(r, name)
	for reader.Scan() {
		switch record := reader.Result().(type) {
		case *benchfmt.SyntaxError:
			return record
		case *benchfmt.Result:
			if err := rs.add(record); err != nil {
				return err
			}
		}
	}
	return reader.Err()
}

func (rs *Runs) add(r *benchfmt.Result) error {
	key, err := parse(r.Name)
	if err != nil {
		return err
	}
	for _, c := range r.Config {
		if c.File {
			rs.Config[c.Key] = strings.TrimSpace(string(c.Value)) // virtual processors pad their names
		}
	}
	values := rs.ByKey[key]
	if values == nil {
		values = Values{}
		rs.ByKey[key] = values
		rs.Order = append(rs.Order, key)
	}
	for _, v := range r.Values {
		values[v.Unit] = append(values[v.Unit], v.Value)
	}
	return nil
}

func parse(name benchfmt.Name) (Key, error) {
	base, parts := name.Parts()
	key := Key{Scenario: string(base)}
	for _, part := range parts {
		switch k, v, _ := strings.Cut(strings.TrimPrefix(string(part), "/"), "="); k {
		case "lib":
			key.Lib = v
		case "mode":
			key.Mode = v
		}
	}
	if key.Lib == "" || key.Mode == "" {
		return key, fmt.Errorf("benchmark %s: %w", name, errors.New("want lib= and mode= in its name"))
	}
	return key, nil
}

// Summary returns the median of a unit with its 95 % confidence interval, and
// whether there is one.
func (rs *Runs) Summary(k Key, unit string) (benchmath.Summary, bool) {
	values := rs.ByKey[k][unit]
	if len(values) == 0 {
		return benchmath.Summary{}, false
	}
	return benchmath.AssumeNothing.Summary(Sample(values), 0.95), true
}

// Median returns the median of a unit, or 0 where nothing was measured.
func (rs *Runs) Median(k Key, unit string) float64 {
	s, _ := rs.Summary(k, unit)
	return s.Center
}

// Sample makes a sample of a copy of values, which it would sort.
func Sample(values []float64) *benchmath.Sample {
	return benchmath.NewSample(append([]float64(nil), values...), &benchmath.DefaultThresholds)
}
