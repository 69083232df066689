package console

import (
	"context"
	"sync"
	"time"

	"github.com/ductile-go/ductile/policy"
)

// frames lets streams share the snapshots that they send at the same tick, since one of many
// circuits takes a while to make.
type frames struct {
	mu     sync.Mutex // guards newest: two streams would otherwise both make a frame
	newest *frame
}

// frame is a snapshot that one stream makes and others wait for.
type frame struct {
	tick  int64
	at    time.Time // no later than its state
	event int64     // newer events may be missing from it
	made  policy.Waiter
	text  []byte // set before made is woken; nil if the stream that made it failed
}

// frame returns the snapshot of the tick of now. It shows at least the state after the given
// event: a stream must not send a state that is older than an event which it has sent. It
// shows no state of before oldest: a tick may be long ago when a stream begins.
func (c *Console) frame(ctx context.Context, now, oldest time.Time, event int64) ([]byte, error) {
	latest := c.journal.newest()
	fresh := &frame{tick: c.tick(now), at: now, event: latest, made: policy.NewWaiter(c.cfg.Clock)}
	c.frames.mu.Lock()
	f := c.frames.newest
	mine := f == nil || f.tick != fresh.tick || f.event < event || f.at.Before(oldest)
	if mine {
		f = fresh
		c.frames.newest = f
	}
	c.frames.mu.Unlock()
	if mine {
		defer f.made.Wake()
		f.text = c.render(false)
		return f.text, nil
	}
	if err := f.made.Wait(ctx); err != nil {
		return nil, err
	}
	if f.text == nil {
		return c.render(false), nil
	}
	return f.text, nil
}
