package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/ductile-go/ductile/cmd/ductile/internal/analysis"
)

const (
	width = 80 // of a terminal
	label = 14 // the width of the left column
)

// table prints rows with a label on the left.
type table struct {
	w    io.Writer
	last string // label
}

// row prints a row. A label that the row above has is left out.
func (t *table) row(name, format string, args ...any) {
	shown := name
	if name == t.last {
		shown = ""
	}
	t.last = name
	wrap(t.w, fmt.Sprintf("  %-*s ", label, shown), strings.Repeat(" ", label+3), fmt.Sprintf(format, args...))
}

// explain prints a report: a sentence, and then a table.
func explain(w io.Writer, p paint, r analysis.Report) {
	fmt.Fprintln(w, p.in(bold, r.Path))
	wrap(w, "  ", "  ", r.Policies)
	fmt.Fprintln(w)
	wrap(w, "  ", "  ", sentence(r))
	fmt.Fprintln(w)
	t := &table{w: w}
	t.row("attempts", "%s", attemptsText(r.Attempts))
	t.row("longest time", "%s", timeText(r.Time))
	if r.Time.GivesUp[1] > 0 {
		t.row("gives up", "%s", givesUp(r.Time))
	}
	t.load(r.Load)
	if r.Time.Refresh > 0 {
		t.row("refresh", "up to %s, in the background", r.Time.Refresh)
	}
	for _, c := range r.Circuits {
		t.circuit(c)
	}
	for _, q := range r.Queues {
		t.row(strings.ReplaceAll(q.Kind, "_", " "), "%s", queueText(q))
	}
	for _, l := range r.Rates {
		t.row("rate limit", "%s", rateText(l))
	}
	for _, n := range r.Notes {
		t.row("note", "%s", n)
	}
}

// sentence says the worst case in words.
func sentence(r analysis.Report) string {
	s := fmt.Sprintf("At worst a call of %s runs its function %s", r.Name, timesOf(r.Attempts.Most))
	if r.Time.Longest == analysis.Unbounded {
		s += ", and nothing ends it but its caller's context"
	} else {
		s += fmt.Sprintf(" and takes %s", r.Time.Longest)
	}
	for _, c := range r.Circuits {
		s += fmt.Sprintf("; circuit %s opens %s", c.Name, strings.Join(c.Opens, ", or "))
	}
	return s + "."
}

func timesOf(n analysis.Count) string {
	switch n {
	case 1:
		return "once"
	case analysis.Unlimited:
		return "again and again"
	}
	return n.String() + " times"
}

func attemptsText(a analysis.Attempts) string {
	var levels []string
	for _, l := range a.Levels {
		levels = append(levels, fmt.Sprintf("%s of %s %s", l.Policy, l.Pipeline, l.Times))
	}
	text := atMost(a.Reached || a.Most == analysis.Unlimited, a.Most.String())
	if len(levels) > 0 {
		text += ": " + strings.Join(levels, " x ")
	}
	return text
}

// atMost marks a bound that may not be reached.
func atMost(reached bool, text string) string {
	if reached {
		return text
	}
	return "at most " + text
}

func timeText(t analysis.Time) string {
	text := atMost(t.Reached || t.Longest == analysis.Unbounded, t.Longest.String())
	if t.Hinted != t.Longest {
		text += fmt.Sprintf("; %s if servers ask for the longest waits that are followed", t.Hinted)
	}
	return text
}

func givesUp(t analysis.Time) string {
	least, most := min(t.GivesUp[0], t.GivesUp[1]), max(t.GivesUp[0], t.GivesUp[1])
	switch {
	case most == analysis.Unbounded:
		return "never, if all runs fail at once"
	case t.Cut:
		return fmt.Sprintf("after %s with the shortest delays and %s with the longest, if all runs fail at once", t.GivesUp[0], t.GivesUp[1])
	case least == most:
		return fmt.Sprintf("after %s if all runs fail at once", most)
	}
	return fmt.Sprintf("after %s to %s if all runs fail at once", least, most)
}

func (t *table) load(l analysis.Load) {
	switch {
	case l.Most == 1:
		t.row("load", "1x: nothing repeats a call")
		return
	case len(l.Budgets) == 0:
		t.row("load", "%s while all calls fail: no budget limits it", factor(l.Most.String()))
		return
	}
	names := make([]string, len(l.Budgets))
	for i, name := range l.Budgets {
		names[i] = "budget " + name
		if name == "hedge" {
			names[i] = "the hedge's own budget"
		}
	}
	text := factor(l.Average.String())
	if l.PerSecond > 0 {
		text += fmt.Sprintf(" and %s more runs a second", l.PerSecond)
	}
	t.row("load", "%s while all calls fail, with %s", text, strings.Join(names, " and "))
	t.row("load", "%s without it", factor(l.Most.String()))
}

func factor(text string) string {
	if text == "unlimited" {
		return text
	}
	return text + "x"
}

func (t *table) circuit(c analysis.Circuit) {
	name := "circuit"
	for i, text := range c.Opens {
		if i == 0 {
			text = c.Name + " opens " + text
		} else {
			text = "or " + text
		}
		t.row(name, "%s", text)
	}
	if c.Shadow {
		t.row(name, "as a shadow it refuses no call")
	}
	if c.NeedsPerSecond > 0 {
		t.row(name, "below %s calls a second its rates are not judged", c.NeedsPerSecond)
	}
	for _, text := range c.Recovers {
		t.row("recovery", "%s", text)
	}
}

func queueText(q analysis.Queue) string {
	text := fmt.Sprintf("%s: %d at a time", q.Name, q.Running[1])
	if q.Running[0] != q.Running[1] {
		text = fmt.Sprintf("%s: %d to %d at a time", q.Name, q.Running[0], q.Running[1])
	}
	switch {
	case q.Waiting == 0:
		return text + ", none waits"
	case q.Wait == analysis.Unbounded:
		return text + fmt.Sprintf(", up to %d wait until their context ends", q.Waiting)
	}
	return text + fmt.Sprintf(", up to %d wait for at most %s", q.Waiting, q.Wait)
}

func rateText(l analysis.Rate) string {
	text := fmt.Sprintf("%s: %s a second, %d at once", l.Name, l.PerSecond, l.Burst)
	switch l.Wait {
	case 0:
		return text + ", none waits"
	case analysis.Unbounded:
		return text + ", calls wait until their context ends"
	}
	return text + fmt.Sprintf(", calls wait for at most %s", l.Wait)
}

// wrap prints text in lines as wide as a terminal, the first behind one prefix and the
// others behind another.
func wrap(w io.Writer, first, rest, text string) {
	line, empty := first, true
	for word := range strings.FieldsSeq(text) {
		if !empty && len([]rune(line))+1+len([]rune(word)) > width {
			fmt.Fprintln(w, line)
			line, empty = rest, true
		}
		if !empty {
			line += " "
		}
		line, empty = line+word, false
	}
	fmt.Fprintln(w, line)
}
