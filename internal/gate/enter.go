package gate

import (
	"context"
	"time"

	"github.com/ductile-go/ductile/internal/turn"
	"github.com/ductile-go/ductile/policy"
)

// Entry is the place of a call that was admitted by a slow path.
type Entry struct {
	Cell *Cell
	// Crowded reports that all places were in use when the call was admitted, or that it
	// waited.
	Crowded bool
}

// TryEnter takes a place if one is free and no call waits. Otherwise it counts a refusal
// and returns a nil cell.
func (g *Gate) TryEnter() *Cell {
	c, _ := g.enterOrFull()
	if c == nil {
		g.rejected.Inc()
	}
	return c
}

// EnterSlowly continues [Gate.Enter] after it found no place. Its error is the voice's.
func (g *Gate) EnterSlowly(ctx context.Context) (Entry, error) {
	// Shedding load must be cheap. The rules are loaded again: Reconfigure may have opened a
	// queue, and then lowered the limit to what is in use.
	if r := g.rules.Load(); r.MaxQueue == 0 && g.isFull() && r == g.rules.Load() {
		g.rejected.Inc()
		return Entry{}, g.voice.Full(&r.full)
	}
	wait := beginWait(ctx)
	a := g.arrive(ctx)
	if a.err != nil {
		return Entry{}, g.refused(wait, a.err)
	}
	if a.waiter != nil {
		defer a.waiter.drop()
		a.waiter.arm()
		if _, err := a.waiter.wait(ctx); err != nil {
			return Entry{}, g.refused(wait, err)
		}
		a.waiter.done = true
	}
	return g.begin(ctx, wait, &a)
}

// EnterObserved is [Gate.EnterSlowly] with events for the observers of next.
func EnterObserved[T any](ctx context.Context, g *Gate, next policy.Call[T]) (Entry, error) {
	watch := next.Stopwatch(g.clock)
	wait := beginWait(ctx)
	a := g.arrive(ctx)
	if a.err != nil {
		emit(ctx, g, next, policy.Event{Kind: policy.Rejected, Reason: a.reason, Err: a.err})
		return Entry{}, g.refused(wait, a.err)
	}
	if a.waiter != nil {
		if err := await(ctx, g, next, watch.Elapsed, a.waiter); err != nil {
			return Entry{}, g.refused(wait, err)
		}
	}
	return g.begin(ctx, wait, &a)
}

// beginWait marks the call as waiting. A speculative call does not wait, and its mark would
// end that of the attempt beside it.
func beginWait(ctx context.Context) *turn.Wait {
	if policy.Speculative(ctx) {
		return nil
	}
	return turn.Begin(ctx)
}

// await waits for the call's place in the queue, and emits events.
func await[T any](ctx context.Context, g *Gate, next policy.Call[T], elapsed func() time.Duration, w *waiter) error {
	defer w.drop() // if an observer panics
	w.arm()        // first: a slow observer does not make the wait longer
	emit(ctx, g, next, policy.Event{Kind: policy.Queued})
	why, err := w.wait(ctx)
	if err != nil {
		emit(ctx, g, next, policy.Event{Kind: policy.Rejected, Reason: why, Elapsed: elapsed(), Err: err})
		return err
	}
	emit(ctx, g, next, policy.Event{Kind: policy.Waited, Delay: elapsed()})
	w.done = true
	return nil
}

func emit[T any](ctx context.Context, g *Gate, next policy.Call[T], e policy.Event) {
	e.Policy, e.Name = g.voice.Kind, g.name
	next.Emit(ctx, e)
}

// refused ends the wait of a call that was refused, or that left because ctx ended.
func (g *Gate) refused(wait *turn.Wait, err error) error {
	if _, left := err.(*leftError); left { //nolint:errorlint // it is not wrapped
		wait.Leave()
	} else {
		wait.End()
	}
	return err
}

// begin ends the wait of a call that was admitted. A timeout that abandons the call may
// have seen it waiting when ctx ended; in that case the function must not run.
func (g *Gate) begin(ctx context.Context, wait *turn.Wait, a *arrival) (Entry, error) {
	entry := Entry{Cell: a.cell, Crowded: a.waiter != nil || g.Exhausted(a.cell, a.left)}
	if wait == nil {
		return entry, nil
	}
	wait.End()
	if err := policy.Ended(ctx); err != nil {
		g.Leave(a.cell)
		return Entry{}, &leftError{g, err}
	}
	return entry, nil
}
