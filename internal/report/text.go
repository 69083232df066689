package report

import (
	"strings"
	"unicode"
)

// Clean replaces what a terminal would obey.
func Clean(text string) string {
	return strings.Map(func(c rune) rune {
		if unicode.IsPrint(c) {
			return c
		}
		return '\uFFFD'
	}, text)
}

// Markdown writes text so that it stays text: no markup, no links, no mentions.
func Markdown(text string) string {
	var b strings.Builder
	for _, c := range Clean(text) {
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
