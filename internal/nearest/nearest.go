// Package nearest finds the known name that a misspelled one probably means, for errors
// that suggest it.
package nearest

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxHints is how many faults of one input have a hint at most. Each is looked for among all
// names: where thousands of references to thousands of names are wrong, that would take
// minutes.
const MaxHints = 20

// To returns the name in known that is nearest to word, or ok false if none is near. It
// is the one with the fewest edits: an edit inserts, deletes or replaces a character, or
// swaps two neighbors (Damerau-Levenshtein distance, restricted so that no substring is
// edited twice). Of equally near names it is the one that comes first in the alphabet.
//
// A name is near if a third of the characters of the longer of the two differ, at most,
// and one edit is always near if the longer has at least three characters. Differences
// between upper and lower case, and between "_" and "-", count as less than an edit.
func To(word string, known []string) (name string, ok bool) {
	best := 0
	for _, k := range known {
		most := limit(word, k)
		if farApart(word, k)*edit > most {
			continue // without the matrix, which is large for a long word
		}
		d := distance(word, k)
		if d > most {
			continue
		}
		if !ok || d < best || d == best && k < name {
			name, best, ok = k, d, true
		}
	}
	return name, ok
}

// Hint returns "did you mean name?", or "" if no known name is near.
func Hint(word string, known []string) string {
	if name, ok := To(word, known); ok {
		return "did you mean " + name + "?"
	}
	return ""
}

// HintAfter returns Hint behind a separator, or "" if no known name is near: the end of an
// error.
func HintAfter(separator, word string, known []string) string {
	if hint := Hint(word, known); hint != "" {
		return separator + hint
	}
	return ""
}

// The costs of differences. Each edit costs edit, and a difference of case or separator
// costs less than one.
const (
	edit  = 8
	minor = 1
)

// limit returns the greatest cost at which a and b are near.
func limit(a, b string) int {
	n := max(len([]rune(a)), len([]rune(b)))
	edits := n / 3
	if plain(a) == plain(b) {
		return n * edit
	}
	return edits*edit + edit - 1
}

// farApart returns the number of edits that the lengths of a and b alone make necessary.
func farApart(a, b string) int {
	n, m := utf8.RuneCountInString(a), utf8.RuneCountInString(b)
	return max(n, m) - min(n, m)
}

func plain(s string) string { return strings.ToLower(strings.ReplaceAll(s, "-", "_")) }

// plainRune is plain for one character.
func plainRune(r rune) rune {
	if r == '-' {
		return '_'
	}
	return unicode.ToLower(r)
}

// distance returns the cost of the edits that turn a into b. It keeps three rows of the
// matrix of Wagner and Fischer: a swap looks two rows back.
func distance(a, b string) int {
	from, to := []rune(a), []rune(b)
	before, last, row := make([]int, len(to)+1), make([]int, len(to)+1), make([]int, len(to)+1)
	for j := range last {
		last[j] = j * edit
	}
	for i := 1; i <= len(from); i++ {
		row[0] = i * edit
		for j := 1; j <= len(to); j++ {
			row[j] = min(last[j]+edit, row[j-1]+edit, last[j-1]+replace(from[i-1], to[j-1]))
			if i > 1 && j > 1 && from[i-1] == to[j-2] && from[i-2] == to[j-1] {
				row[j] = min(row[j], before[j-2]+edit)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(to)]
}

// replace returns the cost of writing b instead of a.
func replace(a, b rune) int {
	switch {
	case a == b:
		return 0
	case plainRune(a) == plainRune(b):
		return minor
	}
	return edit
}
