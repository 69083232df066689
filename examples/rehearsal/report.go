package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// table writes one line for each rehearsal.
func table(out io.Writer, all []rehearsal, results []result) {
	w := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	fmt.Fprintln(w, "what was broken\twhat the customers of 40 orders saw\twhat the policies did")
	for i, r := range all {
		fmt.Fprintf(w, "%s\t%s\t%s\n", r.title, results[i].seen(), results[i].done())
	}
	_ = w.Flush()
}

// seen is what the customers saw.
func (r result) seen() string {
	parts := list{}
	parts.add(r.paid, "paid")
	parts.add(r.queued, "paid later")
	parts.add(r.refused, "refused")
	parts.add(r.unreserved, "not reserved")
	parts.add(orders-r.refused-r.mailed, "mailed later")
	parts.add(r.twice, "CHARGED TWICE")
	parts.add(r.unpaid, "NEVER CHARGED")
	return fmt.Sprintf("%s, in %v at most", strings.Join(parts, ", "), r.slowest.Round(10*time.Millisecond))
}

// done is what the policies did.
func (r result) done() string {
	parts := list{}
	parts.add(r.injected, "faults")
	parts.add(r.policies.retries, "retries")
	parts.add(r.policies.timeouts, "timeouts")
	parts.add(r.policies.opened, "openings of the circuit")
	parts.add(r.policies.rejected, "refused without a request")
	if len(parts) == 0 {
		return "nothing"
	}
	return strings.Join(parts, ", ")
}

// list is a list of numbers that are not 0.
type list []string

func (l *list) add(n int, what string) {
	if n != 0 {
		*l = append(*l, fmt.Sprintf("%d %s", n, what))
	}
}
