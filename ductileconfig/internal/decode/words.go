package decode

import (
	"regexp"
	"strings"
)

var (
	goName     = regexp.MustCompile(`\b(Funcs\.)?[A-Z][A-Za-z]*\b`)
	constant   = regexp.MustCompile(`\b(Unlimited|NoDelay|NoJitter|NoWait|NoMinimum|NoBurst|AtOnce)\b( \(-1(ns)?\))?`)
	zeroWanted = regexp.MustCompile(`^(?:0|nil)( with| beside| for|:|,)`)
	words      = map[string]string{
		"Unlimited": "unlimited", "AtOnce": "at_once",
		"FIFO": "fifo", "LIFO": "lifo", "Adaptive": "adaptive",
	}
)

// InWords translates what a fault of a Config wants for the author of a file: special values
// become their words, and Go names become the keys that keys has for them. Where a Config has
// 0, a file leaves the field out.
func InWords(text string, keys map[string]string) string {
	text = strings.ReplaceAll(text, " of the Spec", " that is declared")
	text = zeroWanted.ReplaceAllString(text, "it left out$1")
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
