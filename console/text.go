package console

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// maxText bounds the texts of errors, in bytes.
const maxText = 1000

// textOf returns the redacted text of err, and "" if it is nil. It is shortened after it was
// redacted: a secret that is cut in two is no longer found. If Error or redact panics,
// nothing of the text is shown.
func textOf(err error, redact func(string) string) (text string) {
	if err == nil {
		return ""
	}
	defer func() {
		if recover() != nil {
			text = fmt.Sprintf("%T, whose text cannot be shown: Error or Config.Redact panicked", err)
		}
	}()
	return shortened(redact(err.Error()))
}

// redacted is textOf for a text.
func redacted(text string, redact func(string) string) (shown string) {
	defer func() {
		if recover() != nil {
			shown = "(cannot be shown: Config.Redact panicked)"
		}
	}()
	return shortened(redact(text))
}

// shortened cuts s after maxText bytes, at the end of a rune.
func shortened(s string) string {
	if len(s) <= maxText {
		return s
	}
	cut := maxText
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return strings.TrimSpace(s[:cut]) + "..."
}
