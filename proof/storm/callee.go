package storm

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// behaviour is how a function ends.
type behaviour uint8

const (
	succeeds behaviour = iota
	fails
	failsForGood
	panics
	exits
	hangs
	ignoresCancel
	succeedsLate // when it is cancelled
	saysCancelled
	asksForTime
	asksExactly
	answers      // fails with an error that is marked as a Success for circuits
	isBusyItself // fails with an error that is marked as Ignored
	cancelsAndSucceeds
	cancelsAndFails
	behaviours
)

var (
	errDown = errors.New("storm: down")
	errOver = errors.New("storm: down for good")
	errMine = fmt.Errorf("storm: of the function's own: %w", context.Canceled)
	errGone = errors.New("storm: the caller has gone")
	errBoom = errors.New("storm: boom")
)

const (
	longest = 5 * time.Millisecond // that a function works, cancelled or not
	tidying = time.Microsecond     // at most, after it has been cancelled
	slack   = longest + 99*tidying // that a function may take beyond a limit
)

// call is one call and what is known of it.
type call struct {
	s       *scene
	n       int
	script  []step // of its attempts; the last repeats
	caller  *counted
	ctx     context.Context
	rest    func() // returns when no other goroutine can run
	started atomic.Int64
	ended   atomic.Int64

	whole    run            // how the call ended
	finished []policy.Event // of the outermost pipeline
	begun    int            // Started events of it
	again    int            // attempts after the first, of retries that are heard
	rescuer  string         // the kind of the last policy that rescued the call
	late     []policy.EventKind
	kept     []*kept  // values that are to be recorded when the call has returned
	places   []func() // to be given back then
}

// step is what one attempt does after it has worked for a while.
type step struct {
	does  behaviour
	works time.Duration
	tidy  time.Duration
	asks  time.Duration
	// changes is what a circuit is reconfigured to while the attempt runs, or nil.
	changes *rechange
}

// script returns random steps for the attempts of a call. If no histories are compared, a
// cancelled attempt may return at once, at the same instant as its caller.
func script(rnd *rand.Rand, alone bool) []step {
	var steps []step
	for range 1 + rnd.IntN(4) {
		does := behaviour(rnd.IntN(int(behaviours)))
		if rnd.IntN(2) == 0 {
			does = behaviour(rnd.IntN(2))
		}
		next := step{
			does: does, works: 1 + time.Duration(rnd.Int64N(int64(longest))),
			tidy: 1 + time.Duration(rnd.Int64N(int64(tidying))), asks: time.Duration(rnd.Int64N(int64(longest))),
		}
		if rnd.IntN(40) == 0 {
			next.changes = change(rnd)
		}
		if !alone && does < cancelsAndSucceeds && rnd.IntN(2) == 0 {
			next.tidy = 0
		}
		steps = append(steps, next)
	}
	return steps
}

// run is the function of the call. It notes how it ended in its run. The verdict on the call
// starts from there.
func (c *call) run(ctx context.Context) (v int, err error) {
	n := int(c.started.Add(1))
	defer c.ended.Add(1)
	how := exited
	defer func() { c.s.say(ctx, how) }()
	step := c.script[min(n, len(c.script))-1]
	if c.s.alone && c.s.hedged {
		// Attempts that are cancelled together must not end together. They tidy for odd
		// multiples of 4 µs, and the one that cancelled does so twice.
		step.tidy += time.Duration(2*(n%4)+1) * 4 * tidying
	}
	if c.s.tame && step.does == exits {
		step.does = fails
	}
	if step.changes != nil {
		c.s.reconfigure(step.changes)
	}
	c.work(ctx, step)
	switch {
	case step.does == ignoresCancel || step.does == succeedsLate || step.does == cancelsAndSucceeds:
	case ctx.Err() != nil:
		c.sleep(context.Background(), step.tidy)
		err = ctx.Err()
	case step.does == panics:
		how = panicked
		panic(errBoom)
	default:
		err = step.end()
	}
	v = (c.n+1)*numbered + n
	c.s.ledger.born(v)
	how = succeeded
	if err != nil {
		how = failed
	}
	if err != nil && errors.Is(err, ctx.Err()) {
		how = endOf(ctx)
	}
	return v, err
}

// work takes as long as the step says.
func (c *call) work(ctx context.Context, s step) {
	switch s.does {
	case ignoresCancel:
		c.sleep(context.Background(), s.works)
	case hangs:
		c.sleep(ctx, time.Hour)
	case succeedsLate:
		c.sleep(ctx, s.works)
		c.sleep(context.Background(), s.tidy)
	case cancelsAndSucceeds, cancelsAndFails:
		c.sleep(ctx, s.works)
		c.sleep(context.Background(), s.tidy) // callers that leave at a limit have left by now
		c.caller.cancel(errGone)
		c.rest()                              // a goroutine of package context may pass it on
		c.sleep(context.Background(), s.tidy) // and so have callers that leave when they are cancelled
	default:
		c.sleep(ctx, s.works)
	}
}

// end returns the error of a function that was not cancelled, or does not return.
func (s step) end() error {
	switch s.does {
	case succeeds:
		return nil
	case failsForGood:
		return retry.Permanent(errOver)
	case asksForTime:
		return retry.After(errDown, s.asks)
	case asksExactly:
		return retry.Exactly(errDown, s.asks)
	case answers:
		return breaker.Judge(errDown, policy.Success)
	case isBusyItself:
		return retry.After(breaker.Judge(errDown, policy.Ignored), s.asks)
	case saysCancelled:
		return errMine
	case exits:
		runtime.Goexit()
	}
	return errDown
}

func (c *call) sleep(ctx context.Context, d time.Duration) {
	if c.s.clock != nil {
		_ = policy.Sleep(ctx, c.s.clock, d)
		return
	}
	_ = policy.Sleep(ctx, nil, d)
}
