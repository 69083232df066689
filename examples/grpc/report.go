package main

import (
	"fmt"
	"io"
	"time"
)

// table prints what the callers saw.
func table(out io.Writer, sides []*side, results [][]result) {
	fmt.Fprintf(out, "Three replicas, %d calls a second, callers that wait for %v at most. Replica 2 falls ill.\n\n", rate, patience)
	fmt.Fprintf(out, "%-20s  %-13s  %5s  %8s  %8s  %8s  %13s  %12s\n", "", "", "calls", "success", "p50", "p99", "attempts/call", "by replica 2")
	for i, row := range results {
		for n, r := range row {
			title := acts[i].title
			if n > 0 {
				title = ""
			}
			fmt.Fprintf(out, "%-20s  %-13s  %5d  %6.1f %%  %8v  %8v  %13.2f  %10.0f %%\n", title, sides[n].title, len(r.took), 100*r.success(),
				rounded(r.quantile(0.5)), rounded(r.quantile(0.99)), r.perCall(), 100*r.third)
		}
	}
}

func rounded(d time.Duration) time.Duration {
	if d < 100*time.Millisecond {
		return d.Round(100 * time.Microsecond)
	}
	return d.Round(time.Millisecond)
}

// print prints the moves of the circuits.
func (j *journal) print(out io.Writer) {
	j.mu.Lock()
	defer j.mu.Unlock()
	fmt.Fprintf(out, "\nThe circuits of the addresses\n\n")
	for _, l := range j.lines {
		fmt.Fprintf(out, "  %5.2f s  %s\n", l.at.Seconds(), l.text)
	}
}
