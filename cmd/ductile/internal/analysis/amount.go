package analysis

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"
)

// Span is a length of time that may have no bound.
type Span time.Duration

// Unbounded is the Span without a bound.
const Unbounded Span = math.MaxInt64

// span returns d, or Unbounded if d is negative or too long to be told from it.
func span(d time.Duration) Span {
	if d < 0 {
		return Unbounded
	}
	return Span(d)
}

// orUnbounded returns d, or Unbounded for 0, which means no limit in a Spec.
func orUnbounded(d time.Duration) Span {
	if d == 0 {
		return Unbounded
	}
	return span(d)
}

// plus returns the sum. It does not overflow.
func (s Span) plus(t Span) Span {
	if s > Unbounded-t {
		return Unbounded
	}
	return s + t
}

// times returns s repeated n times. It does not overflow.
func (s Span) times(n Count) Span {
	if s == 0 || n == 0 {
		return 0
	}
	if s == Unbounded || n == Unlimited || int64(s) > math.MaxInt64/int64(n) {
		return Unbounded
	}
	return s * Span(n)
}

// scaled returns s multiplied by f, rounded to the nanosecond.
func (s Span) scaled(f float64) Span {
	d := math.Round(float64(s) * f)
	if s == Unbounded || d >= math.MaxInt64 {
		return Unbounded
	}
	return Span(d)
}

// String returns the span as short as it is exact, such as "1.5s", "5m" or "unbounded".
func (s Span) String() string {
	if s == Unbounded {
		return "unbounded"
	}
	text := time.Duration(s).String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, zero) {
			text = text[:len(text)-2]
		}
	}
	return text
}

// MarshalJSON returns the text of String.
func (s Span) MarshalJSON() ([]byte, error) { return json.Marshal(s.String()) }

// Count is a number that may have no limit.
type Count int64

// Unlimited is the Count without a limit.
const Unlimited Count = math.MaxInt64

// countOf returns f without its fraction. Beyond the largest Count it is Unlimited.
func countOf(f float64) Count {
	if f >= math.MaxInt64 || math.IsNaN(f) {
		return Unlimited
	}
	return Count(f)
}

// plus returns the sum. It does not overflow.
func (c Count) plus(d Count) Count {
	if c > Unlimited-d {
		return Unlimited
	}
	return c + d
}

// times returns the product. It does not overflow.
func (c Count) times(d Count) Count {
	if c == 0 || d == 0 {
		return 0
	}
	if c == Unlimited || d == Unlimited || c > math.MaxInt64/d {
		return Unlimited
	}
	return c * d
}

// String returns the number, or "unlimited".
func (c Count) String() string {
	if c == Unlimited {
		return "unlimited"
	}
	return strconv.FormatInt(int64(c), 10)
}

// MarshalJSON returns the number, or "unlimited".
func (c Count) MarshalJSON() ([]byte, error) {
	if c == Unlimited {
		return []byte(`"unlimited"`), nil
	}
	return []byte(c.String()), nil
}

// Factor is a ratio of loads, or a number a second. It may be infinite.
type Factor float64

// String returns the ratio with at most two decimals, or with two digits if it is less than a
// tenth: 10 an hour are not 0 a second. An infinite one is "unlimited".
func (f Factor) String() string {
	switch x := float64(f); {
	case math.IsInf(x, 1):
		return "unlimited"
	case x > 0 && x < 0.1:
		two, _ := strconv.ParseFloat(strconv.FormatFloat(x, 'g', 2, 64), 64) // its own text
		return strconv.FormatFloat(two, 'f', -1, 64)
	default:
		return strconv.FormatFloat(math.Round(x*100)/100, 'f', -1, 64)
	}
}

// MarshalJSON returns the number of String, or "unlimited".
func (f Factor) MarshalJSON() ([]byte, error) {
	if math.IsInf(float64(f), 1) {
		return []byte(`"unlimited"`), nil
	}
	return []byte(f.String()), nil
}

func (c Count) factor() Factor {
	if c == Unlimited {
		return Factor(math.Inf(1))
	}
	return Factor(c)
}
