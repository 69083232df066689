package analysis_test

// checkCase has a declaration with a fault, what is found in it, and the same declaration
// without the fault, in which nothing is found.
type checkCase struct {
	name, bad, want, good string
	notes                 bool
}

// cases are cases of timeouts, waits and retries.
var cases = []checkCase{
	{
		name: "an attempt timeout as long as the total",
		bad:  "pipelines: {p: {total_timeout: 3s, attempt_timeout: 3s}}",
		want: "error attempt-timeout-never-acts pipelines.p.attempt_timeout: attempt_timeout is 3s and never acts: total_timeout, 3s, ends the call first",
		good: "pipelines: {p: {total_timeout: 3s, attempt_timeout: 2s}}",
	},
	{
		name: "delays that fill the total",
		bad:  "pipelines: {p: {total_timeout: 5s, attempt_timeout: 100ms, retry: {max_attempts: 4, base_delay: 1s}}}",
		want: "error delays-do-not-fit pipelines.p.retry: attempt 4 never begins: the delays before it take 7s, and total_timeout is 5s",
		good: "pipelines: {p: {total_timeout: 5s, attempt_timeout: 100ms, retry: {max_attempts: 3, base_delay: 1s}}}",
	},
	{
		name: "delays that fill the total unless jitter makes them shorter",
		bad:  "pipelines: {p: {total_timeout: 3s, attempt_timeout: 100ms, retry: {max_attempts: 3, base_delay: 1s}}}",
		want: "warning delays-do-not-fit pipelines.p.retry: attempt 3 may not begin: the delays before it take 3s on average, and total_timeout is 3s",
		good: "pipelines: {p: {total_timeout: 4s, attempt_timeout: 100ms, retry: {max_attempts: 3, base_delay: 1s}}}",
	},
	{
		name: "delays that fill the total even where jitter makes them shorter",
		bad:  "pipelines: {p: {total_timeout: 2.7s, attempt_timeout: 100ms, retry: {max_attempts: 3, base_delay: 1s}}}",
		want: "error delays-do-not-fit pipelines.p.retry: attempt 3 never begins: the delays before it take 3s, and total_timeout is 2.7s",
		good: "pipelines: {p: {total_timeout: 3s, attempt_timeout: 100ms, retry: {max_attempts: 3, base_delay: 500ms}}}",
	},
	{
		name: "attempts that time out and fill the total unless jitter makes the delays shorter",
		bad:  "pipelines: {p: {total_timeout: 5.5s, attempt_timeout: 2s, retry: {}}}",
		want: "warning attempts-do-not-fit pipelines.p.attempt_timeout: if attempts time out, attempt 3 may not begin: 2 attempts of 2s and delays of 1.5s take 5.5s, and total_timeout is 5.5s",
		good: "pipelines: {p: {total_timeout: 10s, attempt_timeout: 2s, retry: {}}}",
	},
	{
		name: "default delays that fill the total",
		bad:  "pipelines: {p: {total_timeout: 1s, attempt_timeout: 100ms, retry: {}}}",
		want: "warning delays-do-not-fit pipelines.p.retry: attempt 3 never begins: the delays before it take 1.5s, and total_timeout is 1s",
		good: "pipelines: {p: {total_timeout: 1s, attempt_timeout: 100ms, retry: {base_delay: 100ms}}}",
	},
	{
		name: "attempts limited by time",
		bad:  "pipelines: {p: {total_timeout: 5s, attempt_timeout: 1s, retry: {max_attempts: 100, max_elapsed: 5s}}}",
		want: "warning max-elapsed-never-acts pipelines.p.retry.max_elapsed: max_elapsed is 5s and never acts: total_timeout, 5s, ends the call first",
		good: "pipelines: {p: {total_timeout: 5s, attempt_timeout: 1s, retry: {max_attempts: 100, max_elapsed: 4s}}}",
	},
	{
		name: "attempts that time out and fill the total",
		bad:  "pipelines: {p: {total_timeout: 5s, attempt_timeout: 2s, retry: {}}}",
		want: "warning attempts-do-not-fit pipelines.p.attempt_timeout: if attempts time out, attempt 3 never begins: 2 attempts of 2s and delays of 1.5s take 5.5s, and total_timeout is 5s",
		good: "pipelines: {p: {total_timeout: 10s, attempt_timeout: 2s, retry: {}}}",
	},
	{
		name: "a last attempt with little time", notes: true,
		bad:  "budgets: {b: {}}\npipelines: {p: {total_timeout: 6s, attempt_timeout: 2s, retry: {budget: b}}}",
		want: "note last-attempt-is-short pipelines.p.attempt_timeout: if attempts time out, the last has 500ms of its 2s left: total_timeout is 6s",
		good: "budgets: {b: {}}\npipelines: {p: {total_timeout: 7s, attempt_timeout: 2s, retry: {budget: b}}}",
	},
	{
		name: "an abandon without a timeout",
		bad:  "pipelines: {p: {abandon: true}}",
		want: "warning abandon-never-acts pipelines.p.abandon: abandon never acts: there is no timeout",
		good: "pipelines: {p: {abandon: true, attempt_timeout: 1s}}",
	},
	{
		name: "a wait for a place as long as the attempt",
		bad:  "bulkheads: {b: {limit: 5, max_queue: 5, max_wait: 2s}}\npipelines: {p: {bulkhead: b, attempt_timeout: 2s}}",
		want: "warning wait-past-timeout bulkheads.b.max_wait: max_wait is 2s, but an attempt of p ends after 2s, its time in the queue included: the wait can use up all of it",
		good: "bulkheads: {b: {limit: 5, max_queue: 5, max_wait: 1s}}\npipelines: {p: {bulkhead: b, attempt_timeout: 2s}}",
	},
	{
		name: "a wait for a place of an adaptive limit",
		bad:  "adaptive_limits: {a: {max_queue: 5, max_wait: 3s}}\npipelines: {p: {adaptive_limit: a, total_timeout: 2s}}",
		want: "warning wait-past-timeout adaptive_limits.a.max_wait: max_wait is 3s, but an attempt of p ends after 2s, its time in the queue included: the wait can use up all of it",
		good: "adaptive_limits: {a: {max_queue: 5, max_wait: 1s}}\npipelines: {p: {adaptive_limit: a, total_timeout: 2s}}",
	},
	{
		name: "a wait for tokens as long as the call",
		bad:  "rate_limits: {r: {limit: 5, max_wait: 2s}}\npipelines: {p: {rate_limit: r, total_timeout: 2s}}",
		want: "warning wait-past-timeout rate_limits.r.max_wait: max_wait is 2s, but a call of p ends after 2s: the wait for tokens can use up all of it",
		good: "rate_limits: {r: {limit: 5, max_wait: 1s}}\npipelines: {p: {rate_limit: r, total_timeout: 2s}}",
	},
	{
		name: "a wait for tokens longer than an attempt", notes: true,
		bad:  "rate_limits: {r: {limit: 5, max_wait: 2s}}\npipelines: {p: {rate_limit: r, attempt_timeout: 1s}}",
		want: "note wait-past-attempt rate_limits.r.max_wait: an attempt of p waits up to 2s for tokens and then runs for at most 1s",
		good: "rate_limits: {r: {limit: 5, max_wait: 1s}}\npipelines: {p: {rate_limit: r, attempt_timeout: 1s}}",
	},
	{
		name: "a pipeline inside that takes longer",
		bad:  "pipelines: {p: {attempt_timeout: 2s, pipeline: in}, in: {total_timeout: 3s}}",
		want: "warning inner-pipeline-is-cut pipelines.p.attempt_timeout: attempt_timeout is 2s, but pipeline in inside takes up to 3s",
		good: "pipelines: {p: {attempt_timeout: 3s, pipeline: in}, in: {total_timeout: 3s}}",
	},
	{
		name: "a place held without end",
		bad:  "bulkheads: {b: {limit: 5}}\npipelines: {p: {bulkhead: b}}",
		want: "warning no-timeout pipelines.p: p has no timeout: a call that hangs keeps a place of bulkheads.b until its caller gives up",
		good: "bulkheads: {b: {limit: 5}}\npipelines: {p: {bulkhead: b, total_timeout: 1s}}",
	},
	{
		name: "a place of an adaptive limit held without end",
		bad:  "adaptive_limits: {a: {}}\npipelines: {p: {adaptive_limit: a}}",
		want: "warning no-timeout pipelines.p: p has no timeout: a call that hangs keeps a place of adaptive_limits.a until its caller gives up",
		good: "adaptive_limits: {a: {}}\npipelines: {o: {attempt_timeout: 1s, pipeline: p}, p: {adaptive_limit: a}}",
	},
	{
		name: "no timeout", notes: true,
		bad:  "pipelines: {p: {}}",
		want: "note no-timeout pipelines.p: p has no timeout: a call that hangs ends only with its caller's context",
		good: "pipelines: {p: {total_timeout: 1m}}",
	},
	{
		name: "attempts without end",
		bad:  "pipelines: {p: {attempt_timeout: 1s, retry: {max_attempts: unlimited}}}",
		want: "warning attempts-without-end pipelines.p.retry.max_attempts: max_attempts is unlimited and no time limits the call: it is repeated until its caller gives up",
		good: "pipelines: {p: {attempt_timeout: 1s, retry: {max_attempts: unlimited, max_elapsed: 1m}}}",
	},
	{
		name: "one attempt", notes: true,
		bad:  "pipelines: {p: {attempt_timeout: 1s, retry: {max_attempts: 1}}}",
		want: "note retry-never-acts pipelines.p.retry.max_attempts: max_attempts is 1: there is no second attempt",
		good: "pipelines: {p: {attempt_timeout: 1s}}",
	},
	{
		name: "no delay",
		bad:  "pipelines: {p: {attempt_timeout: 1s, retry: {base_delay: none}}}",
		want: "warning no-delay pipelines.p.retry.base_delay: retries follow at once: a dependency that fails for a moment gets 3 attempts in that moment",
		good: "pipelines: {p: {attempt_timeout: 1s, retry: {base_delay: 10ms}}}",
	},
	{
		name: "no jitter",
		bad:  "pipelines: {p: {attempt_timeout: 1s, retry: {jitter_factor: none}}}",
		want: "warning no-jitter pipelines.p.retry.jitter_factor: the delays have no jitter: callers that fail together come back together",
		good: "pipelines: {p: {attempt_timeout: 1s, retry: {jitter_factor: 20%}}}",
	},
	{
		name: "a backoff without jitter",
		bad:  "pipelines: {p: {attempt_timeout: 1s, retry: {backoff: linear}}}",
		want: "warning no-jitter pipelines.p.retry.backoff: the delays have no jitter: callers that fail together come back together",
		good: "pipelines: {p: {attempt_timeout: 1s, retry: {backoff: decorrelated}}}",
	},
	{
		name: "a retry without a budget", notes: true,
		bad:  "pipelines: {p: {attempt_timeout: 1s, retry: {max_attempts: 4}}}",
		want: "note no-budget pipelines.p.retry: no budget limits the retries: while all calls fail, the load is 4 times that of the callers",
		good: "budgets: {b: {}}\npipelines: {p: {attempt_timeout: 1s, retry: {max_attempts: 4, budget: b}}}",
	},
	{
		name: "a budget that grants everything",
		bad:  "budgets: {b: {ratio: 100%}}\npipelines: {p: {attempt_timeout: 1s, retry: {max_attempts: 2, budget: b}}}",
		want: "warning budget-never-refuses budgets.b.ratio: ratio is 100%, and p retries a call at most once: the budget never refuses it",
		good: "budgets: {b: {ratio: 90%}}\npipelines: {p: {attempt_timeout: 1s, retry: {max_attempts: 2, budget: b}}}",
	},
	{
		name: "waiting for a rejection that never says when",
		bad:  "pipelines: {p: {attempt_timeout: 1s, retry: {retry_rejected: true}}}",
		want: "warning retry-rejected-never-acts pipelines.p.retry.retry_rejected: retry_rejected never acts: no circuit, rate limit or throttle inside says when to come back",
		good: "circuits: {c: {}}\npipelines: {p: {attempt_timeout: 1s, circuit: c, retry: {retry_rejected: true}}}",
	},
	{
		name: "a retry of what hangs", notes: true,
		bad:  "budgets: {b: {}}\npipelines: {p: {total_timeout: 9s, retry: {budget: b}}}",
		want: "note no-attempt-timeout pipelines.p.retry: an attempt that hangs takes all of total_timeout, 9s: the retry acts on failures alone",
		good: "budgets: {b: {}}\npipelines: {p: {total_timeout: 9s, attempt_timeout: 2s, retry: {budget: b}}}",
	},
}
