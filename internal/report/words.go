// Package report writes numbers, sentences and tables for people: as HTML, as Markdown, and
// for a terminal.
package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Percent writes a share. 100 % means all, and 0 % means none: what lies a little inside is
// not rounded to either.
func Percent(share float64) string {
	tenths := math.Round(share * 1000)
	switch {
	case share < 1 && tenths >= 1000:
		tenths = 999
	case share > 0 && tenths <= 0:
		tenths = 1
	}
	return Number(tenths/10, 1) + " %"
}

// Number writes a number with at most the given number of decimals.
func Number(v float64, decimals int) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return "-"
	}
	text := strconv.FormatFloat(v, 'f', decimals, 64)
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	if text == "-0" {
		return "0"
	}
	return text
}

// Times writes a factor.
func Times(factor float64) string {
	if math.IsNaN(factor) || math.IsInf(factor, 0) {
		return "-"
	}
	return strconv.FormatFloat(factor, 'f', 2, 64) + "x"
}

// Span writes a duration with its unit, in three digits or so.
func Span(d time.Duration) string {
	abs := max(d, -d)
	switch {
	case abs == 0:
		return "0 s"
	case abs < 0: // the least duration has no opposite
		return "-"
	case abs < time.Millisecond:
		return Number(float64(d)/1e3, 0) + " µs"
	case abs < 10*time.Millisecond:
		return Number(float64(d)/1e6, 1) + " ms"
	case abs < 999500*time.Microsecond:
		return Number(float64(d)/1e6, 0) + " ms"
	case abs < 10*time.Second:
		return Number(d.Seconds(), 2) + " s"
	case abs < 2*time.Minute:
		return Number(d.Seconds(), 1) + " s"
	case abs < 2*time.Hour:
		return twoUnits(d, time.Minute, "min", time.Second, "s")
	}
	return twoUnits(d, time.Hour, "h", time.Minute, "min")
}

func twoUnits(d, big time.Duration, bigName string, small time.Duration, smallName string) string {
	d = d.Round(small)
	text := fmt.Sprintf("%d %s", d/big, bigName)
	if rest := d % big / small; rest != 0 {
		text += fmt.Sprintf(" %d %s", max(rest, -rest), smallName)
	}
	return text
}

// Count writes a number with its noun.
func Count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}

// Thousands writes a whole number in groups of three.
func Thousands(n int64) string {
	text := strconv.FormatInt(n, 10)
	start := 0
	if n < 0 {
		start = 1
	}
	for i := len(text) - 3; i > start; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// List joins texts as a sentence does.
func List(texts []string) string {
	switch n := len(texts); n {
	case 0:
		return ""
	case 1:
		return texts[0]
	default:
		return strings.Join(texts[:n-1], ", ") + " and " + texts[n-1]
	}
}

// Sentence writes a text with a capital and a full stop.
func Sentence(text string) string {
	first, n := utf8.DecodeRuneInString(text)
	if n == 0 {
		return ""
	}
	return string(unicode.ToUpper(first)) + text[n:] + "."
}

// Short cuts a name that is too long to be shown.
func Short(name string) string {
	if r := []rune(name); len(r) > 60 {
		return string(r[:59]) + "…"
	}
	return name
}

// Plural returns one if n is 1, and otherwise more.
func Plural(n int, one, more string) string {
	if n == 1 {
		return one
	}
	return more
}
