package sim

import (
	"fmt"
	"io"
	"strings"
)

// WriteMarkdown writes the report for a page of GitHub, such as the summary of a job.
func (r *Report) WriteMarkdown(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "## Outage rehearsal\n\n**%s**\n\n", markdown(sentence(r.Verdict())))
	for _, f := range r.facts() {
		fmt.Fprintf(&b, "- %s: %s\n", f.Name, markdown(f.Text))
	}
	t := table{head: []string{"variant", "when", "calls", "success", "load", "p50", "p99", "wasted"}}
	for _, x := range r.Results {
		for _, row := range x.table().rows {
			t.rows = append(t.rows, append([]string{label(x.Variant)}, row...))
		}
	}
	markdownTable(&b, t)
	if len(r.Results) > 1 {
		b.WriteString("\n")
		for _, x := range r.Results {
			fmt.Fprintf(&b, "- %s **%s**: %s\n", x.grade(r).emoji(), markdown(label(x.Variant)), markdown(x.verdict(r)))
		}
	}
	t = table{head: []string{"result", "expected", "got", "variant"}, words: true}
	for _, c := range r.Checks {
		word := good.emoji() + " met"
		if !c.OK {
			word = bad.emoji() + " failed"
		}
		t.rows = append(t.rows, []string{word, c.Expected, c.Got, label(c.Variant)})
	}
	markdownTable(&b, t)
	_, err := io.WriteString(w, b.String())
	return err
}

func (g grade) emoji() string {
	return map[string]string{"ok": "✅", "warn": "⚠️", "bad": "❌"}[g.class]
}

func markdownTable(b *strings.Builder, t table) {
	if len(t.rows) == 0 {
		return
	}
	rule := " ---: |"
	if t.words {
		rule = " --- |"
	}
	row := func(cells []string) {
		b.WriteString("|")
		for _, c := range cells {
			b.WriteString(" " + markdown(c) + " |")
		}
		b.WriteString("\n")
	}
	b.WriteString("\n")
	row(t.head)
	b.WriteString("| --- |" + strings.Repeat(rule, len(t.head)-1) + "\n")
	for _, r := range t.rows {
		row(r)
	}
}

// markdown writes text so that it stays text: no markup, no links, no mentions.
func markdown(text string) string {
	var b strings.Builder
	for _, c := range clean(text) {
		switch {
		case c == '<':
			b.WriteString("&lt;")
		case c == '&':
			b.WriteString("&amp;")
		case c == '@':
			b.WriteString("&#64;")
		case c == '#':
			b.WriteString("&#35;")
		case strings.ContainsRune("\\`*_[]|~!$", c):
			b.WriteString("\\" + string(c))
		default:
			b.WriteRune(c)
		}
	}
	return strings.ReplaceAll(b.String(), "://", ":&#47;/")
}
