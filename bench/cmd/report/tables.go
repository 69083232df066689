package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/ductile-go/ductile/bench"
	"github.com/ductile-go/ductile/bench/internal/runs"
)

// header is what figures mean nothing without.
type header struct{ Machine, Go, Date, Command string }

// ours is the contender that the others are held against.
const ours = "ductile"

// yardsticks are contenders that are no libraries.
var yardsticks = []string{"bare", "mutex", "withtimeout"}

const preamble = `# Beside the peers

| | |
|---|---|
| machine | %s |
| Go | %s |
| date | %s |
| command | ` + "`%s`" + ` |
| passes | %d |

Times are medians with their 95 %% confidence interval, after benchstat; each pass
runs every benchmark once, so that drift of the machine falls on all alike. ` + "`×`" + ` is
the time as a multiple of ductile's in the same run: above 1 is slower than ductile.
bare is the call without a library; mutex and withtimeout put a ` + "`sync.Mutex`" + ` or a
` + "`context.WithTimeout`" + ` in its place. In parallel means a goroutine for each core unless
the title says otherwise, and the time is the wall clock's for each call.
`

// tables renders everything measured, in the order of bench.Scenarios.
func tables(rs *runs.Runs, h header) string {
	var b strings.Builder
	passes := 0
	for _, values := range rs.ByKey {
		passes = max(passes, len(values[runs.Time]))
	}
	fmt.Fprintf(&b, preamble, h.Machine, h.Go, h.Date, h.Command, passes)
	for _, s := range bench.Scenarios {
		if libs := contenders(rs, s.Name); len(libs) > 0 {
			table(&b, rs, s, libs)
		}
	}
	return b.String()
}

// contenders lists what was measured at a scenario: the yardsticks, then the
// libraries by time, then those without a time.
func contenders(rs *runs.Runs, scenario string) (libs []string) {
	for _, k := range rs.Order {
		if k.Scenario == scenario && !slices.Contains(libs, k.Lib) {
			libs = append(libs, k.Lib)
		}
	}
	rank := func(lib string) (int, float64) {
		i := slices.Index(yardsticks, lib)
		t, _ := first(rs, scenario, lib)
		return i, t
	}
	slices.SortStableFunc(libs, func(a, b string) int {
		i, t := rank(a)
		j, u := rank(b)
		return cmp.Or(cmp.Compare(boolToInt(i < 0), boolToInt(j < 0)), cmp.Compare(i, j), cmp.Compare(t, u))
	})
	return libs
}

func boolToInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// first returns the time in the first mode that there is.
func first(rs *runs.Runs, scenario, lib string) (t float64, mode string) {
	for _, mode := range []string{"serial", "parallel"} {
		if t := rs.Median(runs.Key{Scenario: scenario, Lib: lib, Mode: mode}, runs.Time); t > 0 {
			return t, mode
		}
	}
	return 0, "serial"
}

func table(b *strings.Builder, rs *runs.Runs, s bench.Scenario, libs []string) {
	modes := modesOf(rs, s.Name)
	extras := extrasOf(rs, s.Name)
	head := []string{""}
	for _, mode := range modes {
		head = append(head, mode, "±", "×")
	}
	head = append(head, "allocs", "bytes")
	for _, x := range extras {
		head = append(head, x.title)
	}
	head = append(head, "does less or otherwise")
	fmt.Fprintf(b, "\n## %s\n\n`Benchmark%s`\n\n", s.Title, s.Name)
	if s.Missing != "" {
		fmt.Fprintf(b, "Without %s.\n\n", s.Missing)
	}
	row(b, head)
	row(b, append([]string{"---"}, append(slices.Repeat([]string{"---:"}, len(head)-2), "---")...))
	for _, lib := range libs {
		cells := []string{lib}
		if lib == ours {
			cells[0] = "**" + lib + "**"
		}
		for _, mode := range modes {
			cells = append(cells, times(rs, runs.Key{Scenario: s.Name, Lib: lib, Mode: mode})...)
		}
		_, mode := first(rs, s.Name, lib)
		key := runs.Key{Scenario: s.Name, Lib: lib, Mode: mode}
		cells = append(cells, whole(rs, key, runs.Allocs), whole(rs, key, runs.Bytes))
		for _, x := range extras {
			cells = append(cells, whole(rs, key, x.unit))
		}
		row(b, append(cells, s.Notes[lib]))
	}
}

func row(b *strings.Builder, cells []string) {
	b.WriteString("| " + strings.Join(cells, " | ") + " |\n")
}

func modesOf(rs *runs.Runs, scenario string) (modes []string) {
	for _, mode := range []string{"serial", "parallel"} {
		if slices.ContainsFunc(rs.Order, func(k runs.Key) bool { return k.Scenario == scenario && k.Mode == mode }) {
			modes = append(modes, mode)
		}
	}
	return modes
}

// extra is a column that only some scenarios have.
type extra struct{ unit, title string }

func extrasOf(rs *runs.Runs, scenario string) (extras []extra) {
	for _, x := range []extra{{runs.Circuit, "bytes held by a circuit"}, {runs.Conns, "connections"}} {
		if measured(rs, scenario, x.unit) {
			extras = append(extras, x)
		}
	}
	return extras
}

func measured(rs *runs.Runs, scenario, unit string) bool {
	return slices.ContainsFunc(rs.Order, func(k runs.Key) bool { return k.Scenario == scenario && rs.ByKey[k][unit] != nil })
}

// times renders a time, its interval and its ratio to ours.
func times(rs *runs.Runs, k runs.Key) []string {
	t, ok := rs.Summary(k, runs.Time)
	if !ok {
		return []string{"", "", ""}
	}
	return []string{duration(t.Center), t.PctRangeString(), multiple(ratio(rs, k))}
}

// ratio returns how many times as long as ours k takes, or 0 if that is not known.
func ratio(rs *runs.Runs, k runs.Key) float64 {
	our := rs.Median(runs.Key{Scenario: k.Scenario, Lib: ours, Mode: k.Mode}, runs.Time)
	if our == 0 {
		return 0
	}
	return rs.Median(k, runs.Time) / our
}

// multiple renders a ratio to two or three digits.
func multiple(r float64) string {
	switch {
	case r == 0:
		return ""
	case r < 9.95:
		return fmt.Sprintf("%.2f", r)
	case r < 99.5:
		return fmt.Sprintf("%.1f", r)
	}
	return fmt.Sprintf("%.0f", r)
}

// duration renders seconds to about three digits.
func duration(seconds float64) string {
	for _, u := range []struct {
		unit string
		size float64
	}{{"ns", 1e-9}, {"µs", 1e-6}, {"ms", 1e-3}} {
		if v := seconds / u.size; v < 999.5 {
			digits := 0
			switch {
			case v < 9.995:
				digits = 2
			case v < 99.95:
				digits = 1
			}
			return fmt.Sprintf("%.*f %s", digits, v, u.unit)
		}
	}
	return fmt.Sprintf("%.2f s", seconds)
}

func whole(rs *runs.Runs, k runs.Key, unit string) string {
	if rs.ByKey[k][unit] == nil {
		return ""
	}
	return fmt.Sprintf("%.0f", rs.Median(k, unit))
}
