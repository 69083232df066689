package analysis

import (
	"fmt"
	"strings"

	"github.com/ductile-go/ductile/hedge"
)

// checkRetry finds retries that repeat too much, too fast, or never.
func (v *view) checkRetry(f *findings) {
	if v.spec.Retry == nil {
		return
	}
	d, path := delaysOf(*v.spec.Retry), v.at+".retry"
	n := d.attempts()
	if n == 1 {
		f.notef(path+".max_attempts", "retry-never-acts", "leave retry out", "max_attempts is 1: there is no second attempt")
		return
	}
	if n == Unlimited && d.cfg.MaxElapsed == 0 && v.spec.TotalTimeout == 0 {
		f.warnf(path+".max_attempts", "attempts-without-end", "set total_timeout or max_elapsed",
			"max_attempts is unlimited and no time limits the call: it is repeated until its caller gives up")
	}
	v.checkDelays(f, d, path)
	v.checkBudget(f, d, path)
	if v.spec.Retry.RetryRejected && !v.hinting() {
		f.warnf(path+".retry_rejected", "retry-rejected-never-acts", "leave it out",
			"retry_rejected never acts: no circuit, rate limit or throttle inside says when to come back")
	}
	if v.spec.AttemptTimeout == 0 && v.spec.TotalTimeout > 0 && v.attempt(Unbounded).time == Unbounded {
		f.notef(path, "no-attempt-timeout", "set attempt_timeout",
			"an attempt that hangs takes all of total_timeout, %s: the retry acts on failures alone", Span(v.spec.TotalTimeout))
	}
}

// checkDelays finds retries of many callers that come at the same time.
func (v *view) checkDelays(f *findings, d delays, path string) {
	switch {
	case d.unknown:
	case d.longest() == 0 || d.most(1, 0) == 0:
		f.warnf(path+".base_delay", "no-delay", "set base_delay",
			"retries follow at once: a dependency that fails for a moment gets %s in that moment", plural(d.attempts(), "attempt"))
	case !d.random():
		field := ".jitter_factor"
		if v.spec.Retry.BackoffName != "" {
			field = ".backoff"
		}
		f.warnf(path+field, "no-jitter", "leave jitter_factor at its default of 0.1, or use backoff: full_jitter",
			"the delays have no jitter: callers that fail together come back together")
	}
}

// checkBudget finds retries that no budget limits.
func (v *view) checkBudget(f *findings, d delays, path string) {
	if v.retryBudget == nil {
		f.notef(path, "no-budget", "name a budget, which by default allows one retry for ten calls and ten a second",
			"no budget limits the retries: while all calls fail, the load is %s times that of the callers", d.within(positive(Span(v.spec.TotalTimeout))))
		return
	}
	if n := d.attempts(); n != Unlimited && v.retryBudget.cfg.Ratio >= float64(n-1) {
		f.warnf(v.retryBudget.path+".ratio", "budget-never-refuses", "make it less than 1: 10% is usual",
			"ratio is %s, and %s retries a call at most %s: the budget never refuses it",
			percent(v.retryBudget.cfg.Ratio), v.name, times(n-1))
	}
}

func times(n Count) string {
	if n == 1 {
		return "once"
	}
	return n.String() + " times"
}

// hinting reports whether something inside the retry refuses calls and says when to come
// back.
func (v *view) hinting() bool {
	for _, p := range v.chain() {
		if p.circuit != nil || p.rate != nil || p.throttle != nil {
			return true
		}
	}
	return false
}

// checkStacked finds retries inside retries.
func (v *view) checkStacked(f *findings) {
	var parts, bare []string
	for _, l := range v.levels(Unbounded) {
		if l.kind != "retry" {
			continue
		}
		if parts == nil {
			parts = append(parts, fmt.Sprintf("%s makes up to %s", l.view.name, attempts(l.times)))
		} else {
			parts = append(parts, fmt.Sprintf("%s inside it up to %s", l.view.name, l.times))
		}
		if l.budget == nil {
			bare = append(bare, l.view.name)
		}
	}
	if len(parts) < 2 {
		return
	}
	most := v.worst(Unbounded).runs
	text := fmt.Sprintf("retries are stacked: %s: %s of the function for one call", strings.Join(parts, ", "), runs(most))
	severity, fix := Warning, "retry in one of them alone"
	if len(bare) == 0 { // budgets limit each of them
		severity = Note
	} else {
		fix += ", or give a budget to " + strings.Join(bare, " and ")
	}
	f.add(severity, v.at+".pipeline", "stacked-retries", text, fix)
}

func attempts(n Count) string { return plural(n, "attempt") }
func runs(n Count) string     { return plural(n, "run") }

// checkHedge finds hedges that never act, or act without limit.
func (v *view) checkHedge(f *findings) {
	h := v.spec.Hedge
	if h == nil {
		return
	}
	limit := min(v.attempt(Unbounded).time, positive(Span(v.spec.TotalTimeout)))
	if !h.OnFailure && hedgeDelay(h) >= limit {
		field := ".delay"
		if h.Delay == 0 {
			field = ".min_delay"
		}
		f.errorf(v.at+".hedge"+field, "hedge-never-acts", "make it shorter, near the time in which 95% of calls end, or set on_failure",
			"an extra attempt begins after %s, but an attempt ends within %s: the hedge never acts", hedgeDelay(h), limit)
		return
	}
	if h.Budget == hedge.NoBudget {
		f.notef(v.at+".hedge", "no-budget", "name a budget, or leave it out for the hedge's own",
			"no budget limits the hedge: while calls are slow, the load is %s times that of the callers", v.extra(limit, positive(Span(v.spec.TotalTimeout)))+1)
	}
}
