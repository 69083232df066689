package nearest_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ductile-go/ductile/internal/nearest"
)

var known = []string{
	"recovery_timeout", "max_recovery_timeout", "recovery_jitter", "failure_rate", "failure_threshold",
	"slow_call", "slow_rate", "window", "window_calls", "min_calls", "stripe", "max", "idle",
}

func TestSuggestsTheNameThatIsMeant(t *testing.T) {
	for word, want := range map[string]string{
		"recovery_timout":  "recovery_timeout",
		"recoverytimeout":  "recovery_timeout",
		"recoveryTimeout":  "recovery_timeout",
		"RECOVERY-TIMEOUT": "recovery_timeout",
		"recovery_timeotu": "recovery_timeout",
		"failure_raet":     "failure_rate",
		"failurerate":      "failure_rate",
		"windows":          "window",
		"window_call":      "window_calls",
		"strpie":           "stripe",
		"Stripe":           "stripe",
		"mx":               "max",
		"Max":              "max",
		"idel":             "idle",
	} {
		got, ok := nearest.To(word, known)
		assert.True(t, ok, word)
		assert.Equal(t, want, got, word)
	}
}

func TestAHintEndsAnError(t *testing.T) {
	assert.Equal(t, "; did you mean stripe?", nearest.HintAfter("; ", "strpie", known))
	assert.Empty(t, nearest.HintAfter("; ", "zzz", known))
}

func TestSuggestsNothingThatIsFarAway(t *testing.T) {
	for _, word := range []string{"", "x", "jitter_of_all", "retry", "payments", "timeout"} {
		got, ok := nearest.To(word, known)
		assert.False(t, ok, "%s: %s", word, got)
		assert.Empty(t, got)
		assert.Empty(t, nearest.Hint(word, known))
	}
	_, ok := nearest.To("stripe", nil)
	assert.False(t, ok)
}

func TestOfEquallyNearNamesTheFirstInTheAlphabetIsSuggested(t *testing.T) {
	got, ok := nearest.To("host3", []string{"host2", "host1", "host4"})
	assert.True(t, ok)
	assert.Equal(t, "host1", got)
}

func TestHintAsksAboutTheNearestName(t *testing.T) {
	assert.Equal(t, "did you mean stripe?", nearest.Hint("stirpe", known))
}

// reference computes the edits between two words by trying every last edit.
func reference(a, b []rune) int {
	switch {
	case len(a) == 0:
		return len(b)
	case len(b) == 0:
		return len(a)
	}
	n, m := len(a), len(b)
	best := min(reference(a[:n-1], b), reference(a, b[:m-1])) + 1
	same := 1
	if a[n-1] == b[m-1] {
		same = 0
	}
	best = min(best, reference(a[:n-1], b[:m-1])+same)
	if n > 1 && m > 1 && a[n-1] == b[m-2] && a[n-2] == b[m-1] {
		best = min(best, reference(a[:n-2], b[:m-2])+1)
	}
	return best
}

// Of two names, the one with fewer edits is suggested, as a plain recursion counts them.
func TestTheSuggestionHasTheFewestEdits(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	word := func() string {
		text := make([]rune, 1+rng.IntN(6))
		for i := range text {
			text[i] = []rune("abcé")[rng.IntN(4)]
		}
		return string(text)
	}
	for range 3000 {
		given, names := word(), []string{word(), word(), word()}
		want, best := "", -1
		for _, name := range names {
			edits := reference([]rune(given), []rune(name))
			if longest := max(len([]rune(given)), len([]rune(name))); edits > longest/3 {
				continue
			}
			if best < 0 || edits < best || edits == best && name < want {
				want, best = name, edits
			}
		}
		got, ok := nearest.To(given, names)
		assert.Equal(t, best >= 0, ok)
		assert.Equal(t, want, got, "%s of %v", given, names)
	}
}

// The search compares each character with each, unless the lengths alone differ too much.
func TestALongWordIsComparedInTime(t *testing.T) {
	_, ok := nearest.To(strings.Repeat("window_", 100_000), known)
	assert.False(t, ok)
	got, ok := nearest.To("RECOVERY-TIMEOUT", known)
	assert.True(t, ok)
	assert.Equal(t, "recovery_timeout", got)
}
