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

// Markdown writes text so that it stays text: no markup, no links, no mentions. GitHub looks
// for names and numbers to link in the finished page, where an entity is its character again.
// So they are parted from their @ and # by a space that is not seen.
func Markdown(text string) string {
	var b strings.Builder
	for _, c := range Clean(text) {
		switch {
		case c == '<':
			b.WriteString("&lt;")
		case c == '&':
			b.WriteString("&amp;")
		case c == '@':
			b.WriteString("@&#8203;")
		case c == '#':
			b.WriteString("#&#8203;")
		case strings.ContainsRune("\\`*_[]|~!$", c):
			b.WriteString("\\" + string(c))
		default:
			b.WriteRune(c)
		}
	}
	return links.Replace(b.String())
}

// links breaks what Markdown of GitHub makes a link without any markup.
var links = strings.NewReplacer("://", ":&#47;/", "www.", `www\.`)
