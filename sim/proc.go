package sim

import (
	"fmt"
	"iter"
	"runtime"
	"runtime/debug"
	"time"
)

// proc is a coroutine. It runs one body after another, so there are never more of them than
// bodies were in progress at once.
type proc struct {
	e     *engine
	next  func() (struct{}, bool) // lets the coroutine go on; called by the loop
	yield func(struct{}) bool     // gives control back to the loop; called by the coroutine
	body  body
	alive link[*proc]  // in engine.live
	timer event        // of a sleep
	hook  link[hooked] // on the context that it waits for
	seq   int64        // of its wake
	woken bool         // it is in engine.ready
	id    string       // of its goroutine, "goroutine 7"
}

// body is what a coroutine runs.
type body interface{ run() }

type bodyFunc func()

func (f bodyFunc) run() { f() }

// spawn runs b on a coroutine, at this instant, after what is ready already. It ends the run,
// and the running coroutine, if there are too many.
func (e *engine) spawn(b body) {
	switch {
	case e.over:
	case e.live.n < e.crowdMost:
		e.wake(e.prepare(b))
	case e.cur != nil:
		e.abort(e.crowdError())
	default:
		e.fail(e.crowdError())
	}
}

// prepare returns a coroutine that runs b when it is resumed.
func (e *engine) prepare(b body) *proc {
	var p *proc
	if n := len(e.idle); n > 0 {
		p = e.idle[n-1]
		e.idle = e.idle[:n-1]
	} else {
		p = e.newProc()
	}
	p.body = b
	e.live.push(&p.alive)
	return p
}

func (e *engine) newProc() *proc {
	p := &proc{e: e}
	p.alive.owner, p.hook.owner, p.timer.task = p, hooked{by: p}, p
	p.next, _ = iter.Pull(func(yield func(struct{}) bool) {
		p.yield, p.id = yield, goroutine()
		p.yield(struct{}{})
		for !e.over {
			p.runBody()
			if !e.over {
				p.alive.leave()
				e.idle = append(e.idle, p)
				p.yield(struct{}{})
			}
		}
	})
	p.next() // to the first yield: the watchdog reads id as soon as the coroutine is resumed
	return p
}

// runBody runs the body and makes a failure of the run of its panic or its Goexit.
func (p *proc) runBody() {
	returned := false
	defer func() {
		if returned {
			return
		}
		if r := recover(); r != nil {
			p.e.fail(panicError(r))
			return
		}
		if p.e.burying {
			return
		}
		if !p.e.halted {
			p.e.fail(exitError())
		}
		// What a coroutine does at the end of a Goexit, its caller does too. So it stops here,
		// and the loop goes on; bury ends it later.
		p.yield(struct{}{})
	}()
	b := p.body
	p.body = nil
	b.run()
	returned = true
}

// resume lets p go on until it waits or has finished its body.
func (e *engine) resume(p *proc) {
	e.cur = p
	e.outside.running.Store(p)
	e.outside.turns.Add(1)
	p.next()
	e.cur = nil
	e.outside.running.Store(nil)
}

// fire ends the sleep of p.
func (p *proc) fire() { p.e.wake(p) }

// ended lets p go on because the context that it waits for has ended.
func (p *proc) ended() { p.e.wake(p) }

// park waits until p is woken. At the end of the run it does not return.
func (p *proc) park() {
	if !p.e.over {
		p.yield(struct{}{})
	}
	if p.e.over {
		p.exit()
	}
}

// exit ends the coroutine. Deferred calls run.
func (p *proc) exit() { runtime.Goexit() }

// current returns the running coroutine, for the function of the given name.
func (e *engine) current(fn string) *proc {
	if e.cur == nil {
		if e.over {
			panic("sim: " + fn + ": the run is over")
		}
		panic("sim: " + fn + ": called from a goroutine that the simulator does not run; start goroutines with policy.Go and Clock(ctx)")
	}
	return e.cur
}

// close ends all coroutines.
func (e *engine) close() {
	e.over = true
	for e.live.first != nil {
		p := e.live.first.owner
		p.alive.leave()
		e.bury(p)
	}
	for _, p := range e.idle {
		e.resume(p) // returns from its loop
	}
	e.idle = nil
}

// bury ends a coroutine that waits. It leaves by runtime.Goexit, which ends the goroutine
// that lets it go on, too: so that is one made for it.
func (e *engine) bury(p *proc) {
	e.burying = true
	done := make(chan struct{})
	go func() {
		defer close(done)
		e.resume(p)
	}()
	<-done
	e.cur = nil
	e.outside.running.Store(nil)
	e.burying = false
}

// PanicError is the panic of a function that a simulation ran: of a client, a handler, a
// policy or an observer.
type PanicError struct {
	Value any
	Stack []byte
}

func panicError(value any) error { return &PanicError{Value: value, Stack: debug.Stack()} }

// Error returns the value and the stack.
func (p *PanicError) Error() string {
	return fmt.Sprintf("panic: %v\n\n%s", p.Value, p.Stack)
}

// Unwrap returns the value if it is an error, or else nil.
func (p *PanicError) Unwrap() error {
	err, _ := p.Value.(error)
	return err
}

func exitError() error {
	return fmt.Errorf("a function called runtime.Goexit, as t.FailNow does; return an error instead\n\n%s", debug.Stack())
}

func (e *engine) crowdError() error {
	return fmt.Errorf("more than %d calls, users and functions are in progress at %v, which take too much memory; give calls a timeout, bound the Queue of services, or lower Rate, Burst or Closed",
		e.crowdMost, time.Duration(e.now))
}

func (e *engine) stillError() error {
	return fmt.Errorf("time does not move: over %d steps at %v; a loop repeats without a wait, such as a retry with neither a limit nor a delay\n\n%s",
		e.stillMost, time.Duration(e.now), debug.Stack())
}
