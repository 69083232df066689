package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/ductileconfig"
	"github.com/ductile-go/ductile/registry"
)

// Lines of the file that come and go.
const (
	searchCircuit  = "  search: {window_calls: 200_000, failure_threshold: 90_000}\n"
	searchPipeline = "  search: {circuit: search, bulkhead: search}\n"
	refundPipeline = "  refund: {circuit: payments, attempt_timeout: 10s}\n"
)

// threshold lowers a threshold and a limit, while both are in use.
func (s *story) threshold(ctx context.Context) error {
	if err := until(ctx, func() bool { return s.searches() > 200 }); err != nil {
		return err
	}
	before := s.searches()
	done, err := s.edit(ctx, "a threshold is lowered, and a gate has half the places; an editor renames the file over",
		"failure_threshold: 100_000", "failure_threshold: 90_000", "limit: 4,", "limit: 2,")
	s.changed(done, registry.Changes{Changed: []string{"bulkheads.search", "circuits.search"}})
	s.expect(s.searches() >= before, "the circuit of the search keeps the %d calls that it had counted", before)
	return err
}

// searches returns how many calls the circuit of the search has counted.
func (s *story) searches() int64 {
	c := s.search.Snapshot().Counts
	return c.Successes + c.Failures
}

// outage makes the payments fail until their circuit opens.
func (s *story) outage(ctx context.Context) error {
	s.backend.pay.Store(down)
	err := until(ctx, func() bool { return s.payments.State() == breaker.Open })
	s.say("payments fail, and their circuit opens, for an hour as the file has it")
	return err
}

// typo makes the operator shorten the hour, and mistype it.
func (s *story) typo(ctx context.Context) error {
	done, err := s.edit(ctx, "an hour is too long: an edit in haste",
		"failure_threshold: 5, recovery_timeout: 1h", "failure_threshold: 5, recovery_timout: 3s")
	var fault *ductileconfig.Error
	s.expect(errors.As(done.err, &fault) && fault.Line == 3 && fault.Hint == "did you mean recovery_timeout?",
		"refused, with its line and the word that was meant; nothing has changed")
	now := s.payments.Snapshot()
	s.expect(now.State == breaker.Open && now.RetryAfter > 50*time.Minute, "the circuit is open as before, for %v more", now.RetryAfter.Round(time.Minute))
	return err
}

// corrected is the same edit without the mistake.
func (s *story) corrected(ctx context.Context) error {
	before := s.payments.Snapshot()
	done, err := s.edit(ctx, "the same without the typo", "recovery_timout", "recovery_timeout")
	s.changed(done, registry.Changes{Changed: []string{"circuits.payments"}})
	now := s.payments.Snapshot()
	s.expect(now.State == breaker.Open && now.Since.Equal(before.Since) && now.RetryAfter > 0 && now.RetryAfter <= 3*time.Second,
		"the circuit stays open since when it opened, with its new end: in %v, not in %v", now.RetryAfter.Round(100*time.Millisecond), before.RetryAfter.Round(time.Minute))
	return err
}

// more adds a pipeline, in a file that is mounted now as Kubernetes mounts it.
func (s *story) more(ctx context.Context) error {
	if err := s.operator.mount(); err != nil {
		return err
	}
	done, err := s.edit(ctx, "a pipeline more; the file is in a volume now, whose link ..data is swapped",
		"  deliver:", refundPipeline+"  deliver:")
	s.changed(done, registry.Changes{Added: []string{"pipelines.refund"}})
	if err != nil {
		return err
	}
	err = until(ctx, func() bool { return s.service.ledger.rows[refunding].ended.Load() > 0 })
	s.expect(err == nil, "clients call through it")
	return err
}

// less removes a pipeline and its circuit, which the service holds and goes on using.
func (s *story) less(ctx context.Context) error {
	before := s.searches()
	done, err := s.edit(ctx, "a pipeline and its circuit are removed, though the service holds them", searchCircuit, "", searchPipeline, "")
	s.changed(done, registry.Changes{Removed: []string{"circuits.search", "pipelines.search"}})
	if err != nil {
		return err
	}
	_, unknown := s.service.registry.Circuit("search")
	s.expect(unknown != nil, "the registry has no such circuit any more")
	err = until(ctx, func() bool { return s.searches() > before+100 })
	s.expect(err == nil, "the one that is held goes on counting")
	return err
}

// manyEdits changes nearly everything, as fast as Watch looks, while payments recover.
func (s *story) manyEdits(ctx context.Context) error {
	s.backend.pay.Store(up)
	s.say("edits without a pause, one in ten of them wrong, while payments are up again")
	base, applied, refused, begun := s.operator.text, s.applied, s.refused, time.Now()
	for n := 1; time.Since(begun) < s.storm || s.payments.State() != breaker.Closed || wrong(n-1); n++ {
		done, err := s.operator.edit(ctx, s.operator.text, edited(base, n))
		if err != nil {
			return err
		}
		s.count(done)
		if (done.err != nil) != wrong(n) {
			s.faults = append(s.faults, fmt.Sprintf("edit %d was refused for %v", n, done.err))
		}
	}
	took := time.Since(begun).Seconds()
	applied, refused = s.applied-applied, s.refused-refused
	fmt.Fprintf(s.out, "           %d applied and %d refused in %.1fs, %.0f a second\n", applied, refused, took, float64(applied+refused)/took)
	s.expect(true, "the circuit of the payments went half-open at its end, and closed, between two edits")
	return nil
}

func wrong(n int) bool { return n > 0 && n%10 == 0 }

// edited returns the nth edit of a file. It differs from the one before and from the next.
func edited(base string, n int) string {
	ratio := fmt.Sprintf("ratio: %d%%", 50+n%7)
	if wrong(n) {
		ratio = fmt.Sprintf("ratio: %d times", n)
	}
	return strings.NewReplacer(
		"ratio: 50%", ratio,
		"limit: 2,", fmt.Sprintf("limit: %d,", 2+n%3),
		"max_attempts: 3", fmt.Sprintf("max_attempts: %d", 2+n%2),
		"per: 10h", fmt.Sprintf("per: %dh", 10+n%2),
		"failure_threshold: 3,", fmt.Sprintf("failure_threshold: %d,", 3+n%2),
		"max: 64", fmt.Sprintf("max: %d", 64+n%5),
	).Replace(base)
}

// again declares what was removed.
func (s *story) again(ctx context.Context) error {
	before := s.searches()
	done, err := s.edit(ctx, "the pipeline and the circuit that were removed are declared again",
		"budgets:\n", searchCircuit+"budgets:\n", "  trial: {", searchPipeline+"  trial: {")
	s.changed(done, registry.Changes{Added: []string{"circuits.search", "pipelines.search"}})
	c, unknown := s.service.registry.Circuit("search")
	s.expect(unknown == nil && c == s.search && s.searches() >= before, "it is the same circuit, with the %d calls that it had counted", before)
	return err
}
