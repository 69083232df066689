package coalesce_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ductile-go/ductile/policy"
)

// model says what calls of a coalesce should do. It is sequential: between two steps,
// everything has come to rest.
type model struct {
	callers       []*modelCaller
	flights       []*modelFlight // in the order in which their functions began
	byKey         map[int]*modelFlight
	begun, joined int64
	now           time.Duration
}

type modelCaller struct {
	flight   *modelFlight
	deadline time.Duration // 0 if it has none
	priority policy.Priority
	outcome  string // "" while it waits
}

type modelFlight struct {
	key      int
	waiting  []*modelCaller
	landed   bool
	err      error // of the context
	cause    int   // the caller that was the last to leave, or -1
	deadline time.Duration
}

func newModel() *model { return &model{byKey: map[int]*modelFlight{}} }

// call begins or joins a flight.
func (m *model) call(key int, deadline time.Duration, priority policy.Priority) {
	c := &modelCaller{deadline: deadline, priority: priority}
	m.callers = append(m.callers, c)
	f := m.byKey[key]
	if f == nil {
		f = &modelFlight{key: key, cause: -1}
		m.byKey[key] = f
		m.flights = append(m.flights, f)
		m.begun++
	} else {
		m.joined++
	}
	c.flight = f
	f.waiting = append(f.waiting, c)
}

// leave has a caller leave with the error of its context.
func (m *model) leave(n int, err error) {
	c := m.callers[n]
	if c.outcome != "" {
		return
	}
	c.outcome = left(n, err)
	f := c.flight
	f.waiting = slices.DeleteFunc(f.waiting, func(o *modelCaller) bool { return o == c })
	if len(f.waiting) == 0 {
		f.err, f.cause, f.deadline = err, n, c.deadline
		m.unregister(f)
	}
}

// finish ends the function of a flight.
func (m *model) finish(n int, outcome string) {
	f := m.flights[n]
	f.landed = true
	for _, c := range f.waiting {
		c.outcome = fmt.Sprint(outcome, " of flight ", n)
	}
	if f.err == nil {
		f.err = context.Canceled
	}
	m.unregister(f)
}

func (m *model) forget(key int) { delete(m.byKey, key) }

func (m *model) unregister(f *modelFlight) {
	if m.byKey[f.key] == f {
		delete(m.byKey, f.key)
	}
}

// advance moves time. Callers leave in the order of their deadlines.
func (m *model) advance(d time.Duration) {
	m.now += d
	due := []int{}
	for n, c := range m.callers {
		if c.outcome == "" && c.deadline > 0 && c.deadline <= m.now {
			due = append(due, n)
		}
	}
	slices.SortFunc(due, func(a, b int) int { return cmp.Compare(m.callers[a].deadline, m.callers[b].deadline) })
	for _, n := range due {
		m.leave(n, context.DeadlineExceeded)
	}
}

// running returns the flights whose functions run.
func (m *model) running() (all []int) {
	for n, f := range m.flights {
		if !f.landed {
			all = append(all, n)
		}
	}
	return all
}

// describe says what can be seen of a flight's context.
func (f *modelFlight) describe() string {
	deadline, priority, bounded := f.deadline, policy.Priority(-100), true
	for _, c := range f.waiting {
		bounded = bounded && c.deadline > 0
		deadline, priority = max(deadline, c.deadline), max(priority, c.priority)
	}
	if !bounded || f.err != nil && deadline == 0 {
		deadline = 0
	}
	switch {
	case f.err == nil:
		return fmt.Sprintf("runs, deadline %v, priority %d", deadline, priority)
	case f.cause < 0:
		return fmt.Sprintf("ended: %v", f.err)
	}
	return fmt.Sprintf("ended: %v, caller %d left, deadline %v", f.err, f.cause, deadline)
}

// departed is the cause of a caller that leaves.
type departed struct{ caller int }

func (d departed) Error() string { return fmt.Sprintf("caller %d left", d.caller) }

func left(n int, err error) string { return fmt.Sprintf("%v: %v", err, departed{n}) }

// seen describes the context of a real flight as describe does.
func seen(ctx context.Context, start time.Time) string {
	var deadline time.Duration
	if d, ok := ctx.Deadline(); ok {
		deadline = d.Sub(start)
	}
	var by departed
	switch err := ctx.Err(); {
	case err == nil:
		return fmt.Sprintf("runs, deadline %v, priority %d", deadline, policy.PriorityOf(ctx))
	case errors.As(context.Cause(ctx), &by):
		return fmt.Sprintf("ended: %v, caller %d left, deadline %v", err, by.caller, deadline)
	default:
		return fmt.Sprintf("ended: %v", err)
	}
}
