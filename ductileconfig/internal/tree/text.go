package tree

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Text is a file's text in lines, split where the YAML parser counts a line.
type Text struct{ lines []string }

const mark = "\ufeff" // the byte order mark

// NewText splits a text into lines.
func NewText(s string) *Text {
	s = strings.TrimPrefix(s, mark)
	t := &Text{}
	for {
		i, width := lineBreak(s)
		if width == 0 {
			t.lines = append(t.lines, s)
			return t
		}
		t.lines = append(t.lines, s[:i])
		s = s[i+width:]
	}
}

// lineBreak returns the index and the width of the first line break, or a width of 0.
func lineBreak(s string) (index, width int) {
	for i, r := range s {
		switch r {
		case '\r':
			if strings.HasPrefix(s[i:], "\r\n") {
				return i, 2
			}
			return i, 1
		case '\n', '\u0085', '\u2028', '\u2029':
			return i, utf8.RuneLen(r)
		}
	}
	return 0, 0
}

// Line returns a line, counted from 1, or "".
func (t *Text) Line(n int) string {
	if t == nil || n < 1 || n > len(t.lines) {
		return ""
	}
	return t.lines[n-1]
}

// lastLine returns n, or the number of the last line that is not blank if that is less.
func (t *Text) lastLine(n int) int {
	for n = min(n, len(t.lines)); n > 1 && strings.TrimSpace(t.lines[n-1]) == ""; {
		n--
	}
	return max(n, 1)
}

// find returns the place of the first occurrence of a word in the text that no more
// letters, digits, "_" or "-" follow, or ok false.
func (t *Text) find(word string) (line, column int, ok bool) {
	for n, s := range t.lines {
		for from := 0; ; {
			i := strings.Index(s[from:], word)
			if i < 0 {
				break
			}
			from += i + len(word)
			if next, _ := utf8.DecodeRuneInString(s[from:]); !wordRune(next) {
				return n + 1, utf8.RuneCountInString(s[:from-len(word)]) + 1, true
			}
		}
	}
	return 0, 0, false
}

func wordRune(r rune) bool {
	return r == '_' || r == '-' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
}

// maxExcerpt is how many characters of a line an excerpt shows.
const maxExcerpt = 160

// Excerpt returns the line of a place with a caret under its column, or "" if the text is
// not there.
func (p Place) Excerpt() string {
	line := p.Text.Line(p.Line)
	if strings.TrimSpace(line) == "" {
		return ""
	}
	runes, more := firstRunes(line, maxExcerpt)
	if more {
		if p.Column > maxExcerpt {
			return ""
		}
		runes = append(runes, '…')
	}
	number := fmt.Sprintf("    %d", p.Line)
	excerpt := number + " | " + string(runes)
	if p.Column < 1 || p.Column > len(runes)+1 {
		return excerpt
	}
	pad := []rune(strings.Repeat(" ", p.Column-1))
	for i, r := range runes[:p.Column-1] {
		if r == '\t' { // as wide as above
			pad[i] = '\t'
		}
	}
	return excerpt + "\n" + strings.Repeat(" ", len(number)) + " | " + string(pad) + "^"
}

// firstRunes returns the first n characters of s, as a terminal may show them, and whether
// there are more. It does not look at the rest: a file of one line may have a fault in each
// of its values.
func firstRunes(s string, n int) (runes []rune, more bool) {
	for _, r := range s {
		if len(runes) == n {
			return runes, true
		}
		runes = append(runes, visible(r))
	}
	return runes, false
}

// visible replaces characters that a terminal might obey.
func visible(r rune) rune {
	if r != '\t' && !allowed(r) {
		return utf8.RuneError
	}
	return r
}
