package decode

import (
	"encoding"
	"math"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/ductile-go/ductile/ductileconfig/internal/table"
	"github.com/ductile-go/ductile/ductileconfig/internal/tree"
)

// Patterns of values, for the decoder and the schema.
const (
	IntPattern      = `^-?(0|[1-9][0-9]*(_[0-9]+)*)$`
	FloatPattern    = `^-?(0|[1-9][0-9]*(_[0-9]+)*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$`
	PercentPattern  = `^(0|[1-9][0-9]*)(\.[0-9]+)?%$`
	DurationPattern = `^([0-9]+(\.[0-9]+)?(ns|us|µs|μs|ms|s|m|h))+$`
)

var (
	intForm      = regexp.MustCompile(IntPattern)
	floatForm    = regexp.MustCompile(FloatPattern)
	percentForm  = regexp.MustCompile(PercentPattern)
	durationForm = regexp.MustCompile(DurationPattern)
	daysForm     = regexp.MustCompile(`^([0-9]{1,5})d$`)
)

// scalar decodes a single value.
func (d *Decoder) scalar(n *tree.Node, t *table.Type, fact *table.Fact, v reflect.Value, path string) {
	if word, ok := fact.Words[n.Text]; ok {
		v.Set(reflect.ValueOf(word).Convert(v.Type()))
		return
	}
	switch t.Kind {
	case table.String:
		d.text(n, fact, v, path)
		return
	case table.Word:
		d.word(n, fact, v, path)
		return
	case table.Duration:
		d.duration(n, fact, v, path)
		return
	}
	if n.Quoted && t.Kind != table.Rate {
		d.wrong(n, path, Want(t, fact), "remove the quotes")
		return
	}
	switch t.Kind {
	case table.Bool:
		d.boolean(n, v, path)
	case table.Rate:
		d.rate(n, fact, v, path)
	case table.Float:
		d.float(n, fact, v, path)
	default:
		d.integer(n, t, fact, v, path)
	}
}

// text decodes a text, which must be one of Enum if that is all there is.
func (d *Decoder) text(n *tree.Node, fact *table.Fact, v reflect.Value, path string) {
	if fact.Known {
		for _, word := range fact.Enum {
			if word == n.Text {
				v.SetString(n.Text)
				return
			}
		}
		d.wrong(n, path, oneOf(fact.Enum), Suggest(n.Text, fact.Enum))
		return
	}
	v.SetString(n.Text)
}

// word decodes a text that the type itself reads.
func (d *Decoder) word(n *tree.Node, fact *table.Fact, v reflect.Value, path string) {
	if err := v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(n.Text)); err != nil {
		want := fact.Want
		if want == "" {
			want = oneOf(fact.Enum)
		}
		d.wrong(n, path, want, Suggest(n.Text, fact.Enum))
		return
	}
	d.origin(n, path)
}

func (d *Decoder) boolean(n *tree.Node, v reflect.Value, path string) {
	switch strings.ToLower(n.Text) {
	case "true", "false":
		v.SetBool(strings.EqualFold(n.Text, "true"))
	case "yes", "on", "y":
		d.wrong(n, path, "true or false", "did you mean true?")
	case "no", "off", "n":
		d.wrong(n, path, "true or false", "did you mean false?")
	default:
		d.wrong(n, path, "true or false", "")
	}
}

func (d *Decoder) duration(n *tree.Node, fact *table.Fact, v reflect.Value, path string) {
	want := wantDuration(fact)
	value, err := time.ParseDuration(n.Text)
	switch days := daysForm.FindStringSubmatch(n.Text); {
	case floatForm.MatchString(n.Text):
		d.wrong(n, path, want, "a number alone has no unit: did you mean "+strings.TrimPrefix(digits(n.Text), "-")+"s?")
		return
	case days != nil:
		count, _ := strconv.Atoi(days[1])
		d.wrong(n, path, want, "did you mean "+strconv.Itoa(24*count)+"h?")
		return
	case err == nil && value < 0:
		d.wrong(n, path, want, "")
		return
	case err != nil && durationForm.MatchString(n.Text):
		d.wrong(n, path, want+", at most 2562047h", "")
		return
	case !durationForm.MatchString(n.Text):
		d.wrong(n, path, want, Suggest(n.Text, fact.WordList()))
		return
	}
	if value == 0 && d.zero(n, fact, path, want) {
		return
	}
	v.SetInt(int64(value))
}

// zero adds a fault if a zero is written that would mean a default.
func (d *Decoder) zero(n *tree.Node, fact *table.Fact, path, want string) bool {
	if fact.Default == "" || fact.Zero {
		return false
	}
	d.wrong(n, path, want, "leave it out for the default, "+fact.Default)
	return true
}

func (d *Decoder) rate(n *tree.Node, fact *table.Fact, v reflect.Value, path string) {
	want, value := Want(&table.Type{Kind: table.Rate}, fact), 0.0
	switch {
	case percentForm.MatchString(n.Text):
		// As text, since 2.2 / 100 is more than 0.022: a circuit would not open at 22 of 1,000.
		number, err := strconv.ParseFloat(strings.TrimSuffix(n.Text, "%")+"e-2", 64)
		if err != nil {
			d.wrong(n, path, want, "")
			return
		}
		value = number
	case n.Quoted && floatForm.MatchString(n.Text):
		d.wrong(n, path, want, "remove the quotes")
		return
	default:
		number, ok := d.number(n, fact, path, want)
		if !ok {
			return
		}
		value = number
	}
	if value < 0 || value > fact.Limit() {
		d.wrong(n, path, want, wordFor(digits(n.Text), fact))
		return
	}
	if value == 0 && d.zero(n, fact, path, want) {
		return
	}
	v.SetFloat(value)
}

func (d *Decoder) float(n *tree.Node, fact *table.Fact, v reflect.Value, path string) {
	want := Want(&table.Type{Kind: table.Float}, fact)
	value, ok := d.number(n, fact, path, want)
	if !ok {
		return
	}
	if value < 0 {
		d.wrong(n, path, want, wordFor(digits(n.Text), fact))
		return
	}
	if value == 0 && d.zero(n, fact, path, want) {
		return
	}
	v.SetFloat(value)
}

// number returns the number that a text is. It adds a fault if it is none.
func (d *Decoder) number(n *tree.Node, fact *table.Fact, path, want string) (float64, bool) {
	if !floatForm.MatchString(n.Text) {
		d.wrong(n, path, want, numberHint(n.Text, fact))
		return 0, false
	}
	value, err := strconv.ParseFloat(digits(n.Text), 64)
	if err != nil || math.IsInf(value, 0) {
		d.wrong(n, path, want, "")
		return 0, false
	}
	return value, true
}

var (
	leadingZero = regexp.MustCompile(`^-?0+[0-9_]`)
	wholeFloat  = regexp.MustCompile(`^-?[0-9]+(\.0*)?([eE]\+?[0-9]+)?$`)
)

// numberHint returns what is probably meant by a text that is no number as we read them.
func numberHint(text string, fact *table.Fact) string {
	switch {
	case strings.HasPrefix(text, ".") && floatForm.MatchString("0"+text):
		return "did you mean 0" + text + "?"
	case leadingZero.MatchString(text):
		if number, err := strconv.ParseFloat(strings.TrimLeft(digits(text), "0"), 64); err == nil {
			return "remove the leading zero: did you mean " + strconv.FormatFloat(number, 'f', -1, 64) + "?"
		}
		return "remove the leading zero"
	case wholeFloat.MatchString(text):
		if number, err := strconv.ParseFloat(text, 64); err == nil && number < 1e15 {
			return "did you mean " + strconv.FormatFloat(number, 'f', -1, 64) + "?"
		}
	}
	return Suggest(text, fact.WordList())
}

func (d *Decoder) integer(n *tree.Node, t *table.Type, fact *table.Fact, v reflect.Value, path string) {
	want := Want(t, fact)
	if !intForm.MatchString(n.Text) {
		d.wrong(n, path, want, numberHint(n.Text, fact))
		return
	}
	text := digits(n.Text)
	if text[0] == '-' {
		d.wrong(n, path, want, wordFor(text, fact))
		return
	}
	value, err := strconv.ParseUint(text, 10, 64)
	switch {
	case err != nil && t.Kind == table.Uint:
		d.wrong(n, path, want+", at most 18446744073709551615", "")
		return
	case err != nil || t.Kind == table.Int && value > math.MaxInt64:
		d.wrong(n, path, want+", at most 9223372036854775807", "")
		return
	}
	if value == 0 && d.zero(n, fact, path, want) {
		return
	}
	if t.Kind == table.Uint {
		v.SetUint(value)
		return
	}
	if v.OverflowInt(int64(value)) {
		d.wrong(n, path, want+", at most 2147483647", "")
		return
	}
	v.SetInt(int64(value))
}

// digits returns a number without the underscores between its digits.
func digits(text string) string { return strings.ReplaceAll(text, "_", "") }

// wordFor returns a hint for a special value that is written as its number.
func wordFor(text string, fact *table.Fact) string {
	number, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return ""
	}
	for _, word := range fact.WordList() {
		v := reflect.ValueOf(fact.Words[word])
		if v.CanInt() && float64(v.Int()) == number || v.CanFloat() && v.Float() == number {
			return "write " + word
		}
	}
	return ""
}
