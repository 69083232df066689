package storm

import (
	"context"
	"fmt"

	"github.com/ductile-go/ductile/policy"
)

// observe is the observer of the pipeline.
func (s *scene) observe(ctx context.Context, e policy.Event) {
	c := ctx.Value(callKey{}).(*call)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.write("call %d: %v %q %q %q %q, attempt %d, delay %v, took %v, elapsed %v, %v, %q, %s to %s, %v", c.n, e.Kind, e.Pipeline,
		e.Policy, e.Name, e.Key, e.Attempt, e.Delay, e.Took, e.Elapsed, e.Outcome, e.Reason, e.From, e.To, text(e.Err))
	if !s.hears(e.Kind) {
		s.faults = append(s.faults, fmt.Sprintf("call %d: %q was emitted, and only %q are wanted", c.n, e.Kind, s.kinds))
	}
	v := visitOf(ctx)
	if later := v != nil && v.kept != nil && v.kept.later; len(c.finished) > 0 && e.Kind != policy.FinishedLate && !later {
		c.late = append(c.late, e.Kind)
	}
	if e.Kind == policy.Finished || e.Kind == policy.Started {
		s.bounds(c, e)
		return
	}
	v.heard[e.Kind]++
	if want := v.kind(); e.Policy != want || e.Name != v.named() || e.Key != v.key {
		s.faults = append(s.faults, fmt.Sprintf("call %d: %s: %q is of %q %q %q, want %q %q %q",
			c.n, v.name, e.Kind, e.Policy, e.Name, e.Key, want, v.named(), v.key))
	}
	switch {
	case e.Kind == policy.Judged:
		v.judged = append(v.judged, e)
	case e.Kind == policy.Rejected && v.tally != nil:
		v.tally.heard++
	case e.Kind == policy.StateChanged:
		v.tally.changes++
	case e.Kind == policy.Attempted && s.alone:
		if last := s.attempts[e.Name]; e.Attempt != 1 && e.Attempt != last+1 {
			s.faults = append(s.faults, fmt.Sprintf("call %d: attempt %d of %s was told after attempt %d", c.n, e.Attempt, e.Name, last))
		}
		s.attempts[e.Name] = e.Attempt
	}
}

// bounds notes the Started and Finished events of the outermost pipeline. The caller holds mu.
func (s *scene) bounds(c *call, e policy.Event) {
	switch {
	case e.Pipeline != "outer":
	case e.Kind == policy.Started:
		c.begun++
	default:
		c.finished = append(c.finished, e)
	}
}
