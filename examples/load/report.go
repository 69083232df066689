package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

func columns(out io.Writer) *tabwriter.Writer {
	return tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
}

// byPhase writes what happened in each phase of a run. A call counts in the phase in which
// it began, a request in the phase in which it arrived.
func (f *figures) byPhase(out io.Writer) {
	w := columns(out)
	fmt.Fprintf(w, "calls\trequests\tper call\t%s\t  phase\n", strings.Join(outcomeNames[:], "\t"))
	line := func(p phaseFigures, name string) {
		fmt.Fprintf(w, "%d\t%d\t%s\t", sum(p.ended), p.requests, perCall(p.requests, sum(p.ended)))
		for _, n := range p.ended {
			fmt.Fprintf(w, "%d\t", n)
		}
		fmt.Fprintf(w, "  %s\n", name)
	}
	for i, p := range f.phases {
		line(p, script[i].name)
	}
	line(f.total(), "in all")
	_ = w.Flush()
}

func perCall(n, calls int64) string {
	if calls == 0 {
		return "-"
	}
	return fmt.Sprintf("%.3f", float64(n)/float64(calls))
}

// worst returns the largest number of requests per call in any phase. Calls that an open
// circuit rejects in other phases do not lower it.
func (f *figures) worst() string {
	var worst phaseFigures
	most := 0.
	for _, p := range f.phases {
		if n := sum(p.ended); n > 0 && float64(p.requests)/float64(n) > most {
			worst, most = p, float64(p.requests)/float64(n)
		}
	}
	return perCall(worst.requests, sum(worst.ended))
}

// compare writes the runs side by side.
func compare(out io.Writer, runs []figures) {
	w := columns(out)
	line := func(what string, cell func(f *figures) string) {
		fmt.Fprintf(w, "%s\t", what)
		for i := range runs {
			fmt.Fprintf(w, "%s\t", cell(&runs[i]))
		}
		fmt.Fprintln(w)
	}
	count := func(n int64) string { return fmt.Sprint(n) }
	line("", func(f *figures) string { return f.title() })
	line("calls started", func(f *figures) string { return count(f.started) })
	line("calls finished", func(f *figures) string { return count(sum(f.total().ended)) })
	line("ok", func(f *figures) string { return percent(f.total().ended[ok], f.started) })
	line("attempts", func(f *figures) string { return count(f.attempts) })
	line("at most", func(f *figures) string { return count(f.bound()) })
	line("requests at the server", func(f *figures) string { return count(f.total().requests) })
	line("amplification", func(f *figures) string { return perCall(f.total().requests, f.started) })
	line("in the worst phase", func(f *figures) string { return f.worst() })
	line("latency p50, rejections included", func(f *figures) string { return brief(f.p50) })
	line("latency p99", func(f *figures) string { return brief(f.p99) })
	line("goroutines before, peak, after", func(f *figures) string { return f.goroutines.String() })
	line("connections at the server", func(f *figures) string { return f.connections.String() })
	line("heap in use, KiB", func(f *figures) string { return f.heap.kib().String() })
	_ = w.Flush()
}

func (s settings) title() string {
	if s.budget {
		return fmt.Sprintf("budget %v %%", 100*budget.Ratio)
	}
	return "no budget"
}

func percent(n, of int64) string {
	return fmt.Sprintf("%.1f %%", 100*float64(n)/float64(max(of, 1)))
}

func brief(d time.Duration) string { return d.Round(10 * time.Microsecond).String() }

func (s span) String() string { return fmt.Sprintf("%d  %d  %d", s.before, s.peak, s.after) }

func (s span) kib() span { return span{s.before >> 10, s.peak >> 10, s.after >> 10} }
