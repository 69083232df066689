package cli

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// seed is a flag of a seed.
type seed struct {
	set bool
	n   uint64
}

// String returns the seed, or "".
func (s *seed) String() string {
	if s == nil || !s.set {
		return ""
	}
	return strconv.FormatUint(s.n, 10)
}

// Set reads a seed.
func (s *seed) Set(v string) error {
	n, err := strconv.ParseUint(v, 10, 64)
	if err != nil {
		return fmt.Errorf("want a whole number of 0 or more")
	}
	s.set, s.n = true, n
	return nil
}

// Bounds of a range without a step, and of what may be swept.
const (
	mostWhole = 20  // whole numbers are all taken up to so many
	steps     = 8   // else a range has so many parts
	maxValues = 200 // each is a run
)

// sweepOf takes "retry.max_attempts=1..5" apart: a path, and values.
func sweepOf(text string) (path string, values []string, problem string) {
	path, rest, ok := strings.Cut(text, "=")
	path, rest = strings.TrimSpace(path), strings.TrimSpace(rest)
	if !ok || path == "" || rest == "" {
		return "", nil, fmt.Sprintf("--sweep is %q, want a field and its values, as retry.max_attempts=1..5, attempt_timeout=100ms..500ms..100ms or retry.max_attempts=1,3,5", text)
	}
	for _, part := range splitList(rest) {
		more, problem := rangeOf(strings.TrimSpace(part))
		if problem != "" {
			return "", nil, fmt.Sprintf("--sweep %s=%s: %s", path, rest, problem)
		}
		if values = append(values, more...); len(values) > maxValues {
			return "", nil, fmt.Sprintf("--sweep %s=%s has more than %d values, each of which is a run; give a longer step, as 1..1000..100", path, rest, maxValues)
		}
	}
	return path, values, ""
}

// splitList splits at the commas that stand in no brackets.
func splitList(text string) []string {
	var out []string
	depth, from := 0, 0
	for i, c := range text {
		switch c {
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		case ',':
			if depth == 0 {
				out, from = append(out, text[from:i]), i+1
			}
		}
	}
	return append(out, text[from:])
}

// rangeOf returns the values of "1..5" or "10%..90%..20%", or the text alone.
func rangeOf(text string) (values []string, problem string) {
	ends := strings.Split(text, "..")
	switch {
	case text == "":
		return nil, "a value is empty"
	case len(ends) == 1 || strings.HasPrefix(text, "{"):
		return []string{text}, ""
	case len(ends) > 3:
		return nil, fmt.Sprintf("%s has too many parts, want low..high or low..high..step", text)
	}
	numbers, write, ok := sameUnit(ends)
	if !ok {
		return nil, fmt.Sprintf("%s is no range, want low..high with the same unit, as 1..5, 10%%..90%% or 100ms..1s", text)
	}
	low, high := numbers[0], numbers[1]
	switch {
	case low > high:
		return nil, fmt.Sprintf("%s begins above its end, want %s..%s", text, ends[1], ends[0])
	case low == high:
		return []string{write(low)}, ""
	case len(numbers) == 2:
		return divided(low, high, write, strings.ContainsAny(text, "%msh")), ""
	}
	step := numbers[2]
	if !(step > 0) {
		return nil, fmt.Sprintf("%s has no step, want one above 0", text)
	}
	for i := 0; i <= maxValues; i++ {
		v := low + float64(i)*step
		if v > high+step*1e-12 {
			break
		}
		values = append(values, write(v))
	}
	return values, ""
}

// divided returns values from low to high, both included. Those between whole numbers are
// whole, and without a unit they are all taken up to a number of them.
func divided(low, high float64, write func(float64) string, unit bool) (values []string) {
	parts := float64(steps)
	whole := low == math.Trunc(low) && high == math.Trunc(high)
	if whole && (high-low < steps || high-low < mostWhole && !unit) {
		parts = high - low
	}
	for i := range int(parts) + 1 {
		v := low + float64(i)*(high-low)/parts
		if whole {
			v = math.Round(v)
		}
		values = append(values, write(v))
	}
	return values
}

var measured = regexp.MustCompile(`^(-?[0-9]*\.?[0-9]+)(%|x|/s|/m|/h)?$`)

// sameUnit reads texts of the same unit, and returns how a number is written in it.
func sameUnit(texts []string) (numbers []float64, write func(float64) string, ok bool) {
	unit := ""
	for i, text := range texts {
		m := measured.FindStringSubmatch(strings.TrimSpace(text))
		if m == nil || i > 0 && m[2] != unit {
			return durations(texts)
		}
		v, err := strconv.ParseFloat(m[1], 64)
		if err != nil {
			return nil, nil, false
		}
		unit = m[2]
		numbers = append(numbers, v)
	}
	return numbers, func(v float64) string { return decimal(v, 10) + unit }, true
}

// decimal writes a number with so many digits, all of them if it is whole, and without an
// exponent: files have none in whole numbers and percentages.
func decimal(v float64, digits int) string {
	if v != math.Trunc(v) {
		v, _ = strconv.ParseFloat(strconv.FormatFloat(v, 'g', digits, 64), 64) // its own text
	}
	return strconv.FormatFloat(v, 'f', -1, 64)
}

func durations(texts []string) (numbers []float64, write func(float64) string, ok bool) {
	for _, text := range texts {
		d, err := time.ParseDuration(strings.TrimSpace(text))
		if err != nil {
			return nil, nil, false
		}
		numbers = append(numbers, float64(d))
	}
	return numbers, func(v float64) string { return time.Duration(math.Round(v)).String() }, true
}
