package sim

import (
	"context"
	"math"
	"time"

	"github.com/ductile-go/ductile/policy"
)

// replica is one server of a service: workers behind a queue.
type replica struct {
	*host
	trouble
	owner   *owner
	inside  int // requests for which a caller waits
	busy    int
	queue   chain[*job]
	working chain[*job] // with a time at which they end
	crashes int         // so far
	free    []*job
	cache   coldCache
}

// job is a request in a replica.
type job struct {
	r      *replica
	c      *call
	event  event
	place  link[*job]
	caller *proc // waits; nil once it has gone
	state  jobState
	hit    bool
	err    error // of a job that has ended
}

type jobState int8

const (
	queued jobState = iota
	begun           // a worker has it
	ended           // the caller may go on
	lost            // ended, and the answer does not arrive
)

func (r *replica) newJob(c *call, caller *proc) *job {
	var j *job
	if n := len(r.free); n > 0 {
		j = r.free[n-1]
		r.free = r.free[:n-1]
	} else {
		j = &job{r: r}
		j.event.task, j.place.owner = j, j
	}
	j.c, j.caller, j.state, j.hit, j.err = c, caller, queued, false, nil
	return j
}

// drop puts a job that nothing refers to in store.
func (j *job) drop() {
	j.c, j.caller = nil, nil
	if len(j.r.Calls) == 0 { // otherwise its coroutine may refer to it
		j.r.free = append(j.r.free, j)
	}
}

func (r *replica) leave() { r.inside-- }

// capacity returns the number of workers, 0 if there is no limit.
func (r *replica) capacity() int {
	if r.down {
		return 0
	}
	// The product of 10 and 0.7 is a little more than 7.
	return int(math.Ceil(float64(r.Workers)*r.share - 1e-9))
}

func (r *replica) hasWorker() bool { return r.Workers == 0 || r.busy < r.capacity() }

// serve queues a request and waits for the answer.
func (r *replica) serve(ctx context.Context, p *proc, c *call) error {
	j := r.newJob(c, p)
	switch {
	case r.hits(c):
		r.point().Hits++
		j.hit = true
		j.work(r.HitTime.draw(r.draw))
	case r.hasWorker():
		j.begin()
	case r.queue.n < r.Queue:
		r.queue.push(&j.place)
	default:
		j.drop()
		return r.refusal(ErrFull)
	}
	p.await(ctx)
	return j.result(ctx)
}

// result returns the answer, or leaves the job if the caller goes without one.
func (j *job) result(ctx context.Context) error {
	switch {
	case j.state == ended:
		err := j.err
		j.drop()
		return err
	case j.state == lost || j.state == queued && j.r.AbandonQueue:
		j.place.leave()
		j.drop()
	default:
		j.caller = nil // a worker does the work all the same
	}
	return policy.Ended(ctx)
}

// begin gives a job to a worker.
func (j *job) begin() {
	r := j.r
	r.busy++
	switch {
	case r.Handler != nil:
		j.state = begun
		r.world.engine.wake(j.caller)
	case len(r.Calls) > 0:
		j.state = begun
		r.working.push(&j.place)
		r.world.engine.spawn(j)
	default:
		j.work(r.time())
	}
}

// work makes the job end after d.
func (j *job) work(d time.Duration) {
	j.state = begun
	j.r.working.push(&j.place)
	j.r.world.engine.at(&j.event, d)
}

// time draws a service time.
func (r *replica) time() time.Duration {
	t := float64(r.ServiceTime.draw(r.draw)) * r.slow * (1 + r.Drag*float64(r.queue.n+r.busy))
	return time.Duration(min(t, math.MaxInt64/2))
}

// fire ends a job without services behind it.
func (j *job) fire() { j.finish(nil) }

// run serves a job with services behind it, on a coroutine of its own.
func (j *job) run() {
	r := j.r
	err := r.call(r, j.c)
	if err == nil {
		if t := r.time(); t > 0 {
			p := r.world.engine.cur
			r.world.engine.at(&p.timer, t)
			p.park()
		}
	}
	j.finish(err)
}

// finish ends the work on a job.
func (j *job) finish(err error) {
	r := j.r
	j.place.leave()
	if !j.hit {
		r.busy--
		defer r.fill()
	}
	if j.state != begun { // the replica was down meanwhile
		return
	}
	r.served(j.caller == nil || r.partition)
	if !j.hit && err == nil {
		r.keep(j.c)
	}
	if err == nil && r.errors > 0 && r.draw() < r.errors {
		err = ErrFault
	}
	if r.partition {
		j.state = lost
		if j.caller == nil {
			j.drop()
		}
		return
	}
	j.end(err)
}

// end answers a job.
func (j *job) end(err error) {
	j.state, j.err = ended, err
	if j.caller == nil {
		j.drop()
		return
	}
	j.r.world.engine.wake(j.caller)
}

// fill gives queued jobs to free workers.
func (r *replica) fill() {
	for r.queue.first != nil && r.hasWorker() && !r.down {
		j := r.queue.first.owner
		j.place.leave()
		j.begin()
	}
}

// handle runs the service's own code for a request, on the caller's coroutine.
func (r *replica) handle(ctx context.Context, p *proc) error {
	switch {
	case r.hasWorker():
		r.busy++
	case r.queue.n < r.Queue:
		j := r.newJob(nil, p)
		r.queue.push(&j.place)
		p.await(ctx)
		if j.state != begun {
			err := j.err
			j.place.leave()
			if j.drop(); err != nil {
				return err
			}
			return policy.Ended(ctx)
		}
		j.drop()
	default:
		return r.refusal(ErrFull)
	}
	lost, err := r.work(ctx)
	switch {
	case lost && ctx.Err() == nil:
		return ErrDown
	case lost:
		return policy.Ended(ctx)
	}
	r.served(ctx.Err() != nil || r.partition)
	if err == nil && r.errors > 0 && r.draw() < r.errors {
		err = ErrFault
	}
	if r.partition {
		return p.forever(ctx)
	}
	return err
}

// work runs Handler with a worker that is taken. lost is true if the replica has gone down
// meanwhile: code cannot be stopped from outside, but its answer does not arrive.
func (r *replica) work(ctx context.Context) (lost bool, err error) {
	defer func() {
		r.busy--
		r.fill()
	}()
	before := r.crashes
	err = r.world.guarded(ctx, r.Handler)
	return r.crashes != before, err
}
