package sim

import (
	"context"
	"sort"
	"strconv"
	"time"
)

// leastPause is the pause of a user after a call that took no time, so that time moves.
const leastPause = time.Millisecond

// caller is a kind of client.
type caller struct {
	*Client
	world    *world
	replicas []*owner
	host     *host // of Calls
	arrival  event
	random   stream // of arrivals: the same for each variant
	kinds    stream // of keys and classes: the same for each variant
	think    stream
	keys     *zipf
	classes  [][]ClassPoint
}

func (w *world) newCaller(s *Client) *caller {
	c := &caller{Client: s, world: w, host: w.hosts[s.Calls]}
	c.arrival.task = c
	c.random = stream{w.engine.random("arrivals " + s.Name)}
	c.kinds = stream{w.engine.random("kinds " + s.Name)}
	c.think = stream{w.engine.random("think " + s.Name)}
	if s.Keys > 0 {
		c.keys = newZipf(s.Keys)
	}
	for range s.Classes {
		c.classes = append(c.classes, make([]ClassPoint, len(w.record.bins)))
	}
	for i := range s.Replicas {
		c.replicas = append(c.replicas, w.newOwner("client", s.Name, i+1))
	}
	return c
}

// begin starts the bursts, the users and the arrivals.
func (c *caller) begin() {
	e := c.world.engine
	for range c.Burst {
		for _, o := range c.replicas {
			if e.spawn(c.newVisit(o)); e.failure != nil { // there are too many
				return
			}
		}
	}
	for i := range c.Closed {
		if e.spawn(&user{c, c.replicas[i%len(c.replicas)]}); e.failure != nil {
			return
		}
	}
	c.next()
}

// next schedules the next arrival.
func (c *caller) next() {
	if c.Rate > 0 {
		c.world.engine.at(&c.arrival, c.random.exponential(c.Rate))
	}
}

// fire makes a call arrive, at a replica by chance: together the replicas are Poisson
// processes of their own.
func (c *caller) fire() {
	if c.world.engine.now >= c.world.engine.end {
		return
	}
	o := c.replicas[0]
	if len(c.replicas) > 1 {
		o = c.replicas[c.random.IntN(len(c.replicas))]
	}
	c.world.engine.spawn(c.newVisit(o))
	c.next()
}

// user is one user of a closed loop.
type user struct {
	c     *caller
	owner *owner
}

func (u *user) run() {
	e := u.c.world.engine
	p := e.cur
	for e.now < e.end {
		began := e.now
		u.c.newVisit(u.owner).run()
		pause := u.c.Think.draw(u.c.think.Float64)
		if pause == 0 && e.now == began {
			pause = leastPause
		}
		if pause > 0 {
			e.at(&p.timer, pause)
			p.park()
		}
		e.step()
	}
}

// visit is one call of a client, and its context.
type visit struct {
	call
	caller *caller
	class  int // -1 if it has none
}

func (c *caller) newVisit(o *owner) *visit {
	v := &visit{call: call{world: c.world, owner: o, priority: c.Priority}, caller: c, class: -1}
	if c.keys != nil {
		v.key = c.keys.draw(c.kinds.Float64())
	}
	if len(c.Classes) > 0 {
		v.classify(c.kinds.Float64())
	}
	return v
}

// classify gives the call a class.
func (v *visit) classify(share float64) {
	for i := range v.caller.Classes {
		class := &v.caller.Classes[i]
		if share -= class.Share; share < 0 {
			v.class, v.priority = i, class.Priority
			return
		}
	}
}

// run makes the call and records it.
func (v *visit) run() {
	w := v.world
	began := w.engine.now
	w.record.begin(began)
	var class *ClassPoint
	if v.class >= 0 {
		class = &v.caller.classes[v.class][w.record.second(began)]
		class.Calls++
	}
	err := v.owner.do(&v.call, v.attempt)
	w.record.end(began, w.engine.now, err == nil)
	if class != nil && err == nil {
		class.Succeeded++
	}
}

// attempt is what the policies run.
func (v *visit) attempt(ctx context.Context) (any, error) {
	if v.caller.Do == nil {
		return answer, v.caller.host.request(ctx, &v.call)
	}
	alone := len(v.world.services) == 0
	if alone {
		v.world.record.bin(v.world.engine.now).requests++
	}
	err := v.world.guarded(ctx, v.caller.Do)
	if alone && err == nil {
		v.world.record.bin(v.world.engine.now).served++
	}
	return answer, err
}

// guarded runs a user's function. A panic of it, or a Goexit, ends the run, whatever the
// policies around it would make of that.
func (w *world) guarded(ctx context.Context, fn func(context.Context) error) error {
	returned := false
	defer func() {
		e := w.engine
		if returned || e.over || e.halted || e.failure != nil {
			return
		}
		if r := recover(); r != nil {
			e.abort(panicError(r))
		}
		e.fail(exitError())
	}()
	err := fn(ctx)
	returned = true
	return err
}

// zipf draws keys: the n-th with a chance of 1/n of that of the first.
type zipf struct{ sums []float64 }

func newZipf(n int) *zipf {
	z := &zipf{make([]float64, n)}
	sum := 0.0
	for i := range n {
		sum += 1 / float64(i+1)
		z.sums[i] = sum
	}
	return z
}

func (z *zipf) draw(share float64) string {
	share *= z.sums[len(z.sums)-1]
	return strconv.Itoa(sort.SearchFloat64s(z.sums, share) + 1)
}
