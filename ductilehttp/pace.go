package ductilehttp

import (
	"context"
	"io"
	"sync"
	"time"

	"github.com/ductile-go/ductile/policy"
)

// unwatched is the largest length of a body in memory that is sent without a stall limit:
// it fits in the buffers along the way.
const unwatched = 64 << 10

// pace wraps body so that the attempt ends if data that was read from it is not sent within
// Config.WriteIdle.
func (a *attempt) pace(body io.ReadCloser, length int64) io.ReadCloser {
	limit := a.x.t.cfg.WriteIdle
	if limit <= 0 || inMemory(body) && length >= 0 && length <= unwatched {
		return body
	}
	return &paced{src: body, a: a, limit: limit}
}

// paced is a request's body. Its timer runs between Reads, while the base is sending.
type paced struct {
	src   io.ReadCloser
	a     *attempt
	limit time.Duration

	mu    sync.Mutex
	stop  func() bool // stops the running timer
	timer *time.Timer // used without a Clock
	over  bool
}

func (p *paced) Read(b []byte) (int, error) {
	p.rest(false)
	n, err := p.src.Read(b)
	if err != nil {
		p.rest(true)
	} else {
		p.run()
	}
	return n, err
}

func (p *paced) Close() error {
	p.rest(true)
	return p.src.Close()
}

// run starts the timer. It calls the clock outside the lock.
func (p *paced) run() {
	clock := p.a.x.t.cfg.Clock
	if clock == nil {
		p.runReal()
		return
	}
	stop := policy.AfterFunc(clock, p.limit, p.stall)
	p.mu.Lock()
	over := p.over // Close ran in between and did not see the timer
	if !over {
		p.stop = stop
	}
	p.mu.Unlock()
	if over {
		stop()
	}
}

func (p *paced) runReal() {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.over:
		return
	case p.timer == nil:
		p.timer = time.AfterFunc(p.limit, p.stall)
	default:
		p.timer.Reset(p.limit)
	}
	p.stop = p.timer.Stop
}

func (p *paced) rest(forGood bool) {
	p.mu.Lock()
	p.over = p.over || forGood // after this, the timer is not started again
	stop := p.stop
	p.stop = nil
	p.mu.Unlock()
	if stop != nil {
		stop()
	}
}

func (p *paced) stall() { p.a.end(context.DeadlineExceeded, p.a.x.t.writeStall) }

// stalled reports whether cause is a stalled upload.
func (a *attempt) stalled(cause error) bool { return cause == error(a.x.t.writeStall) } //nolint:errorlint // our own
