package analysis_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ductile-go/ductile/cmd/ductile/internal/analysis"
)

func TestAnAttemptTimeoutThatNeverActsDoesNotHideDelaysThatDoNotFit(t *testing.T) {
	assert.Equal(t, []string{
		"error attempt-timeout-never-acts pipelines.p.attempt_timeout: attempt_timeout is 5s and never acts: total_timeout, 5s, ends the call first",
		"error delays-do-not-fit pipelines.p.retry: attempt 4 never begins: the delays before it take 7s, and total_timeout is 5s",
	}, found(t, "pipelines: {p: {total_timeout: 5s, attempt_timeout: 5s, retry: {max_attempts: 4, base_delay: 1s}}}", false))
	assert.Equal(t, []string{
		"error attempt-timeout-never-acts pipelines.p.attempt_timeout: attempt_timeout is 9s and never acts: total_timeout, 5s, ends the call first",
	}, found(t, "pipelines: {p: {total_timeout: 5s, attempt_timeout: 9s, retry: {}}}", false), "attempts that do not fit follow from it")
}

func TestAQueueWithoutMaxWaitIsNoted(t *testing.T) {
	notes := func(text string) (all []string) {
		for _, f := range found(t, text, true) {
			if strings.HasPrefix(f, "note queue-without-end ") {
				all = append(all, f)
			}
		}
		return all
	}
	assert.Equal(t, []string{
		"note queue-without-end bulkheads.b.max_queue: max_wait is not set: an attempt of p may wait in the queue for all of its 2s, and then has no time left to run",
	}, notes("bulkheads: {b: {limit: 5, max_queue: 5}}\npipelines: {p: {bulkhead: b, attempt_timeout: 2s}}"))
	assert.Equal(t, []string{
		"note queue-without-end adaptive_limits.a.max_queue: max_wait is not set: a call of p waits in the queue until its caller gives up",
	}, notes("adaptive_limits: {a: {max_queue: 5}}\npipelines: {p: {adaptive_limit: a}}"))
	for _, good := range []string{"{limit: 5}", "{limit: 5, max_queue: 5, max_wait: 1s}", "{limit: 5, max_queue: 5, delay: {target: 5ms, interval: 100ms}}"} {
		assert.Empty(t, notes("bulkheads: {b: "+good+"}\npipelines: {p: {bulkhead: b, attempt_timeout: 2s}}"), good)
	}
}

// The search for how many attempts fit took one step for each that does not.
func TestABillionAttemptsAreCheckedInTime(t *testing.T) {
	assert.Equal(t, []string{
		"warning delays-do-not-fit pipelines.p.retry: attempt 1000000000 never begins: the delays before it take 1111111h6m27.5s, and total_timeout is 1m",
	}, found(t, "pipelines: {p: {total_timeout: 1m, retry: {max_attempts: 1000000000}}}", false))
	all := analysis.Check(load(t, "pipelines: {p: {total_timeout: 10s, retry: {max_attempts: 1000000000}}}"))
	assert.Contains(t, all[0].Fix, "allow 5 attempts", "0.5 + 1 + 2 + 4 s, and 4 s more do not fit")
}

// Each attempt of a retry was followed with each of those inside of it.
func TestNestedRetriesOfManyAttemptsAreExplainedInTime(t *testing.T) {
	r := explain(t, `
pipelines:
  a: {retry: {max_attempts: 900, base_delay: none}, pipeline: b}
  b: {retry: {max_attempts: 900, base_delay: none}, pipeline: c}
  c: {retry: {max_attempts: 900, base_delay: none}, pipeline: d}
  d: {retry: {max_attempts: 2, backoff: constant, base_delay: 1s}, attempt_timeout: 1s}
`, "a")
	assert.Equal(t, analysis.Count(2*900*900*900), r.Attempts.Most)
	assert.Equal(t, [2]analysis.Span{900 * 900 * 900 * sec, 900 * 900 * 900 * sec}, r.Time.GivesUp)
	assert.False(t, r.Attempts.Reached, "it was not looked at")
}

func TestNumbersBeyondAllBoundsAreNoFaults(t *testing.T) {
	const most = "2147483647"
	for _, text := range []string{
		"circuits: {c: {window: 2562047h, failure_rate: 50%}}\nrate_limits: {r: {limit: 16, per: 1ns}, s: {limit: 16, per: 1ns}}\n" +
			"pipelines: {p: {circuit: c, rate_limit: r, attempt_timeout: 1s}, q: {circuit: c, rate_limit: s, attempt_timeout: 1s}}",
		"circuits: {c: {window: 2562047h, failure_rate: 50%}}\nbulkheads: {b: {limit: " + most + "}, d: {limit: " + most + "}}\n" +
			"pipelines: {p: {circuit: c, bulkhead: b, attempt_timeout: 1s}, q: {circuit: c, bulkhead: d, attempt_timeout: 1s}}",
	} {
		assert.Empty(t, found(t, text, false), text)
	}
	r := explain(t, "budgets: {b: {ratio: 100%, min_per_second: 1e9, window: 2562047h}}\npipelines: {p: {retry: {budget: b}, attempt_timeout: 1s}}", "p")
	assert.True(t, r.Attempts.Reached, "the budget grants them all")
}
