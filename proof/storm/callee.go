package storm

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/ductile-go/ductile/fake"
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
	cancelsAndSucceeds
	cancelsAndFails
	behaviours
)

var (
	errDown = errors.New("storm: down")
	errGone = errors.New("storm: the caller has gone")
	errBoom = errors.New("storm: boom")
)

const (
	longest = 5 * time.Millisecond // that a function works, cancelled or not
	tidying = time.Microsecond     // at most, after it has been cancelled
	slack   = longest + 2*tidying  // that a function may take beyond a limit
)

// call is one call and its books.
type call struct {
	n       int
	script  []step // of its attempts; the last repeats
	caller  *counted
	clock   *fake.Clock // nil means real time
	rest    func()      // returns when nobody else has anything to do
	started atomic.Int64
	ended   atomic.Int64

	finished []error // of the Finished events of the outermost pipeline
	late     []policy.EventKind
}

// step is what one attempt does, and for how long it works first.
type step struct {
	does  behaviour
	works time.Duration
	tidy  time.Duration
}

func script(rnd *rand.Rand) []step {
	var steps []step
	for range 1 + rnd.IntN(4) {
		does := behaviour(rnd.IntN(int(behaviours)))
		if rnd.IntN(2) == 0 {
			does = behaviour(rnd.IntN(2))
		}
		steps = append(steps, step{
			does, 1 + time.Duration(rnd.Int64N(int64(longest))), 1 + time.Duration(rnd.Int64N(int64(tidying))),
		})
	}
	return steps
}

// run is the function of the call.
func (c *call) run(ctx context.Context) (int, error) {
	n := int(c.started.Add(1))
	defer c.ended.Add(1)
	s := c.script[min(n, len(c.script))-1]
	switch s.does {
	case ignoresCancel:
		c.sleep(context.Background(), s.works)
		return n, nil
	case hangs:
		c.sleep(ctx, time.Hour)
	case cancelsAndSucceeds, cancelsAndFails:
		c.sleep(ctx, s.works)
		c.sleep(context.Background(), s.tidy) // who leaves at a limit has left by now
		c.caller.cancel(errGone)
		c.rest()                              // a goroutine of package context's may pass it on
		c.sleep(context.Background(), s.tidy) // and who leaves at a cancel
		if s.does == cancelsAndSucceeds {
			return n, nil
		}
	default:
		c.sleep(ctx, s.works)
	}
	if ctx.Err() != nil {
		c.sleep(context.Background(), s.tidy)
		return n, ctx.Err()
	}
	return n, c.end(s.does)
}

// end is what a function does that had its time.
func (c *call) end(does behaviour) error {
	switch does {
	case succeeds:
		return nil
	case failsForGood:
		return retry.Permanent(errDown)
	case panics:
		panic(errBoom)
	case exits:
		runtime.Goexit()
	}
	return errDown
}

func (c *call) sleep(ctx context.Context, d time.Duration) {
	if c.clock != nil {
		_ = policy.Sleep(ctx, c.clock, d)
		return
	}
	_ = policy.Sleep(ctx, nil, d)
}
