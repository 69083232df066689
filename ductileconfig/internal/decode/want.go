package decode

import (
	"reflect"
	"strconv"
	"strings"

	"github.com/ductile-go/ductile/ductileconfig/internal/table"
)

// Want returns what a value may be, as errors and the documentation say it.
func Want(t *table.Type, fact *table.Fact) string {
	if fact.Want != "" {
		return fact.Want
	}
	switch t.Kind {
	case table.Duration:
		return wantDuration(fact)
	case table.Rate:
		limit := strconv.FormatFloat(fact.Limit(), 'f', -1, 64)
		percent := strconv.FormatFloat(100*fact.Limit(), 'f', -1, 64)
		if strict(fact) {
			return orWords("more than 0, up to "+limit+" (or "+percent+"%)", fact)
		}
		return orWords("0 to "+limit+" (or 0% to "+percent+"%)", fact)
	case table.Float:
		if strict(fact) {
			return orWords("a number above 0", fact)
		}
		return orWords("a number, 0 or more", fact)
	case table.Int, table.Uint:
		if strict(fact) {
			return orWords("a whole number, 1 or more", fact)
		}
		return orWords("a whole number, 0 or more", fact)
	case table.Bool:
		return "true or false"
	case table.Word:
		return oneOf(fact.Enum)
	case table.String:
		if len(fact.Enum) > 0 {
			return oneOf(fact.Enum)
		}
		return "a name"
	case table.Map:
		return "a mapping of names"
	case table.List:
		return "a list"
	}
	return "a mapping"
}

// strict reports whether zero may not be written.
func strict(fact *table.Fact) bool { return fact.Default != "" && !fact.Zero }

func wantDuration(fact *table.Fact) string {
	if strict(fact) {
		return orWords("a duration above 0, such as 30s or 1m30s", fact)
	}
	return orWords("a duration such as 30s or 1m30s", fact)
}

// orWords adds the words for special values. One for zero only says what zero does.
func orWords(want string, fact *table.Fact) string {
	for _, word := range fact.WordList() {
		if !reflect.ValueOf(fact.Words[word]).IsZero() {
			want += ", or " + word
		}
	}
	return want
}

func oneOf(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}
