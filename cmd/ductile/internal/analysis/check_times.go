package analysis

import (
	"fmt"
	"time"

	"github.com/ductile-go/ductile/bulkhead"
)

// checkTimes finds limits of time that do not fit together.
func (v *view) checkTimes(f *findings) {
	total, attempt := Span(v.spec.TotalTimeout), Span(v.spec.AttemptTimeout)
	acting := attempt
	if total > 0 && attempt >= total {
		f.errorf(v.at+".attempt_timeout", "attempt-timeout-never-acts", "make it shorter than total_timeout, or leave it out",
			"attempt_timeout is %s and never acts: total_timeout, %s, ends the call first", attempt, total)
		acting = 0
	}
	if total > 0 && v.spec.Retry != nil {
		v.checkFit(f, total, acting)
	}
	if v.spec.Abandon && total == 0 && attempt == 0 {
		f.warnf(v.at+".abandon", "abandon-never-acts", "set a timeout, or leave abandon out",
			"abandon never acts: there is no timeout")
	}
	v.checkWaits(f, total, attempt)
	v.checkInner(f, attempt)
}

// checkFit finds attempts that the total timeout leaves no time for.
func (v *view) checkFit(f *findings, total, attempt Span) {
	d := delaysOf(*v.spec.Retry)
	path := v.at + ".retry"
	if e := Span(d.cfg.MaxElapsed); e >= total {
		f.warnf(path+".max_elapsed", "max-elapsed-never-acts", "make it shorter than total_timeout, or leave it out",
			"max_elapsed is %s and never acts: total_timeout, %s, ends the call first", e, total)
	}
	n := d.attempts()
	if n == Unlimited || d.unknown {
		return
	}
	switch {
	case d.cfg.MaxElapsed > 0: // attempts are meant to be limited by time
	case d.nominal(n) >= total:
		fit := d.fitting(n, total)
		severity, text := Error, "attempt %s never begins: the delays before it take %s, and total_timeout is %s"
		if v.spec.Retry.BaseDelay == 0 {
			severity = Warning // a default
		}
		if d.shortest(n) < total {
			severity, text = Warning, "attempt %s may not begin: the delays before it take %s on average, and total_timeout is %s"
		}
		f.add(severity, path, "delays-do-not-fit", fmt.Sprintf(text, n, d.nominal(n), total),
			fmt.Sprintf("make the delays shorter, or allow %s", attempts(fit)))
	case attempt > 0 && n > 1:
		v.checkAttempts(f, n, d.nominal(n), total, attempt)
	}
}

// checkAttempts finds attempts that the total timeout cuts if those before them time out.
func (v *view) checkAttempts(f *findings, n Count, delays, total, attempt Span) {
	before := attempt.times(n - 1).plus(delays)
	fix := fmt.Sprintf("set total_timeout to %s or more, or attempt_timeout to %s or less",
		before.plus(attempt), rounded((total-delays)/Span(n)))
	switch left := total - before; {
	case left <= 0:
		begins := "never begins"
		if attempt.times(n-1).plus(delaysOf(*v.spec.Retry).shortest(n)) < total {
			begins = "may not begin"
		}
		f.warnf(v.at+".attempt_timeout", "attempts-do-not-fit", fix,
			"if attempts time out, attempt %s %s: %s of %s and delays of %s take %s, and total_timeout is %s",
			n, begins, plural(n-1, "attempt"), attempt, delays, before, total)
	case left < attempt/2:
		f.notef(v.at+".attempt_timeout", "last-attempt-is-short", fix,
			"if attempts time out, the last has %s of its %s left: total_timeout is %s", left, attempt, total)
	}
}

// rounded returns a span for people: whole hundredths of a second, if it is not shorter.
func rounded(s Span) Span {
	const step = Span(10 * time.Millisecond)
	if s < step {
		return s
	}
	return s / step * step
}

// checkWaits finds queues in which calls wait longer than they may take.
func (v *view) checkWaits(f *findings, total, attempt Span) {
	limit := min(positive(attempt), positive(total))
	if v.gate != nil {
		v.checkQueue(f, v.gate.path, v.gate.cfg, limit)
	}
	if v.adaptive != nil {
		v.checkQueue(f, v.adaptive.path, queueOf(v.adaptive.cfg), limit)
	}
	if v.rate == nil || v.rate.cfg.MaxWait <= 0 {
		return
	}
	wait := Span(v.rate.cfg.MaxWait)
	switch {
	case total > 0 && wait >= total:
		f.warnf(v.rate.path+".max_wait", "wait-past-timeout", "make it shorter than total_timeout of "+v.name,
			"max_wait is %s, but a call of %s ends after %s: the wait for tokens can use up all of it", wait, v.name, total)
	case attempt > 0 && wait > attempt:
		f.notef(v.rate.path+".max_wait", "wait-past-attempt", "see that callers can wait so long",
			"an attempt of %s waits up to %s for tokens and then runs for at most %s", v.name, wait, attempt)
	}
}

// positive returns s, or Unbounded for 0.
func positive(s Span) Span {
	if s == 0 {
		return Unbounded
	}
	return s
}

func (v *view) checkQueue(f *findings, path string, c bulkhead.Config, limit Span) {
	wait := Span(c.MaxWait)
	switch {
	case c.MaxQueue > 0 && queueWait(c) == Unbounded && limit == Unbounded:
		f.notef(path+".max_queue", "queue-without-end", "set max_wait", "max_wait is not set: a call of %s waits in the queue until its caller gives up", v.name)
	case c.MaxQueue > 0 && queueWait(c) == Unbounded:
		f.notef(path+".max_queue", "queue-without-end", fmt.Sprintf("set max_wait, such as %s", limit/2),
			"max_wait is not set: an attempt of %s may wait in the queue for all of its %s, and then has no time left to run", v.name, limit)
	case wait > 0 && wait >= limit:
		f.warnf(path+".max_wait", "wait-past-timeout", fmt.Sprintf("make it shorter than the timeout of %s, such as %s", v.name, limit/2),
			"max_wait is %s, but an attempt of %s ends after %s, its time in the queue included: the wait can use up all of it",
			wait, v.name, limit)
	}
}

// checkInner finds a pipeline inside that takes longer than an attempt may.
func (v *view) checkInner(f *findings, attempt Span) {
	if v.inner == nil || attempt == 0 {
		return
	}
	longest := v.inner.worst(Unbounded).time
	if longest != Unbounded && longest > attempt {
		f.warnf(v.at+".attempt_timeout", "inner-pipeline-is-cut",
			fmt.Sprintf("give %s more time, or %s less", v.name, v.inner.name),
			"attempt_timeout is %s, but pipeline %s inside takes up to %s", attempt, v.inner.name, longest)
	}
}

// checkWhole finds calls that have no end. A pipeline that stands in another may be
// limited there.
func (v *view) checkWhole(f *findings, inner bool) {
	v.checkStacked(f)
	if inner || v.worst(Unbounded).time != Unbounded {
		return
	}
	const fix = "set total_timeout or attempt_timeout"
	if held := v.held(); held != "" {
		f.warnf(v.at, "no-timeout", fix,
			"%s has no timeout: a call that hangs keeps a place of %s until its caller gives up", v.name, held)
		return
	}
	f.notef(v.at, "no-timeout", fix, "%s has no timeout: a call that hangs ends only with its caller's context", v.name)
}

// held returns the name of a queue in which a call of v has a place.
func (v *view) held() string {
	for _, p := range v.chain() {
		switch {
		case p.gate != nil:
			return p.gate.path
		case p.adaptive != nil:
			return p.adaptive.path
		}
	}
	return ""
}
