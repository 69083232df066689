package decode

import (
	"regexp"
	"strings"
)

var (
	goName      = regexp.MustCompile(`\b(Funcs\.)?[A-Z][A-Za-z]*\b`)
	constant    = regexp.MustCompile(`\b(Unlimited|NoDelay|NoJitter|NoWait|NoMinimum|NoBurst|AtOnce)\b( \(-1(ns)?\))?`)
	zeroWithout = regexp.MustCompile(`^(?:0|nil)( without| beside|:|,)`)
	words       = map[string]string{
		"Unlimited": "unlimited", "AtOnce": "at_once",
		"FIFO": "fifo", "LIFO": "lifo", "Adaptive": "adaptive",
	}
)

// InWords words the want of a Config's fault for the author of a file: with the words for
// special values, and with the keys of fields, by their names in Go. In a file, a field is left out where
// a Config has 0.
func InWords(text string, keys map[string]string) string {
	text = strings.ReplaceAll(text, " of the Spec", " that is declared")
	text = zeroWithout.ReplaceAllString(text, "it left out$1")
	text = constant.ReplaceAllStringFunc(text, func(s string) string {
		name, _, _ := strings.Cut(s, " ")
		if word := words[name]; word != "" {
			return word
		}
		return "none"
	})
	return goName.ReplaceAllStringFunc(text, func(s string) string {
		if word := words[s]; word != "" {
			return word
		}
		if key := keys[s]; key != "" {
			return key
		}
		return s
	})
}
