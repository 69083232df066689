package main

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// rehearsed runs the program and returns its exit code and what it wrote.
func rehearsed(t *testing.T, args ...string) (code int, out, errs string) {
	t.Helper()
	var o, e strings.Builder
	code = run(t.Context(), args, &o, &e)
	return code, o.String(), e.String()
}

func TestEveryExpectationHoldsAndTheReadmeShowsTheLines(t *testing.T) {
	code, out, errs := rehearsed(t)
	require.Equal(t, 0, code, errs)
	assert.Empty(t, errs)
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	assert.Contains(t, string(readme), strings.TrimRight(out, "\n"), "the lines in the README")
	assert.Len(t, strings.Split(strings.TrimSpace(out), "\n"), 1+len(rehearsals), "one line for each rehearsal")
}

func TestEveryRunComesToTheSameLines(t *testing.T) {
	for _, args := range [][]string{nil, {"-below"}} {
		_, first, _ := rehearsed(t, args...)
		_, again, _ := rehearsed(t, args...)
		assert.Equal(t, first, again)
	}
}

// The expectations are about the shop, and not about one sequence of faults.
func TestTheExpectationsHoldForOtherSeedsAndBothWays(t *testing.T) {
	for _, seed := range []string{"2", "9"} {
		for _, args := range [][]string{{"-seed", seed}, {"-seed", seed, "-below"}} {
			code, _, errs := rehearsed(t, args...)
			assert.Equal(t, 0, code, "%v: %s", args, errs)
		}
	}
}

func TestABrokenExpectationGivesACodeOtherThanZeroAndALineThatSaysWhich(t *testing.T) {
	code, out, errs := rehearsed(t, "-careless", "-only", "lost, after the charge")
	assert.Equal(t, 1, code)
	assert.Contains(t, out, "CHARGED TWICE")
	assert.Contains(t, errs, "rehearsal: stripe: 30 % of the answers are lost, after the charge: expected no card to be charged twice; got ")
	assert.Len(t, strings.Split(strings.TrimSpace(errs), "\n"), 1)
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	assert.Contains(t, string(readme), strings.TrimSpace(errs), "the line in the README")

	var o, e strings.Builder
	wrong := rehearsal{title: "a quiet day", on: "mail", want: []expectation{paidAtOnce(0, 3), mailedAtOnce(orders, orders)}}
	assert.Equal(t, 1, rehearse(t.Context(), []rehearsal{wrong}, config{seed: 1}, &o, &e))
	assert.Equal(t, "rehearsal: a quiet day: expected 0 to 3 orders to be paid at once; got 40\n", e.String())
}

func TestEveryStandingExpectationCanFail(t *testing.T) {
	good := result{}
	for _, e := range always() {
		_, ok := e.holds(good)
		require.True(t, ok, e.that)
	}
	faults := rehearsal{}.judge(result{refused: 1, twice: 2, unpaid: 3, unsent: 4, slowest: 2 * patience})
	assert.Equal(t, []string{
		"expected no order to be refused; got 1", "expected no card to be charged twice; got 2",
		"expected every order to be charged in the end; got 3", "expected every customer to get a mail in the end; got 4",
		"expected no customer to wait for more than 4s; got 8s",
	}, faults)
}

func TestWrongArgumentsAreRefused(t *testing.T) {
	for args, want := range map[string]string{
		"-seed 0":            "-seed is 0",
		"-only no-such-text": "no rehearsal has such a title",
		"-nonsense":          "flag provided but not defined",
		"stock":              `"stock" is no flag`,
		"-careless -below":   "-careless has no effect with -below",
	} {
		code, out, errs := rehearsed(t, strings.Fields(args)...)
		assert.Equal(t, 2, code, args)
		assert.Contains(t, errs, want)
		assert.Empty(t, out)
	}
}

func TestHelpIsNoFailure(t *testing.T) {
	code, out, errs := rehearsed(t, "-h")
	assert.Equal(t, 0, code)
	assert.Contains(t, errs, "-careless")
	assert.Empty(t, out)
}
