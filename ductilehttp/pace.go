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
// Config.WriteIdle, and so that it knows of a body whose length is not the request's.
func (a *attempt) pace(body io.ReadCloser, length int64) io.ReadCloser {
	limit := a.x.t.cfg.WriteIdle
	if n, ok := inMemory(body); ok && (n <= unwatched || limit <= 0) && (n == length || length <= 0) {
		return body
	}
	return &paced{src: body, a: a, limit: limit, length: length}
}

// paced is a request's body. Its timer runs between Reads, while the base is sending.
type paced struct {
	src    io.ReadCloser
	a      *attempt
	limit  time.Duration
	length int64 // 0 or less if it is unknown
	n      int64 // how much was read

	mu    sync.Mutex
	stop  func() bool // stops the running timer
	timer *time.Timer // used without a Clock
	over  bool
}

func (p *paced) Read(b []byte) (int, error) {
	p.rest(false)
	n, err := p.src.Read(b)
	p.n += int64(n)
	if p.length > 0 && (p.n > p.length || err == io.EOF && p.n < p.length) {
		p.a.unfit.Store(true)
	}
	switch {
	case err != nil:
		p.rest(true)
	case p.limit > 0:
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
