package policy

import (
	"context"
	"time"
)

// Clock is the part of github.com/benbjohnson/clock.Clock that policies use, so
// that one of its clocks plugs in as it is; package fake has one made for tests
// of policies. Wherever a Clock is asked for, nil means real time.
//
// A clock that also has a method Sleep(ctx, d) error is slept on through it.
type Clock interface {
	Now() time.Time
	After(d time.Duration) <-chan time.Time
	WithTimeout(parent context.Context, d time.Duration) (context.Context, context.CancelFunc)
}

// Now returns the time on clock; nil means real time.
func Now(clock Clock) time.Time {
	if clock == nil {
		return time.Now()
	}
	return clock.Now()
}

// Sleep waits for d on clock; nil means real time. It returns nil when d has
// passed and ctx is still live, and what [Ended] says of ctx as soon as ctx has
// ended. On real time, and on a clock that has Sleep(ctx, d) error, nothing is
// left behind by a sleep that was cut short. A d of zero or less is over at once.
func Sleep(ctx context.Context, clock Clock, d time.Duration) error {
	switch c := clock.(type) {
	case nil:
		sleepReal(ctx, d)
	case interface {
		Sleep(ctx context.Context, d time.Duration) error
	}:
		if err := c.Sleep(ctx, d); err != nil && ctx.Err() == nil {
			return err
		}
	default:
		select {
		case <-c.After(d):
		case <-ctx.Done():
		}
	}
	// Asked again even when the time is up: where both are ready in the same
	// instant, select picks either, and an ended context must win.
	return Ended(ctx)
}

func sleepReal(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
