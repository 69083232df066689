package sim

import (
	"encoding/csv"
	"io"
	"strconv"
	"strings"
	"time"
)

// WriteCSV writes one line for each variant and second: at_s, calls, succeeded, requests,
// served, wasted, success, amplification, p50_s, p99_s and queue, then the same of each
// service and class. Times are in seconds. A text that a spreadsheet would take for
// a formula begins with an apostrophe.
func (r *Report) WriteCSV(w io.Writer) error {
	out := csv.NewWriter(w)
	columns := r.columns()
	head := []string{"variant", "at_s", "calls", "succeeded", "requests", "served", "wasted", "success", "amplification", "p50_s", "p99_s", "queue"}
	for _, c := range columns {
		head = append(head, guarded(c.name))
	}
	_ = out.Write(head) // a csv.Writer keeps its error
	for _, x := range r.Results {
		for i, p := range x.Points {
			row := []string{
				guarded(x.Variant), seconds(p.At), whole(p.Calls), whole(p.Succeeded), whole(p.Requests), whole(p.Served), whole(p.Wasted),
				"", "", seconds(p.P50), seconds(p.P99), strconv.Itoa(p.Queue),
			}
			if p.Calls > 0 {
				row[7], row[8] = decimals(roundedShare(bucket{Point: p, open: x.open(i, i+1)}.success())), decimals(load(p.Requests, p.Calls))
			}
			for _, c := range columns {
				row = append(row, c.value(x, i))
			}
			_ = out.Write(row)
		}
	}
	out.Flush()
	return out.Error()
}

// column is a column that depends on the scenario.
type column struct {
	name  string
	value func(x *Result, i int) string
}

// columns are those of the services and classes, as the first variant has them. A variant
// that lacks one leaves it empty.
func (r *Report) columns() []column {
	if len(r.Results) == 0 {
		return nil
	}
	var out []column
	for k, s := range r.Results[0].Services {
		add := func(what string, value func(ServicePoint) string) {
			out = append(out, column{s.Name + " " + what, func(x *Result, i int) string {
				if k >= len(x.Services) || i >= len(x.Services[k].Points) {
					return ""
				}
				return value(x.Services[k].Points[i])
			}})
		}
		add("requests", func(p ServicePoint) string { return whole(p.Requests) })
		add("served", func(p ServicePoint) string { return whole(p.Served) })
		add("wasted", func(p ServicePoint) string { return whole(p.Wasted) })
		add("hits", func(p ServicePoint) string { return whole(p.Hits) })
		add("queue", func(p ServicePoint) string { return strconv.Itoa(p.Queue) })
		add("busy", func(p ServicePoint) string { return strconv.Itoa(p.Busy) })
		add("capacity", func(p ServicePoint) string { return strconv.Itoa(p.Capacity) })
	}
	for k, c := range r.Results[0].Classes {
		add := func(what string, value func(ClassPoint) string) {
			out = append(out, column{c.Client + " " + c.Name + " " + what, func(x *Result, i int) string {
				if k >= len(x.Classes) || i >= len(x.Classes[k].Points) {
					return ""
				}
				return value(x.Classes[k].Points[i])
			}})
		}
		add("calls", func(p ClassPoint) string { return whole(p.Calls) })
		add("succeeded", func(p ClassPoint) string { return whole(p.Succeeded) })
	}
	return out
}

func whole(n int64) string { return strconv.FormatInt(n, 10) }

func decimals(v float64) string { return strconv.FormatFloat(v, 'f', 4, 64) }

func seconds(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', -1, 64) }

// guarded keeps a spreadsheet from running a name as a formula.
func guarded(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r\n", rune(text[0])) {
		return "'" + text
	}
	return text
}
