package cli

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// place returns where a value comes from. If it is a default, that is the place of what it
// stands in.
func place(origins map[string]string, path string) (file string, line, column int) {
	for at := path; at != ""; at = at[:max(0, strings.LastIndexByte(at, '.'))] {
		if origin, ok := origins[at]; ok {
			return parseOrigin(origin)
		}
		if origin, ok := first(origins, at+"."); ok {
			return parseOrigin(origin)
		}
	}
	return "", 0, 0
}

// parseOrigin takes "ductile.yaml:9:5" apart. A variable has no line.
func parseOrigin(origin string) (file string, line, column int) {
	rest, last, ok := cutNumber(origin)
	if !ok {
		return origin, 0, 0
	}
	if before, first, ok := cutNumber(rest); ok {
		return before, first, last
	}
	return rest, last, 0
}

func cutNumber(s string) (before string, n int, ok bool) {
	i := strings.LastIndexByte(s, ':')
	if i < 0 {
		return s, 0, false
	}
	n, err := strconv.Atoi(s[i+1:])
	return s[:i], n, err == nil
}

// first returns the first origin, by line and column, of the values under a path.
func first(origins map[string]string, under string) (origin string, ok bool) {
	for path, o := range origins {
		if strings.HasPrefix(path, under) && (!ok || before(o, origin)) {
			origin, ok = o, true
		}
	}
	return origin, ok
}

// before reports whether origin a comes before b.
func before(a, b string) bool {
	fileA, lineA, columnA := parseOrigin(a)
	fileB, lineB, columnB := parseOrigin(b)
	switch {
	case fileA != fileB:
		return fileA < fileB
	case lineA != lineB:
		return lineA < lineB
	}
	return columnA < columnB
}

// texts holds the lines of files, each read once.
type texts map[string][]string

// breaks are the line breaks of YAML 1.1, by which its parser counts lines.
var breaks = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\u0085", "\n", "\u2028", "\n", "\u2029", "\n")

func lines(text []byte) []string {
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	return strings.Split(breaks.Replace(string(text)), "\n")
}

// maxExcerpt is how many characters of a line an excerpt shows, as in errors of ductileconfig.
const maxExcerpt = 160

// excerpt returns a line of a file with a caret below it, as the errors of ductileconfig
// do, or "" if there is none.
func (t texts) excerpt(file string, line, column int) string {
	all, ok := t[file]
	if !ok && line > 0 {
		if text, err := os.ReadFile(file); err == nil {
			all = lines(text)
		}
		t[file] = all
	}
	if line < 1 || line > len(all) {
		return ""
	}
	text := []rune(strings.Map(printable, all[line-1]))
	if len(text) > maxExcerpt {
		if column > maxExcerpt {
			return ""
		}
		text = append(text[:maxExcerpt:maxExcerpt], '…')
	}
	number := fmt.Sprintf("    %d", line)
	out := number + " | " + string(text)
	if column < 1 || column > len(text)+1 {
		return out
	}
	pad := strings.Map(func(r rune) rune {
		if r == '\t' {
			return r
		}
		return ' '
	}, string(text[:column-1]))
	return out + "\n" + strings.Repeat(" ", len(number)) + " | " + pad + "^"
}

// printable replaces characters that a terminal might obey.
func printable(r rune) rune {
	if r != '\t' && !unicode.IsPrint(r) {
		return utf8.RuneError
	}
	return r
}
